//! Every mode, read and written, against repositories of the `ostree` program.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread;

use ostree_objects::{FileHeader, ObjectType, RepoMode};
use ostree_store::{Error, Hashed, Published, Repo, Written};

use crate::support::{
    MODES, committed_by_ostree, copy, create, make_tree, names, need_root, object_file, only_files,
    open, ostree, plain, run, temporary,
};

/// Type, owner, mode, time, attributes and bytes of an object's file.
fn on_disk(path: &Path) -> (u32, u32, u32, Option<i64>, String, Vec<u8>) {
    let meta = fs::symlink_metadata(path).unwrap();
    let link = meta.file_type().is_symlink();
    let content = if link {
        fs::read_link(path)
            .unwrap()
            .into_os_string()
            .into_encoded_bytes()
    } else {
        fs::read(path).unwrap()
    };
    let attributes = run(
        "getfattr",
        &["-hd", "-m", "-", "-e", "hex", path.to_str().unwrap()],
    );
    let attributes = attributes
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    let time = (meta.mtime() == 0).then_some(0);
    (
        meta.uid(),
        meta.gid(),
        meta.mode(),
        if link { None } else { time },
        attributes,
        content,
    )
}

fn without_compression(path: &Path, mode: RepoMode) -> impl PartialEq + std::fmt::Debug {
    let (uid, gid, st_mode, time, attributes, content) = on_disk(path);
    if mode == RepoMode::Archive && path.extension().is_some_and(|ext| ext == "filez") {
        // Two encoders may choose other bytes for the same content; the header is compared here,
        // the content by its checksum.
        let (_, _, used) = FileHeader::parse_archive(&content).unwrap();
        return (
            uid,
            gid,
            st_mode,
            time,
            attributes,
            content[..used].to_vec(),
        );
    }
    (uid, gid, st_mode, time, attributes, content)
}

#[test]
fn each_mode_from_each_mode() {
    need_root();
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    make_tree(&tree);
    let theirs = |mode: RepoMode| dir.path().join(format!("theirs-{mode}"));
    let commits = MODES.map(|mode| committed_by_ostree(&theirs(mode), mode, &tree));
    assert!(
        commits.iter().all(|commit| *commit == commits[0]),
        "{commits:?}"
    );
    let commit = commits[0];
    let listing = ostree(&theirs(RepoMode::Bare), &["ls", "-RCX", "test"]);
    for from in MODES {
        let source = open(&theirs(from));
        for mode in MODES {
            let path = dir.path().join(format!("{mode}-from-{from}"));
            let repo = create(&path, mode);
            let stage = repo.stage().unwrap();
            copy(&source, &stage, &commit);
            let published = stage.publish().unwrap();
            assert_eq!(
                names(&repo),
                names(&open(&theirs(mode))),
                "{mode} from {from}"
            );
            assert_eq!(published.objects, names(&repo).len() as u64);

            ostree(&path, &["fsck", "--quiet"]);
            ostree(&path, &["refs", "--create=test", &commit.to_string()]);
            assert_eq!(
                ostree(&path, &["ls", "-RCX", "test"]),
                listing,
                "{mode} from {from}"
            );
            for name in names(&repo) {
                let ours = object_file(&path, &name, mode);
                let other = object_file(&theirs(mode), &name, mode);
                let (ours, other) = (
                    without_compression(&ours, mode),
                    without_compression(&other, mode),
                );
                assert_eq!(ours, other, "{name} in {mode} from {from}");
                assert!(repo.verify(&name).unwrap().is_good(), "{name}");
            }
            check_out(&path, &theirs(mode));
            again(&source, &repo, &commit);
        }
    }
}

/// Checks out from both, and compares everything that tar can store.
fn check_out(ours: &Path, theirs: &Path) {
    let archive = |repo: &Path| {
        let out = repo.join("../checkout");
        ostree(repo, &["checkout", "-C", "test", out.to_str().unwrap()]);
        let tar = "--sort=name --mtime=@0 --pax-option=delete=atime,delete=ctime \
                   --xattrs --xattrs-include=*";
        let command = format!("tar {tar} -cC {} . | sha256sum", out.display());
        let sum = run("sh", &["-c", &command]);
        fs::remove_dir_all(&out).unwrap();
        sum
    };
    assert_eq!(archive(ours), archive(theirs));
}

