//! The same objects as the `ostree` program writes, without root.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use ostree_objects::{
    Checksum, Commit, DirMeta, DirTree, FileHasher, FileHeader, ObjectName, RepoMode, Value,
};

fn ostree(args: &[&str]) -> String {
    let output = Command::new("ostree")
        .args(args)
        .output()
        .expect("the ostree program is needed");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// A tree with a large directory, odd names, links, modes; names long enough for wide offsets.
fn make_tree(root: &Path) {
    fs::create_dir_all(root.join("usr/bin")).unwrap();
    fs::create_dir_all(root.join("empty")).unwrap();
    fs::create_dir_all(root.join("many")).unwrap();
    fs::write(root.join("usr/bin/tool"), "hello\n").unwrap();
    fs::set_permissions(
        root.join("usr/bin/tool"),
        fs::Permissions::from_mode(0o4755),
    )
    .unwrap();
    fs::write(root.join("usr/bin/none"), "").unwrap();
    symlink("..//usr/bin/tool", root.join("link")).unwrap();
    symlink("t".repeat(300), root.join("long link")).unwrap();
    fs::write(root.join("é ü"), "x").unwrap();
    fs::write(root.join("n".repeat(255)), "long name").unwrap();
    fs::write(root.join("m".repeat(222)), "offset of two bytes").unwrap();
    for i in 0..3000 {
        fs::write(root.join(format!("many/{i}")), i.to_string()).unwrap();
        if i % 20 == 0 {
            fs::create_dir(root.join(format!("many/d{i}"))).unwrap();
        }
    }
}

struct Walk<'a> {
    repo: &'a Path,
    mode: RepoMode,
    objects: usize,
}

impl Walk<'_> {
    fn read(&self, name: ObjectName) -> Vec<u8> {
        fs::read(self.repo.join("objects").join(name.loose_path(self.mode))).unwrap()
    }

    fn commit(&mut self, checksum: Checksum) -> Commit {
        let bytes = self.read(ObjectName::commit(checksum));
        assert_eq!(Checksum::of(&bytes), checksum);
        let commit = Commit::parse(&bytes).unwrap();
        self.dir(commit.tree, commit.meta);
        commit
    }

    fn dir(&mut self, tree: Checksum, meta: Checksum) {
        let bytes = self.read(ObjectName::dirmeta(meta));
        let parsed = DirMeta::parse(&bytes).unwrap();
        assert_eq!((parsed.to_bytes(), parsed.checksum()), (bytes, meta));
        let bytes = self.read(ObjectName::dirtree(tree));
        let parsed = DirTree::parse(&bytes).unwrap();
        assert_eq!((parsed.to_bytes(), parsed.checksum()), (bytes, tree));
        for (_, checksum) in &parsed.files {
            self.file(*checksum);
        }
        for (_, tree, meta) in &parsed.dirs {
            self.dir(*tree, *meta);
        }
    }

    fn file(&mut self, checksum: Checksum) {
        self.objects += 1;
        if self.mode != RepoMode::Archive {
            return;
        }
        let bytes = self.read(ObjectName::file(checksum));
        let (header, size, used) = FileHeader::parse_archive(&bytes).unwrap();
        assert_eq!(header.archive_header(size), &bytes[..used]);
        let mut hasher = FileHasher::new(&header);
        if header.is_symlink() {
            assert_eq!((size, used), (0, bytes.len()));
        } else {
            hasher.update(&stored(&bytes[used..], usize::try_from(size).unwrap()));
        }
        assert_eq!(hasher.finish(), checksum);
    }
}

/// Inflates by way of the gzip program: this crate knows nothing of compression.
fn stored(deflate: &[u8], size: usize) -> Vec<u8> {
    use std::io::Write as _;
    let mut child = Command::new("gzip")
        .arg("-dc")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut input = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    input.extend_from_slice(deflate);
    child.stdin.take().unwrap().write_all(&input).unwrap();
    let mut output = child.wait_with_output().unwrap().stdout;
    output.truncate(size);
    output
}

