//! Damaged objects, and files that a mode cannot hold.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use ostree_objects::{Checksum, DirMeta, FileHeader, ObjectName, ObjectType, RepoMode, Xattrs};
use ostree_store::{Error, ErrorKind, Repo, Verdict};

use crate::support::{
    MODES, committed_by_ostree, make_tree, names, need_root, object_file, open, open_dir, put,
    temporary,
};

#[test]
fn each_kind_is_found() {
    need_root();
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    make_tree(&tree);
    for mode in MODES {
        let path = dir.path().join(mode.as_str());
        committed_by_ostree(&path, mode, &tree);
        let repo = open(&path);
        for name in names(&repo) {
            let file = object_file(&path, &name, mode);
            if fs::symlink_metadata(&file).unwrap().is_symlink() {
                continue;
            }
            assert!(repo.verify(&name).unwrap().is_good());
            let good = fs::read(&file).unwrap();
            // One byte more; none at all; one changed in the middle.
            let mut longer = good.clone();
            longer.push(0x55);
            let mut changed = good.clone();
            if let Some(byte) = changed.get_mut(good.len() / 2) {
                *byte ^= 0x10;
            }
            // Behind the end of a compressed stream nothing is read, by libostree neither.
            let longer = (mode != RepoMode::Archive || name.object_type != ObjectType::File)
                .then_some(longer);
            for bad in [longer, Some(Vec::new()), Some(changed)]
                .into_iter()
                .flatten()
            {
                if bad == good {
                    continue;
                }
                fs::write(&file, &bad).unwrap();
                let verdict = repo.verify(&name).unwrap();
                assert!(
                    matches!(
                        verdict,
                        Verdict::Corrupt { .. } | Verdict::Unreadable { .. }
                    ),
                    "{name} in {mode}: {verdict:?}"
                );
            }
            fs::remove_file(&file).unwrap();
            assert!(matches!(repo.verify(&name).unwrap(), Verdict::Missing));
        }
        assert!(
            names(&repo)
                .iter()
                .all(|name| name.object_type == ObjectType::File)
        );
    }
}

#[test]
fn changed_owner_mode_or_attribute() {
    need_root();
    let (_dir, path, repo) = temporary(RepoMode::Bare);
    let stage = repo.stage().unwrap();
    let name = ObjectName::file(put(&stage, b"x"));
    stage.publish().unwrap();
    let file = object_file(&path, &name, RepoMode::Bare);
    let found = || match repo.verify(&name).unwrap() {
        Verdict::Corrupt { found } => found,
        verdict => panic!("{verdict:?}"),
    };
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let first = found();
    crate::support::set_xattr(&file, "user.more", b"1");
    assert_ne!(found(), first);
}

#[test]
fn bare_user_without_its_attribute() {
    let (_dir, path, repo) = temporary(RepoMode::BareUser);
    let stage = repo.stage().unwrap();
    let name = ObjectName::file(put(&stage, b"x"));
    stage.publish().unwrap();
    let file = object_file(&path, &name, RepoMode::BareUser);
    rustix::fs::removexattr(&file, "user.ostreemeta").unwrap();
    let verdict = repo.verify(&name).unwrap();
    assert!(
        matches!(
            verdict,
            Verdict::Unreadable {
                reason: Error::NoHeader { .. }
            }
        ),
        "{verdict:?}"
    );
    let error = repo.open_file(&name.checksum).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    crate::support::set_xattr(&file, "user.ostreemeta", b"short");
    assert_eq!(
        repo.open_file(&name.checksum).unwrap_err().kind(),
        ErrorKind::Corrupt
    );
}