/// What is there is not written a second time.
fn again(source: &Repo, repo: &Repo, commit: &ostree_objects::Checksum) {
    let stage = repo.stage().unwrap();
    copy(source, &stage, commit);
    assert_eq!(stage.publish().unwrap(), Published::default());
}

/// A bare repository with one commit of a tree with all that a tree may have, in a directory with room beside it.
fn written_by_ostree() -> (tempfile::TempDir, Repo) {
    need_root();
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    make_tree(&tree);
    let source = dir.path().join("source");
    committed_by_ostree(&source, RepoMode::Bare, &tree);
    let source = open(&source);
    (dir, source)
}

#[test]
fn content_named_later_is_the_same_object() {
    let (dir, source) = written_by_ostree();
    let files = only_files(&names(&source));
    for mode in MODES {
        let (at_once, at_once_repo) = (
            dir.path().join(format!("{mode}-once")),
            create(&dir.path().join(format!("{mode}-once")), mode),
        );
        let (later, later_repo) = (
            dir.path().join(format!("{mode}-later")),
            create(&dir.path().join(format!("{mode}-later")), mode),
        );
        let (stage, later_stage) = (at_once_repo.stage().unwrap(), later_repo.stage().unwrap());
        let mut waiting = Vec::new();
        for name in &files {
            let mut file = source.open_file(&name.checksum).unwrap();
            stage
                .write_file(&file.header, file.size, &mut file.content)
                .unwrap();
            if file.header.is_symlink() {
                later_stage
                    .write_file(&file.header, 0, &mut io::empty())
                    .unwrap();
                continue;
            }
            // Twice: the second time the object is there already.
            for _ in 0..2 {
                let mut file = source.open_file(&name.checksum).unwrap();
                let unnamed = later_stage.write_unnamed(file.size, &mut file.content);
                waiting.push((name.checksum, file.header, unnamed.unwrap()));
            }
        }
        for (checksum, header, unnamed) in waiting {
            assert_eq!(later_stage.name_file(unnamed, &header).unwrap(), checksum);
            assert_eq!(later_stage.open_file(&checksum).unwrap().header, header);
            assert!(
                later_stage.name_file(unnamed, &header).is_err(),
                "named twice"
            );
        }
        assert_eq!(stage.publish().unwrap(), later_stage.publish().unwrap());
        assert_eq!(names(&at_once_repo), names(&later_repo));
        for name in &files {
            let [once, later] = [&at_once, &later].map(|repo| object_file(repo, name, mode));
            assert_eq!(on_disk(&once), on_disk(&later), "{name} in {mode}");
        }
        assert!(fs::read_dir(later.join("tmp")).unwrap().all(|entry| {
            let name = entry.unwrap().file_name();
            name == "cache"
        }));
    }
}

