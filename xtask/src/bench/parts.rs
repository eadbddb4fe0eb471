//! One tree as several layers: its files dealt out by folder, as packages would be.

use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Makes `count` trees below `parts` of hard links to what is in `tree`, each with the folders that its files
/// need; where they are.
pub(super) fn deal_out(tree: &Path, count: usize, parts: &Path) -> Result<Vec<PathBuf>> {
    let places: Vec<_> = (0..count)
        .map(|number| parts.join(format!("part-{number:03}")))
        .collect();
    for place in &places {
        fs::create_dir_all(place)?;
        like(&fs::symlink_metadata(tree)?, place)?;
    }
    let mut deal = Deal {
        tree,
        places: &places,
        linked: BTreeMap::new(),
    };
    deal.folder(Path::new(""))?;
    Ok(places)
}

struct Deal<'a> {
    tree: &'a Path,
    places: &'a [PathBuf],
    /// The part of each inode with several names: they must meet in one layer.
    linked: BTreeMap<u64, usize>,
}

impl Deal<'_> {
    fn folder(&mut self, path: &Path) -> Result<()> {
        let mut names = fs::read_dir(self.tree.join(path))?
            .map(|entry| Ok(entry?.file_name()))
            .collect::<Result<Vec<_>>>()?;
        names.sort();
        let own_part =
            usize::try_from(fnv(path.as_os_str().as_bytes()) % self.places.len() as u64)?;
        if names.is_empty() {
            self.make_folders(path, own_part)?;
        }
        for name in names {
            let path = path.join(name);
            let from = self.tree.join(&path);
            let meta = fs::symlink_metadata(&from)?;
            if meta.is_dir() {
                self.folder(&path)?;
                continue;
            }
            let part = match meta.nlink() {
                1 => own_part,
                _ => *self.linked.entry(meta.ino()).or_insert(own_part),
            };
            self.make_folders(path.parent().unwrap_or(Path::new("")), part)?;
            fs::hard_link(&from, self.places[part].join(&path))
                .with_context(|| format!("linking {}", from.display()))?;
        }
        Ok(())
    }

    fn make_folders(&self, path: &Path, part: usize) -> Result<()> {
        let place = self.places[part].join(path);
        if place.exists() {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.make_folders(parent, part)?;
        }
        fs::create_dir(&place)?;
        like(&fs::symlink_metadata(self.tree.join(path))?, &place)
    }
}

/// Gives a folder the owner and mode of another.
fn like(meta: &Metadata, place: &Path) -> Result<()> {
    std::os::unix::fs::chown(place, Some(meta.uid()), Some(meta.gid()))?;
    Ok(fs::set_permissions(place, meta.permissions())?)
}

/// FNV-1a.
pub(super) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_in_one_part_and_links_stay_together() {
        let scratch = tempfile::tempdir().unwrap();
        let tree = scratch.path().join("tree");
        for number in 0..50 {
            let folder = tree.join(format!("usr/{number}"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("file"), number.to_string()).unwrap();
            if number > 0 {
                fs::hard_link(tree.join("usr/0/file"), folder.join("link")).unwrap();
            }
        }
        let parts = deal_out(&tree, 4, &scratch.path().join("parts")).unwrap();
        let with = |name: &str| parts.iter().filter(|part| part.join(name).exists()).count();
        assert!((0..50).all(|number| with(&format!("usr/{number}/file")) == 1));
        let home = parts
            .iter()
            .find(|part| part.join("usr/0/file").exists())
            .unwrap();
        assert!((1..50).all(|number| home.join(format!("usr/{number}/link")).exists()));
        assert!(parts.iter().all(|part| part.join("usr").is_dir()));
    }
}
