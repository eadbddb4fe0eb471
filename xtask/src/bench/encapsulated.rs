//! The base as an ostree commit in chunks, as the peer ostree-ext writes it, labels and all.

use super::parts::fnv;
use super::programs::Programs;
use crate::image::tree::snapshot;
use crate::image::{stored, unpacked};
use crate::run::Run;
use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use std::path::Path;
use test_images::Image;

const CHUNKS: u64 = 10;

/// The commit layer and the chunks of this tree.
pub(super) fn base(tree: &Path, work: &Path, debian: bool, programs: &Programs) -> Result<Image> {
    let (commit, repo, oci) = (
        work.join("commit"),
        work.join("repo"),
        work.join("encapsulated-oci"),
    );
    snapshot(tree, &commit)?;
    unpacked::place(&commit)?;
    let repo_option = format!("--repo={}", repo.display());
    Run::new("ostree")
        .args(["init", "--mode=bare", &repo_option])
        .run()?;
    let mut command = Run::new("ostree")
        .args(["commit", "--branch=base", &repo_option])
        .arg("--timestamp=2025-01-01T00:00:00Z")
        .arg(format!("--tree=dir={}", commit.display()));
    if debian {
        command = command
            .arg("--bootable")
            .arg(format!("--selinux-policy={}", commit.display()));
    }
    command.run()?;
    let listing = Run::new("ostree")
        .args(["ls", "-R", "-C", &repo_option, "base"])
        .read()?;
    let meta = work.join("contentmeta.json");
    std::fs::write(&meta, chunks(&listing)?.to_string())?;
    Run::new(&programs.ostree_ext)
        .args(["container", "encapsulate", "--repo"])
        .arg(&repo)
        .arg("--contentmeta")
        .arg(&meta)
        .arg("base")
        .arg(format!("oci:{}:base", oci.display()))
        .run()?;
    stored::read(&oci, 0)
}

/// Which file object goes into which chunk: that of its folder. The form is ostree-ext's `RawMeta`.
fn chunks(listing: &str) -> Result<Value> {
    let mut mapping = Map::new();
    for line in listing.lines().filter(|line| !line.starts_with('d')) {
        let (facts, path) = line.split_once(" /").context("a line without a path")?;
        let checksum = facts
            .split_whitespace()
            .next_back()
            .context("a line without a checksum")?;
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let chunk = fnv(folder.as_bytes()) % CHUNKS;
        mapping
            .entry(checksum)
            .or_insert_with(|| Value::String(format!("chunk-{chunk}")));
    }
    // A chunk that nothing is in would be refused.
    let layers: Map<_, _> = mapping
        .values()
        .filter_map(Value::as_str)
        .map(|name| (name.to_owned(), Value::String(name.to_owned())))
        .collect();
    Ok(json!({"version": 1, "layers": layers, "mapping": mapping}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_folder_share_a_chunk_and_folders_are_in_none() {
        let listing = "d00755 0 0      0 aa bb /usr\n-00644 0 0      6 c1 /usr/one\n-00644 0 0      6 c2 /usr/two words\n\
            l00777 0 0      0 c3 /usr/link -> one\n";
        let meta = chunks(listing).unwrap();
        assert_eq!(meta["mapping"].as_object().unwrap().len(), 3);
        assert_eq!(meta["mapping"]["c1"], meta["mapping"]["c2"]);
        assert!(
            meta["layers"]
                .get(meta["mapping"]["c3"].as_str().unwrap())
                .is_some()
        );
    }
}