/// Small files are hashed by one thread and written by two others, each of them by both.
#[test]
fn a_file_hashed_first_and_written_by_others_is_the_same_object() {
    let (dir, source) = written_by_ostree();
    let files = only_files(&names(&source));
    for mode in MODES {
        let [once, hashed] =
            ["once", "hashed"].map(|name| dir.path().join(format!("{mode}-{name}")));
        let [once_repo, hashed_repo] = [&once, &hashed].map(|path| create(path, mode));
        let [stage, hashed_stage] = [&once_repo, &hashed_repo].map(|repo| repo.stage().unwrap());
        let mut in_memory = Vec::new();
        for name in &files {
            let mut file = source.open_file(&name.checksum).unwrap();
            let (size, header) = (file.size, file.header.clone());
            stage.write_file(&header, size, &mut file.content).unwrap();
            let mut file = source.open_file(&name.checksum).unwrap();
            match hashed_stage
                .hash_file(header, size, &mut file.content)
                .unwrap()
            {
                Hashed::Stored(checksum) => {
                    assert_eq!(checksum, name.checksum);
                    assert!(size > 128 * 1024);
                    assert!(hashed_stage.contains(name).unwrap());
                }
                Hashed::InMemory(file) => {
                    assert_eq!(*file.checksum(), name.checksum);
                    assert!(!hashed_stage.contains(name).unwrap());
                    in_memory.push(file);
                }
            }
        }
        assert!(in_memory.len() < files.len(), "no large file");
        let write = || {
            let written = in_memory
                .iter()
                .map(|file| hashed_stage.write_hashed(file).unwrap());
            written.filter(|written| *written == Written::New).count()
        };
        let new: usize = thread::scope(|scope| {
            let threads = [scope.spawn(write), scope.spawn(write)];
            threads.map(|thread| thread.join().unwrap()).iter().sum()
        });
        assert_eq!(new, in_memory.len());
        assert_eq!(stage.publish().unwrap(), hashed_stage.publish().unwrap());
        assert_eq!(names(&once_repo), names(&hashed_repo));
        for name in &files {
            let [once, hashed] = [&once, &hashed].map(|repo| object_file(repo, name, mode));
            assert_eq!(on_disk(&once), on_disk(&hashed), "{name} in {mode}");
        }
    }
}

#[test]
fn content_that_ends_early_is_no_hashed_file() {
    let (_dir, _path, repo) = temporary(RepoMode::BareUser);
    let stage = repo.stage().unwrap();
    let hashed = stage.hash_file(plain(), 4, &mut &b"abc"[..]);
    assert!(
        matches!(
            hashed,
            Err(Error::ContentCut {
                expected: 4,
                found: 3
            })
        ),
        "{hashed:?}"
    );
}

#[test]
fn one_attribute_is_read_without_the_others() {
    need_root();
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    make_tree(&tree);
    for mode in MODES {
        let path = dir.path().join(mode.as_str());
        committed_by_ostree(&path, mode, &tree);
        let repo = open(&path);
        let mut found = 0;
        for name in only_files(&names(&repo)) {
            let header = repo.file_stat(&name.checksum).unwrap().header;
            for attribute in [&b"security.capability"[..], b"trusted.link", b"user.absent"] {
                let value = header.xattrs.get(attribute).map(<[u8]>::to_vec);
                found += usize::from(value.is_some());
                let read = repo.file_attribute(&name.checksum, attribute).unwrap();
                assert_eq!(read, (header.mode, value), "{name} in {mode}");
            }
        }
        assert_eq!(found, 2, "{mode}");
    }
}

#[test]
fn layout_as_ostree_init_makes_it() {
    for mode in MODES {
        let (dir, path, _repo) = temporary(mode);
        let other = dir.path().join("other");
        fs::create_dir(&other).unwrap();
        ostree(&other, &["init", &format!("--mode={mode}")]);
        let list = |path: &Path| {
            run(
                "sh",
                &[
                    "-c",
                    &format!("cd {} && find . -printf '%p %M\n' | sort", path.display()),
                ],
            )
        };
        assert_eq!(list(&path), list(&other));
        let config = |path: &Path| fs::read_to_string(path.join("config")).unwrap();
        assert_eq!(config(&path), config(&other));
        // Once more is no harm; as another mode it is.
        create(&path, mode);
        let another = MODES.into_iter().find(|other| *other != mode).unwrap();
        assert!(Repo::create(&crate::support::open_dir(&path), another).is_err());
    }
}

#[test]
fn headers_without_content() {
    need_root();
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    make_tree(&tree);
    let repos = MODES.map(|mode| {
        let path = dir.path().join(mode.as_str());
        committed_by_ostree(&path, mode, &tree);
        open(&path)
    });
    let files = only_files(&names(&repos[0]));
    assert!(files.len() > 10);
    for name in files {
        assert_eq!(name.object_type, ObjectType::File);
        let [bare, user, archive] = [0, 1, 2].map(|i: usize| repos[i].file_stat(&name.checksum));
        let bare = bare.unwrap();
        assert_eq!(bare, user.unwrap());
        assert_eq!(bare, archive.unwrap());
    }
}
