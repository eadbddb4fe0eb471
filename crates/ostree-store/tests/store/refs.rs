//! Refs: good, broken, aliases.

use std::fs;
use std::os::unix::fs::symlink;

use ostree_objects::{Checksum, RepoMode};
use ostree_store::{Error, ErrorKind, SyncedRefDirs};

use crate::support::{committed_by_ostree, open, ostree, temporary};

#[test]
fn as_ostree_writes_them() {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    let path = dir.path().join("repo");
    let commit = committed_by_ostree(&path, RepoMode::Archive, &tree);
    let image = "ostree/container/image/docker_3A__2F__2F_quay_2E_io/a_3A_latest";
    ostree(&path, &["refs", &format!("--create={image}"), "test"]);
    ostree(&path, &["refs", "--alias", "--create=other/alias", "test"]);
    let repo = open(&path);
    assert_eq!(repo.resolve_ref("test").unwrap(), Some(commit));
    assert_eq!(repo.resolve_ref(image).unwrap(), Some(commit));
    assert_eq!(repo.resolve_ref("other/alias").unwrap(), Some(commit));
    assert_eq!(repo.resolve_ref("ostree/container").unwrap(), None);
    assert_eq!(repo.resolve_ref("test/below").unwrap(), None);
    assert_eq!(repo.resolve_ref("no/such").unwrap(), None);
    let all = repo.list_refs("").unwrap();
    let names: Vec<_> = all.refs.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, [image, "other/alias", "test"]);
    assert!(all.broken.is_empty());
    let images = repo.list_refs("ostree/container/image").unwrap();
    assert_eq!(images.refs, [(image.to_owned(), commit)]);
    assert!(
        repo.list_refs("ostree/container/ima")
            .unwrap()
            .refs
            .is_empty()
    );
    assert_eq!(
        repo.list_refs("test").unwrap().refs,
        [("test".to_owned(), commit)]
    );
    for name in ["test", image, "removed/since"] {
        repo.sync_ref(name).unwrap();
    }
}

#[test]
fn one_broken_stops_no_other() {
    let (_dir, path, repo) = temporary(RepoMode::Archive);
    let heads = path.join("refs/heads");
    let good = Checksum::of(b"commit");
    fs::create_dir(heads.join("a")).unwrap();
    fs::write(heads.join("a/good"), format!("{good}\n")).unwrap();
    fs::write(heads.join("a/empty"), "").unwrap();
    fs::write(heads.join("a/text"), "not a checksum\n").unwrap();
    fs::write(heads.join("a/bytes"), [0xff, 0xfe]).unwrap();
    fs::write(heads.join("a/long"), "0".repeat(5000)).unwrap();
    fs::write(heads.join("a/.tmp1"), format!("{good}\n")).unwrap();
    symlink("nowhere", heads.join("a/dangling")).unwrap();
    symlink("/etc/passwd", heads.join("a/outside")).unwrap();
    symlink("loop", heads.join("a/loop")).unwrap();
    let list = repo.list_refs("").unwrap();
    assert_eq!(list.refs, [("a/good".to_owned(), good)]);
    let broken: Vec<_> = list
        .broken
        .iter()
        .map(|broken| broken.name.as_str())
        .collect();
    let expected = [
        "a/.tmp1",
        "a/bytes",
        "a/dangling",
        "a/empty",
        "a/long",
        "a/loop",
        "a/outside",
    ];
    assert_eq!(broken, [&expected[..], &["a/text"]].concat());
    let error = repo.resolve_ref("a/empty").unwrap_err();
    assert!(matches!(&error, Error::BrokenRef { name, .. } if name == "a/empty"));
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert_eq!(repo.resolve_ref("a/good").unwrap(), Some(good));
    for name in [
        "", "/a", "a//b", "../x", "a/..", ".hidden", "-a", "a/-b", "a\0b", "a/",
    ] {
        let error = repo.resolve_ref(name).unwrap_err();
        assert!(
            matches!(error, Error::RefName { .. }),
            "{name:?}: {error:?}"
        );
        assert!(repo.sync_ref(name).is_err(), "{name:?}");
        let mut synced = SyncedRefDirs::default();
        assert!(repo.sync_ref_among(name, &mut synced).is_err(), "{name:?}");
    }
}
