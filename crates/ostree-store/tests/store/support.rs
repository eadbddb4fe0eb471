//! What the tests share.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use ostree_objects::{Checksum, FileHeader, ObjectName, ObjectType, RepoMode, Xattrs};
use ostree_store::{Repo, Stage};
use tempfile::TempDir;

pub(crate) const MODES: [RepoMode; 3] = [RepoMode::Bare, RepoMode::BareUser, RepoMode::Archive];

pub(crate) fn need_root() {
    assert!(
        rustix::process::geteuid().is_root(),
        "this test sets owners of files or mounts: run it as root"
    );
}

/// Runs a program that must succeed.
pub(crate) fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .output()
        .unwrap_or_else(|error| panic!("{program} is needed: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn ostree(repo: &Path, args: &[&str]) -> String {
    let repo = format!("--repo={}", repo.display());
    let mut all = vec![args[0], &repo];
    all.extend_from_slice(&args[1..]);
    run("ostree", &all)
}

pub(crate) fn open_dir(path: &Path) -> Dir {
    Dir::open_ambient_dir(path, ambient_authority()).unwrap()
}

pub(crate) fn open(path: &Path) -> Repo {
    Repo::open(&open_dir(path)).unwrap()
}

pub(crate) fn create(path: &Path, mode: RepoMode) -> Repo {
    fs::create_dir_all(path).unwrap();
    Repo::create(&open_dir(path), mode).unwrap()
}

/// A new repo in a new directory.
pub(crate) fn temporary(mode: RepoMode) -> (TempDir, PathBuf, Repo) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("repo");
    let repo = create(&path, mode);
    (dir, path, repo)
}

/// The mode that works for every user.
pub(crate) fn plain() -> FileHeader {
    FileHeader::regular(0, 0, 0o644, Xattrs::new())
}

pub(crate) fn put(stage: &Stage, content: &[u8]) -> Checksum {
    stage
        .write_file(&plain(), content.len() as u64, &mut &content[..])
        .unwrap()
}

pub(crate) fn object_file(repo: &Path, name: &ObjectName, mode: RepoMode) -> PathBuf {
    repo.join("objects").join(name.loose_path(mode))
}

/// Names of the stages in a repo's `tmp`.
pub(crate) fn stages(repo: &Path) -> Vec<String> {
    let names = fs::read_dir(repo.join("tmp")).unwrap();
    names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("bootc-storage-stage-"))
        .collect()
}

pub(crate) fn set_xattr(path: &Path, name: &str, value: &[u8]) {
    rustix::fs::lsetxattr(path, name, value, rustix::fs::XattrFlags::empty()).unwrap();
}

