//! What works without root, and what says that it does not.

use std::fs;
use std::os::unix::fs::chown;

use ostree_objects::{DirMeta, DirTree, FileHeader, ObjectName, RepoMode, Xattrs};
use ostree_store::{Error, ErrorKind};
use rustix::fs::{Gid, Uid};

use crate::support::{create, need_root, ostree};

const USER: u32 = 65_534;

/// Runs in a thread that is an ordinary user.
fn as_user<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    need_root();
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let (uid, gid) = (Uid::from_raw(USER), Gid::from_raw(USER));
            rustix::thread::set_thread_groups(&[]).unwrap();
            rustix::thread::set_thread_res_gid(gid, gid, gid).unwrap();
            rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
            work()
        });
        thread.join().unwrap()
    })
}

fn user_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    chown(dir.path(), Some(USER), Some(USER)).unwrap();
    dir
}

fn headers() -> Vec<FileHeader> {
    let xattrs = Xattrs::from_pairs(vec![
        (
            b"security.selinux".to_vec(),
            b"system_u:object_r:bin_t:s0\0".to_vec(),
        ),
        (b"user.x".to_vec(), b"y".to_vec()),
    ]);
    vec![
        FileHeader::regular(0, 0, 0o644, Xattrs::new()),
        FileHeader::regular(0, 12, 0o6755, xattrs.unwrap()),
        FileHeader::regular(5, 6, 0, Xattrs::new()),
        FileHeader::symlink(0, 0, "to/somewhere".to_owned(), Xattrs::new()),
    ]
}

#[test]
fn bare_user_and_archive_need_no_root() {
    for mode in [RepoMode::BareUser, RepoMode::Archive] {
        let dir = user_dir();
        let path = dir.path().join("repo");
        let commit = as_user(|| {
            let repo = create(&path, mode);
            let stage = repo.stage().unwrap();
            let mut tree = DirTree::default();
            for (index, header) in headers().iter().enumerate() {
                for size in [5_usize, 200_000] {
                    let size = if header.is_symlink() { 0 } else { size };
                    let content = vec![b'x'; size];
                    let sum = stage
                        .write_file(header, size as u64, &mut &content[..])
                        .unwrap();
                    tree.files.push((format!("{index}-{size:06}"), sum));
                }
            }
            tree.files.dedup();
            let meta = stage.write_dirmeta(&DirMeta::root_default()).unwrap();
            let commit = ostree_objects::Commit {
                metadata: ostree_objects::Metadata::new(),
                parent: None,
                subject: String::new(),
                body: String::new(),
                timestamp: 0,
                tree: stage.write_dirtree(&tree).unwrap(),
                meta,
            };
            let commit = stage.write_commit(&commit).unwrap();
            stage.publish().unwrap();
            for (name, sum) in &tree.files {
                assert!(
                    repo.verify(&ObjectName::file(*sum)).unwrap().is_good(),
                    "{name}"
                );
            }
            commit
        });
        ostree(&path, &["fsck", "--quiet"]);
        let listing = ostree(&path, &["ls", "-RX", &commit.to_string()]);
        assert!(listing.contains("-06755 0 12"), "{listing}");
    }
}

#[test]
fn bare_says_that_it_needs_root() {
    let dir = user_dir();
    let path = dir.path().join("repo");
    as_user(|| {
        let repo = create(&path, RepoMode::Bare);
        for header in [
            FileHeader::regular(0, 0, 0o644, Xattrs::new()),
            FileHeader::symlink(0, 0, "x".to_owned(), Xattrs::new()),
        ] {
            let stage = repo.stage().unwrap();
            let error = stage
                .write_file(&header, 0, &mut std::io::empty())
                .unwrap_err();
            assert!(matches!(error, Error::NeedsRoot { .. }), "{error:?}");
            assert!(error.to_string().contains("bare-user"), "{error}");
            assert!(matches!(stage.publish().unwrap_err(), Error::StageFailed));
        }
        // What is the user's own can be stored.
        let stage = repo.stage().unwrap();
        let header = FileHeader::regular(USER, USER, 0o600, Xattrs::new());
        let sum = stage.write_file(&header, 2, &mut &b"ok"[..]).unwrap();
        stage.publish().unwrap();
        assert!(repo.verify(&ObjectName::file(sum)).unwrap().is_good());
    });
}

#[test]
fn somebody_elses_repo() {
    need_root();
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(
        dir.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let path = dir.path().join("repo");
    create(&path, RepoMode::BareUser);
    as_user(|| {
        let error = crate::support::open(&path).stage().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().contains("tmp"), "{error}");
    });
}
