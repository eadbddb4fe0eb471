//! Stages: dropped, killed, several at once.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use ostree_objects::{Checksum, DirTree, FileHasher, ObjectName, ObjectType, RepoMode};
use ostree_store::{Error, Swept, Written};

use crate::support::{names, open, ostree, plain, put, stages, temporary};

fn sum(content: &[u8]) -> Checksum {
    let mut hasher = FileHasher::new(&plain());
    hasher.update(content);
    hasher.finish()
}

#[test]
fn dropped_leaves_nothing() {
    let (_dir, path, repo) = temporary(RepoMode::BareUser);
    let stage = repo.stage().unwrap();
    put(&stage, b"small");
    put(&stage, &vec![1; 500_000]);
    assert_eq!(stages(&path).len(), 1);
    drop(stage);
    assert!(stages(&path).is_empty());
    assert!(names(&repo).is_empty());
}

#[test]
fn in_use_is_not_swept() {
    let (_dir, path, repo) = temporary(RepoMode::BareUser);
    let stage = repo.stage().unwrap();
    let content = put(&stage, b"kept");
    assert_eq!(
        repo.sweep_abandoned().unwrap(),
        Swept {
            removed: 0,
            alive: 1
        }
    );
    // Nor by a commit of libostree, even were its own limit of a day over: the date is ahead.
    let name = stages(&path).pop().unwrap();
    let date = fs::metadata(path.join("tmp").join(&name)).unwrap().mtime();
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    assert!(date > i64::try_from(now).unwrap() + 5 * 86_400);
    fs::create_dir(path.join("empty")).unwrap();
    let tree = format!("--tree=dir={}", path.join("empty").display());
    fs::write(
        path.join("config"),
        config_with(&path, "tmp-expiry-secs=0\n"),
    )
    .unwrap();
    ostree(&path, &["commit", "-b", "x", &tree]);
    assert_eq!(stages(&path), [name]);
    assert_eq!(stage.publish().unwrap().objects, 1);
    assert!(repo.has(&ObjectName::file(content)).unwrap());
    assert!(stages(&path).is_empty());
}

fn config_with(repo: &Path, line: &str) -> String {
    format!("{}{line}", fs::read_to_string(repo.join("config")).unwrap())
}

/// Not a test: the writer that [`killed_is_swept`] kills.
#[test]
fn writer_that_is_killed() {
    let Some(path) = std::env::var_os("STORE_TEST_KILLED") else {
        return;
    };
    let stage = open(&PathBuf::from(path)).stage().unwrap();
    put(&stage, b"lost");
    put(&stage, &vec![1; 500_000]);
    io::stdout().write_all(b"ready\n").unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn killed_is_swept() {
    let (_dir, path, repo) = temporary(RepoMode::BareUser);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stages::writer_that_is_killed", "--nocapture"])
        .env("STORE_TEST_KILLED", &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut stdout = child.stdout.take().unwrap();
    while !said.contains("ready") {
        let mut byte = [0];
        assert_eq!(stdout.read(&mut byte).unwrap(), 1, "{said}");
        said.push(char::from(byte[0]));
    }
    assert_eq!(
        repo.sweep_abandoned().unwrap(),
        Swept {
            removed: 0,
            alive: 1
        }
    );
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(stages(&path).len(), 1);
    assert_eq!(
        repo.sweep_abandoned().unwrap(),
        Swept {
            removed: 1,
            alive: 0
        }
    );
    assert!(stages(&path).is_empty());
    assert!(names(&repo).is_empty());
}

#[test]
fn sweeping_while_others_begin() {
    let (_dir, path, repo) = temporary(RepoMode::BareUser);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sweeper = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                repo.sweep_abandoned().unwrap();
            }
        });
        let writers: Vec<_> = (0..4_u8)
            .map(|writer| {
                let repo = &repo;
                scope.spawn(move || {
                    for round in 0..40_u8 {
                        let stage = repo.stage().unwrap();
                        put(&stage, &[writer, round]);
                        assert_eq!(stage.publish().unwrap().objects, 1);
                    }
                })
            })
            .collect();
        writers
            .into_iter()
            .for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::Relaxed);
        sweeper.join().unwrap();
    });
    assert_eq!(names(&repo).len(), 160);
    assert!(stages(&path).is_empty());
}

#[test]
fn two_publish_the_same() {
    for mode in [RepoMode::BareUser, RepoMode::Archive] {
        let (_dir, path, repo) = temporary(mode);
        let (one, two) = (repo.stage().unwrap(), repo.stage().unwrap());
        let large = vec![3; 300_000];
        for stage in [&one, &two] {
            put(stage, b"same");
            put(stage, &large);
        }
        let only_two = put(&two, b"other");
        let meta = two
            .write_dirmeta(&ostree_objects::DirMeta::root_default())
            .unwrap();
        let first = one.publish().unwrap();
        assert_eq!((first.objects, first.bytes > 300_000), (2, true));
        let second = two.publish().unwrap();
        assert_eq!(second.objects, 2, "{mode}");
        assert!(repo.has(&ObjectName::file(only_two)).unwrap());
        assert!(repo.has(&ObjectName::dirmeta(meta)).unwrap());
        assert!(stages(&path).is_empty());
        ostree(&path, &["fsck", "--quiet"]);
    }
}

#[test]
fn threads_share_a_stage() {
    let (_dir, _path, repo) = temporary(RepoMode::BareUser);
    let stage = repo.stage().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for i in 0..300_u32 {
                    let large = if i % 50 == 0 { 200_000 } else { 10 };
                    let mut content = i.to_le_bytes().to_vec();
                    content.resize(large, 0);
                    put(&stage, &content);
                }
            });
        }
    });
    assert_eq!(stage.publish().unwrap().objects, 300);
    for name in names(&repo) {
        assert!(repo.verify(&name).unwrap().is_good());
    }
}