/// A capability set as the kernel stores it: version 2, `cap_net_raw` permitted and effective.
const CAPABILITY: [u8; 20] = [
    1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

/// Owners, modes, attributes, links, sizes around every limit. Needs root.
pub(crate) fn make_tree(root: &Path) {
    fs::create_dir_all(root.join("usr/bin")).unwrap();
    fs::create_dir_all(root.join("private")).unwrap();
    fs::create_dir_all(root.join("tmp")).unwrap();
    fs::create_dir_all(root.join("labelled")).unwrap();
    fs::write(root.join("usr/bin/tool"), "hello\n").unwrap();
    fs::write(root.join("usr/bin/setuid"), "setuid").unwrap();
    fs::write(root.join("usr/bin/ping"), "ping").unwrap();
    fs::write(root.join("usr/bin/empty"), "").unwrap();
    fs::write(root.join("private/secret"), "secret").unwrap();
    fs::write(root.join("private/none"), "nobody may read").unwrap();
    fs::write(root.join("tmp/sticky"), "sticky").unwrap();
    for size in [4095, 128 * 1024, 128 * 1024 + 1, 3_000_000] {
        let content: Vec<u8> = (0..size).map(|i: u32| (i / 7 * 31 % 251) as u8).collect();
        fs::write(root.join(format!("of {size} bytes")), content).unwrap();
    }
    symlink("../bin//tool", root.join("usr/link")).unwrap();
    symlink("l".repeat(1000), root.join("usr/long")).unwrap();
    symlink("owned", root.join("usr/owned")).unwrap();

    chown(root.join("usr/bin/setuid"), Some(0), Some(12)).unwrap();
    chown(root.join("private"), Some(1000), Some(4_000_000_000)).unwrap();
    chown(root.join("private/secret"), Some(1000), Some(1001)).unwrap();
    chown(root.join("of 3000000 bytes"), Some(7), Some(8)).unwrap();
    lchown(root.join("usr/owned"), Some(5), Some(6)).unwrap();
    let modes = [
        ("usr/bin/tool", 0o755),
        ("usr/bin/setuid", 0o6755),
        ("private/secret", 0o640),
        ("private/none", 0),
        ("private", 0o2750),
        ("tmp", 0o1777),
        ("tmp/sticky", 0o1622),
    ];
    for (path, mode) in modes {
        fs::set_permissions(root.join(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    set_xattr(
        &root.join("usr/bin/ping"),
        "security.capability",
        &CAPABILITY,
    );
    set_xattr(&root.join("usr/bin/ping"), "user.b", b"");
    set_xattr(&root.join("usr/bin/ping"), "user.a", &[b'v'; 900]);
    set_xattr(&root.join("private/none"), "user.note", b"with\0nul");
    set_xattr(&root.join("of 3000000 bytes"), "trusted.large", b"yes");
    set_xattr(&root.join("usr/link"), "trusted.link", b"on a link");
    set_xattr(&root.join("labelled"), "user.directory", b"1");
}

/// Commits a tree with the `ostree` program to a repo that it makes.
pub(crate) fn committed_by_ostree(repo: &Path, mode: RepoMode, tree: &Path) -> Checksum {
    fs::create_dir_all(repo).unwrap();
    ostree(repo, &["init", &format!("--mode={mode}")]);
    let tree = format!("--tree=dir={}", tree.display());
    let args = [
        "commit",
        "-b",
        "test",
        "--timestamp=@1700000000",
        "-s",
        "one",
        &tree,
    ];
    ostree(repo, &args).trim().parse().unwrap()
}

/// Copies a commit with all it refers to, through the public interface only.
pub(crate) fn copy(from: &Repo, stage: &Stage, commit: &Checksum) {
    let parsed = from.read_commit(commit).unwrap();
    copy_dir(from, stage, &parsed.tree, &parsed.meta);
    copy_metadata(from, stage, &ObjectName::commit(*commit));
}

fn copy_dir(from: &Repo, stage: &Stage, tree: &Checksum, meta: &Checksum) {
    let parsed = from.read_dirtree(tree).unwrap();
    for (_, checksum) in &parsed.files {
        let mut file = from.open_file(checksum).unwrap();
        stage
            .write_file_expecting(checksum, &file.header, file.size, &mut file.content)
            .unwrap();
    }
    for (_, tree, meta) in &parsed.dirs {
        copy_dir(from, stage, tree, meta);
    }
    assert_eq!(stage.write_dirtree(&parsed).unwrap(), *tree);
    assert_eq!(
        stage
            .write_dirmeta(&from.read_dirmeta(meta).unwrap())
            .unwrap(),
        *meta
    );
}

fn copy_metadata(from: &Repo, stage: &Stage, name: &ObjectName) {
    let bytes = from.read_metadata_object(name).unwrap().unwrap();
    stage.write_metadata_expecting(name, &bytes).unwrap();
}

/// Every object's name, sorted.
pub(crate) fn names(repo: &Repo) -> Vec<ObjectName> {
    let mut names: Vec<_> = repo
        .list_objects()
        .map(|entry| entry.unwrap().name)
        .collect();
    names.sort();
    names
}

pub(crate) fn only_files(names: &[ObjectName]) -> Vec<ObjectName> {
    names
        .iter()
        .filter(|name| name.object_type == ObjectType::File)
        .copied()
        .collect()
}
