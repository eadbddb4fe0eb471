//! Archives that others wrote, each as a one-layer image: what the program makes of it, checked out again, is what
//! GNU tar unpacks.
//!
//! The archives and what three readers say of them lie with `ostree-layer`, whose own tests compare entry by entry
//! with that; here it is the whole way, and a reader that runs now.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use test_images::{Digest, Image, Layer, Packing};
use whole_program_tests::{Mode, Place, Repo, Run, snapshot, tool};

/// Every archive with the verdict of the three readers. Without the one that holds a file of 12 GB: that is no test
/// for every day.
fn archives() -> Vec<(PathBuf, String)> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/ostree-layer/tests/data");
    let mut archives = Vec::new();
    for folder in ["tar-rs", "ostree-rs-ext"] {
        for entry in fs::read_dir(data.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let expected = fs::read(data.join(format!("expected/{name}.json"))).unwrap();
            let expected: serde_json::Value = serde_json::from_slice(&expected).unwrap();
            let verdict = expected["verdict"].as_str().unwrap().to_owned();
            archives.push((path, verdict));
        }
    }
    assert_eq!(archives.len(), 21);
    archives.retain(|(path, _)| !path.ends_with("sparse-large.tar"));
    archives
}

/// The archive's bytes as they are, under the media type that its name says.
fn layer(archive: &Path) -> Layer {
    let blob = fs::read(archive).unwrap();
    let (packing, unpack) = match archive.extension().unwrap().to_str().unwrap() {
        "gz" => (Packing::GZIP, "gzip"),
        "zst" => (Packing::ZSTD, "zstd"),
        _ => (Packing::None, "cat"),
    };
    let unpacked = std::process::Command::new(unpack)
        .args(if unpack == "cat" { &[][..] } else { &["-dc"] })
        .stdin(fs::File::open(archive).unwrap())
        .output()
        .unwrap();
    assert!(unpacked.status.success(), "{unpack}");
    let diff_id = Digest::sha256_of(&unpacked.stdout);
    Layer::from_blob(blob, packing.media_type(), diff_id)
}

fn pull(repo: &Repo, archive: &Path) -> Run {
    let (place, _) = Place::image(&Image::of([layer(archive)]));
    repo.pull(&place.latest())
}

/// What GNU tar unpacks. Folders that no entry lists are root's, 0755.
fn unpacked(archive: &Path, folder: &Path) -> BTreeMap<String, String> {
    fs::create_dir(folder).unwrap();
    tool(
        "tar",
        [
            "--extract",
            "--preserve-permissions",
            "--numeric-owner",
            "--xattrs",
            "--xattrs-include=*",
            "--directory",
            folder.to_str().unwrap(),
            "--file",
            archive.to_str().unwrap(),
        ],
    );
    snapshot(folder)
}

#[test]
fn accepted_archives_come_out_as_gnu_tar_unpacks_them() {
    for (archive, verdict) in archives() {
        if verdict != "accept" {
            continue;
        }
        let repo = Repo::new(Mode::Bare);
        let json = pull(&repo, &archive).ok().json();
        let commit = json["mergeCommit"].as_str().unwrap();
        let out = repo.beside().join("out");
        repo.ostree(["checkout", commit, out.to_str().unwrap()]);
        let expected = unpacked(&archive, &repo.beside().join("expected"));
        assert_eq!(snapshot(&out), expected, "{}", archive.display());
        assert_eq!(json["droppedPaths"], serde_json::json!({}));
        repo.check_clean();
    }
}

#[test]
fn archives_that_readers_disagree_about_are_refused() {
    for (archive, verdict) in archives() {
        if verdict != "accept" {
            let repo = Repo::new(Mode::BareUser);
            pull(&repo, &archive).failed();
            assert!(repo.refs().is_empty(), "{}", archive.display());
            repo.check_clean();
        }
    }
}