#[test]
fn what_is_expected_must_come() {
    let (_dir, path, repo) = temporary(RepoMode::BareUser);
    let stage = repo.stage().unwrap();
    for content in [vec![5; 10], vec![5; 400_000]] {
        let size = content.len() as u64;
        let wrong = sum(b"something else");
        let error = stage
            .write_file_expecting(&wrong, &plain(), size, &mut &content[..])
            .unwrap_err();
        assert!(matches!(error, Error::ChecksumMismatch { found, .. } if found == sum(&content)));
        let error = stage
            .write_file(&plain(), size + 1, &mut &content[..])
            .unwrap_err();
        assert!(
            matches!(error, Error::ContentCut { found, .. } if found == size),
            "{error:?}"
        );
        let error = stage.write_file(&plain(), size, &mut Failing).unwrap_err();
        let Error::Content { source } = error else {
            panic!("{error:?}")
        };
        assert_eq!(source.to_string(), "no more");
        let right = sum(&content);
        let write = || stage.write_file_expecting(&right, &plain(), size, &mut &content[..]);
        assert_eq!(write().unwrap(), Written::New);
        assert_eq!(write().unwrap(), Written::Present);
        // Not even read.
        let present = stage.write_file_expecting(&right, &plain(), size, &mut Failing);
        assert_eq!(present.unwrap(), Written::Present);
    }
    let bytes = DirTree::default().to_bytes();
    let wrong = ObjectName::dirtree(sum(b""));
    assert!(matches!(
        stage.write_metadata_expecting(&wrong, &bytes),
        Err(Error::ChecksumMismatch { .. })
    ));
    assert!(matches!(
        stage.write_metadata(ObjectType::Commit, &bytes),
        Err(Error::Invalid { .. })
    ));
    assert!(matches!(
        stage.write_metadata(ObjectType::File, &bytes),
        Err(Error::WrongType { .. })
    ));
    // Nothing of the refused is left, and they do not spoil the rest.
    let name = stages(&path).pop().unwrap();
    let left = fs::read_dir(path.join("tmp").join(name).join("objects")).unwrap();
    let left: Vec<_> = left
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left, ["file"]);
    assert_eq!(stage.publish().unwrap().objects, 2);
}

struct Failing;

impl io::Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("no more"))
    }
}

/// Zeros become a hole: a sparse file of a layer must not fill the disk.
#[test]
fn zeros_take_no_space() {
    const SIZE: usize = 64 << 20;
    let (_dir, path, repo) = temporary(RepoMode::BareUser);
    let stage = repo.stage().unwrap();
    let mut content = vec![0; SIZE];
    content[SIZE / 2] = 7;
    let checksum = put(&stage, &content);
    stage.publish().unwrap();
    let object = ObjectName::file(checksum).loose_path(RepoMode::BareUser);
    let stored = path.join("objects").join(object);
    let metadata = fs::metadata(&stored).unwrap();
    assert_eq!(metadata.len(), SIZE as u64);
    assert!(
        metadata.blocks() * 512 < 1 << 20,
        "{} blocks",
        metadata.blocks()
    );
    assert!(fs::read(stored).unwrap() == content);
    ostree(&path, &["fsck", "--quiet"]);
}

/// Only what belongs to the file is read from a stream that goes on.
#[test]
fn no_byte_more_is_read() {
    let (_dir, _path, repo) = temporary(RepoMode::BareUser);
    let stage = repo.stage().unwrap();
    let stream = vec![9; 600_000];
    let mut rest = &stream[..];
    stage.write_file(&plain(), 10, &mut rest).unwrap();
    stage.write_file(&plain(), 400_000, &mut rest).unwrap();
    assert_eq!(rest.len(), 199_990);
}

#[test]
fn objects_of_a_stage_are_read_back() {
    let (_dir, _path, repo) = temporary(RepoMode::BareUser);
    let stage = repo.stage().unwrap();
    let meta = ostree_objects::DirMeta::root_default();
    let name = ObjectName::dirmeta(meta.checksum());
    assert!(!stage.contains(&name).unwrap());
    assert!(matches!(
        stage.read_dirmeta(&name.checksum),
        Err(Error::Missing { .. })
    ));
    stage.write_dirmeta(&meta).unwrap();
    assert!(stage.contains(&name).unwrap() && !repo.has(&name).unwrap());
    assert_eq!(stage.read_dirmeta(&name.checksum).unwrap(), meta);
    stage.publish().unwrap();
    let stage = repo.stage().unwrap();
    assert!(stage.contains(&name).unwrap());
    assert_eq!(stage.read_dirmeta(&name.checksum).unwrap(), meta);
}

/// Somebody who empties `tmp` under a writer is noticed.
#[test]
fn vanished_is_noticed() {
    let (_dir, path, repo) = temporary(RepoMode::BareUser);
    let stage = repo.stage().unwrap();
    for i in 0..20_u8 {
        put(&stage, &[i]);
    }
    let objects = path
        .join("tmp")
        .join(stages(&path).pop().unwrap())
        .join("objects");
    let file = fs::read_dir(objects.join("file"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    fs::remove_file(file.path()).unwrap();
    let error = stage.publish().unwrap_err();
    assert!(
        matches!(
            error,
            Error::StageVanished {
                missing: 1,
                written: 20,
                ..
            }
        ),
        "{error:?}"
    );
}