fn committed(mode: RepoMode, tree: &[&str], extra: &[&str]) -> (tempfile::TempDir, Checksum) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    fs::create_dir(&root).unwrap();
    if tree.is_empty() {
        make_tree(&root);
    }
    for name in tree {
        fs::write(root.join(name), name).unwrap();
    }
    let repo = format!("--repo={}", dir.path().join("repo").display());
    ostree(&["init", &repo, &format!("--mode={mode}")]);
    let tree = format!("--tree=dir={}", root.display());
    let mut args = vec!["commit", &repo, "-b", "test/branch", &tree];
    args.extend_from_slice(extra);
    let checksum = ostree(&args).trim().parse().unwrap();
    (dir, checksum)
}

#[test]
fn every_metadata_object() {
    let extra = [
        "--owner-uid=0",
        "--owner-gid=70000",
        "-s",
        "subject",
        "-m",
        "body\nof lines",
    ];
    let (dir, checksum) = committed(RepoMode::BareUser, &[], &extra);
    let repo = dir.path().join("repo");
    let mut walk = Walk {
        repo: &repo,
        mode: RepoMode::BareUser,
        objects: 0,
    };
    let commit = walk.commit(checksum);
    assert_eq!(walk.objects, 3007);
    assert_eq!(
        (commit.subject.as_str(), commit.body.as_str()),
        ("subject", "body\nof lines")
    );
    assert_eq!(commit.to_bytes(), walk.read(ObjectName::commit(checksum)));
}

#[test]
fn every_file_object_of_an_archive() {
    let (dir, checksum) = committed(RepoMode::Archive, &["a", "b", "c"], &[]);
    let repo = dir.path().join("repo");
    let mut walk = Walk {
        repo: &repo,
        mode: RepoMode::Archive,
        objects: 0,
    };
    walk.commit(checksum);
    assert_eq!(walk.objects, 3);
}

#[test]
fn metadata_of_commits() {
    let extra = [
        "--timestamp=@1700000000",
        "--add-metadata-string=z=last",
        "--add-metadata=a.u=uint32 7",
        "--add-metadata=b.nested=<@(ta{sv}) (1, {'x': <'y'>})>",
        "--add-metadata=c.list=['one', 'two']",
        "--add-metadata=d.bool=true",
        "--add-metadata=e.number=uint64 258",
        "--add-metadata=f.bytes=[byte 1, 2]",
        "--parent=none",
    ];
    let (dir, checksum) = committed(RepoMode::BareUser, &["a"], &extra);
    let repo = dir.path().join("repo");
    let mut walk = Walk {
        repo: &repo,
        mode: RepoMode::BareUser,
        objects: 0,
    };
    let commit = walk.commit(checksum);
    assert_eq!(commit.timestamp, 1_700_000_000);
    let metadata = &commit.metadata;
    assert_eq!(metadata.get_str("z"), Some("last"));
    let list = Value::StrList(vec!["one".to_owned(), "two".to_owned()]);
    assert_eq!(metadata.get("c.list"), Some(&list));
    assert_eq!(metadata.get("d.bool"), Some(&Value::Bool(true)));
    assert_eq!(metadata.get("e.number"), Some(&Value::U64(258)));
    assert_eq!(metadata.get("f.bytes"), Some(&Value::Bytes(vec![1, 2])));
    let number = Value::Other {
        type_string: "u".to_owned(),
        bytes: vec![7, 0, 0, 0],
    };
    assert_eq!(metadata.get("a.u"), Some(&number));
    let Some(Value::Other { type_string, .. }) = metadata.get("b.nested") else {
        panic!()
    };
    assert_eq!(type_string, "v");
    // The order of keys changes the padding, and nothing else.
    assert_eq!(Commit::parse(&commit.to_bytes()).unwrap(), commit);
}
