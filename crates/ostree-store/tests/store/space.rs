//! The reserve, full and read-only file systems.

use std::fs;
use std::path::{Path, PathBuf};

use ostree_objects::RepoMode;
use ostree_store::{Error, ErrorKind, MinFree};

use crate::support::{create, need_root, open, plain, put, run, stages, temporary};

fn configure(repo: &Path, lines: &str) {
    let text = fs::read_to_string(repo.join("config")).unwrap();
    fs::write(repo.join("config"), format!("{text}{lines}")).unwrap();
}

#[test]
fn the_reserve_is_kept() {
    let (_dir, path, repo) = temporary(RepoMode::BareUser);
    assert_eq!(repo.min_free_space(), MinFree::Percent(3));
    let space = repo.free_space().unwrap();
    assert!(space.available_bytes <= space.total_bytes && space.available_inodes > 0);
    assert_eq!(space.reserved_bytes, space.total_bytes / 100 * 3);

    // More than there can ever be.
    configure(&path, "min-free-space-size=8000000TB\n");
    let repo = open(&path);
    let stage = repo.stage().unwrap();
    stage
        .write_dirmeta(&ostree_objects::DirMeta::root_default())
        .unwrap();
    // Metadata alone is let through, as by libostree: it is what tidying up needs.
    assert_eq!(stage.publish().unwrap().objects, 1);

    let stage = repo.stage().unwrap();
    put(&stage, b"small");
    let error = stage.publish().unwrap_err();
    let Error::NoSpace {
        available,
        reserved,
        ..
    } = error
    else {
        panic!("{error:?}")
    };
    assert!(available < reserved);
    assert_eq!(error.kind(), ErrorKind::NoSpace);

    let stage = repo.stage().unwrap();
    let size = 40_000_000;
    let error = stage
        .write_file(&plain(), size, &mut std::io::repeat(1))
        .unwrap_err();
    assert!(
        matches!(error, Error::NoSpace { needed, .. } if needed == size),
        "{error:?}"
    );
    drop(stage);

    // Many small ones are noticed before the end.
    let stage = repo.stage().unwrap();
    let mut content = vec![0; 100_000];
    let failed = (0..1000_u32).find_map(|i| {
        content[..4].copy_from_slice(&i.to_le_bytes());
        stage.write_file(&plain(), 100_000, &mut &content[..]).err()
    });
    assert!(matches!(failed, Some(Error::NoSpace { .. })), "{failed:?}");
    drop(stage);
    assert!(stages(&path).is_empty());
}

struct Mounted(
    PathBuf,
    #[expect(dead_code, reason = "kept for its drop")] tempfile::TempDir,
);

impl Mounted {
    fn tmpfs(options: &str) -> Self {
        need_root();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_owned();
        run(
            "mount",
            &[
                "-t",
                "tmpfs",
                "-o",
                options,
                "tmpfs",
                path.to_str().unwrap(),
            ],
        );
        Self(path, dir)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        run("umount", &["-l", self.0.to_str().unwrap()]);
    }
}

#[test]
fn full_of_bytes() {
    let mounted = Mounted::tmpfs("size=2m");
    let path = mounted.0.join("repo");
    create(&path, RepoMode::Bare);
    configure(&path, "min-free-space-percent=0\n");
    let repo = open(&path);
    for size in [3_000_000, 100_000] {
        let stage = repo.stage().unwrap();
        let failed = (0..100_u64).find_map(|i| {
            let mut content = std::io::repeat(u8::try_from(i).unwrap());
            stage.write_file(&plain(), size, &mut content).err()
        });
        let Some(Error::DiskFull { .. }) = failed else {
            panic!("{failed:?}")
        };
        assert_eq!(failed.unwrap().kind(), ErrorKind::NoSpace);
        drop(stage);
        assert!(stages(&path).is_empty());
    }
    // And after that there is room again.
    let stage = repo.stage().unwrap();
    put(&stage, &vec![1; 1_000_000]);
    assert_eq!(stage.publish().unwrap().objects, 1);
}

#[test]
fn full_of_files() {
    let mounted = Mounted::tmpfs("nr_inodes=80");
    let path = mounted.0.join("repo");
    let repo = create(&path, RepoMode::Bare);
    let stage = repo.stage().unwrap();
    let failed = (0..100_u64).find_map(|i| {
        stage
            .write_file(&plain(), 8, &mut &i.to_le_bytes()[..])
            .err()
    });
    assert!(matches!(failed, Some(Error::DiskFull { .. })), "{failed:?}");
    assert_eq!(repo.free_space().unwrap().available_inodes, 0);
}

#[test]
fn read_only() {
    let mounted = Mounted::tmpfs("size=2m");
    let path = mounted.0.join("repo");
    let repo = create(&path, RepoMode::Bare);
    let stage = repo.stage().unwrap();
    put(&stage, b"before");
    run("mount", &["-o", "remount,ro", mounted.0.to_str().unwrap()]);
    let error = repo.stage().unwrap_err();
    assert!(matches!(error, Error::ReadOnly { .. }), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    let error = stage
        .write_file(&plain(), 5, &mut &b"after"[..])
        .unwrap_err();
    assert!(matches!(error, Error::ReadOnly { .. }), "{error:?}");
}