#[test]
fn missing_is_said_by_name() {
    let (_dir, _path, repo) = temporary(RepoMode::Archive);
    let sum = Checksum::of(b"nothing");
    let missing = |error: Error, object_type| {
        let Error::Missing { name } = error else {
            panic!("{error:?}")
        };
        assert_eq!(name, ObjectName::new(sum, object_type));
    };
    missing(repo.read_commit(&sum).unwrap_err(), ObjectType::Commit);
    missing(repo.read_dirtree(&sum).unwrap_err(), ObjectType::DirTree);
    missing(repo.read_dirmeta(&sum).unwrap_err(), ObjectType::DirMeta);
    missing(repo.open_file(&sum).unwrap_err(), ObjectType::File);
    assert_eq!(repo.read_detached_metadata(&sum).unwrap(), None);
    assert_eq!(
        repo.read_metadata_object(&ObjectName::commit(sum)).unwrap(),
        None
    );
    assert!(repo.read_metadata_object(&ObjectName::file(sum)).is_err());
}

#[test]
fn what_a_mode_cannot_hold() {
    need_root();
    let (_dir, _path, bare) = temporary(RepoMode::Bare);
    let (_dir2, _path2, user) = temporary(RepoMode::BareUser);
    let mut link = FileHeader::symlink(0, 0, "x".to_owned(), Xattrs::new());
    link.mode = 0o120_644;
    let mut unsorted = FileHeader::regular(0, 0, 0o644, Xattrs::new());
    let swapped = {
        // Two attributes of one length, their names exchanged in the serialised form.
        let pairs = vec![(b"user.a".to_vec(), vec![1]), (b"user.b".to_vec(), vec![1])];
        let mut bytes = Xattrs::from_pairs(pairs).unwrap().to_bytes();
        for byte in &mut bytes {
            *byte = match *byte {
                b'a' => b'b',
                b'b' => b'a',
                other => other,
            };
        }
        Xattrs::parse(&bytes).unwrap()
    };
    assert!(!swapped.is_canonical());
    unsorted.xattrs = swapped;
    for header in [link, unsorted] {
        let error = bare
            .stage()
            .unwrap()
            .write_file(&header, 0, &mut std::io::empty());
        assert!(matches!(error.unwrap_err(), Error::Unstorable { .. }));
        let stage = user.stage().unwrap();
        let sum = stage.write_file(&header, 0, &mut std::io::empty()).unwrap();
        stage.publish().unwrap();
        assert!(user.verify(&ObjectName::file(sum)).unwrap().is_good());
    }
    let stage = bare.stage().unwrap();
    let large = vec![(b"user.large".to_vec(), vec![1; 60_000])];
    let header = FileHeader::regular(0, 0, 0o644, Xattrs::from_pairs(large).unwrap());
    match stage.write_file(&header, 0, &mut std::io::empty()) {
        // Not every file system has such a limit.
        Ok(_) => assert_eq!(stage.publish().unwrap().objects, 1),
        Err(error) => assert!(matches!(error, Error::XattrTooLarge { length: 60_000, .. })),
    }
    let invalid = DirMeta {
        mode: 0o100_644,
        ..DirMeta::root_default()
    };
    assert!(bare.stage().unwrap().write_dirmeta(&invalid).is_err());
}

#[test]
fn repositories_that_are_refused() {
    let (dir, path, _repo) = temporary(RepoMode::Archive);
    let config = path.join("config");
    let open = |text: &str| {
        fs::write(&config, text).unwrap();
        Repo::open(&open_dir(&path))
    };
    for mode in ["bare-user-only", "bare-split-xattrs"] {
        let error = open(&format!("[core]\nrepo_version=1\nmode={mode}\n")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains(mode));
    }
    assert!(matches!(
        open("[core]\nrepo_version=2\n").unwrap_err(),
        Error::Config { .. }
    ));
    fs::write(&config, [0xff]).unwrap();
    assert!(matches!(
        Repo::open(&open_dir(&path)).unwrap_err(),
        Error::Config { .. }
    ));
    let error = Repo::open(&open_dir(dir.path())).unwrap_err();
    assert!(error.to_string().contains("config"), "{error}");
}
