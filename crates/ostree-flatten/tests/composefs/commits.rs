//! Images of ostree commits: the published digest, and what libostree itself makes of a tree full of corners.

use std::{
    fs,
    fs::File,
    os::unix::fs::{PermissionsExt as _, lchown, symlink},
    path::Path,
};

use cap_std::fs::Dir;
use ostree_flatten::composefs::{
    CommitFile, CommitObjects, Error, Format, FsVerityDigest, Kind, NodeId, RepoObjects, Tree,
    commit_tree, commit_tree_within, hash_file_object, write_image,
};
use ostree_objects::{Checksum, DirMeta, DirTree, FileHeader, RepoMode, Value, Xattrs};
use ostree_store::Repo;

use crate::reference::Reference;

struct Fixture {
    folder: tempfile::TempDir,
    repo: Repo,
}

impl Fixture {
    fn new(mode: RepoMode) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::from_std_file(File::open(folder.path()).unwrap());
        Self {
            repo: Repo::create(&dir, mode).unwrap(),
            folder,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn digest_and_image(tree: &Tree) -> (FsVerityDigest, Vec<u8>) {
    let mut image = Vec::new();
    let written = write_image(tree, Format::DEFAULT, &mut image).unwrap();
    (written.digest, image)
}

#[test]
fn the_tree_with_a_known_digest_has_it_in_every_repository_mode() {
    // usr/{bin/{x=hello,empty,lnk->x},etc/}, as libostree 2026.4 digests it.
    for mode in [RepoMode::BareUser, RepoMode::Archive] {
        let fixture = Fixture::new(mode);
        let stage = fixture.repo.stage().unwrap();
        let plain = FileHeader::regular(0, 0, 0o644, Xattrs::new());
        let link = FileHeader::symlink(0, 0, "x".to_owned(), Xattrs::new());
        let hello = stage.write_file(&plain, 6, &mut &b"hello\n"[..]).unwrap();
        let empty = stage.write_file(&plain, 0, &mut std::io::empty()).unwrap();
        let link = stage.write_file(&link, 0, &mut std::io::empty()).unwrap();
        let meta = stage.write_dirmeta(&DirMeta::root_default()).unwrap();
        let tree = |files: &[(&str, Checksum)], dirs: &[(&str, Checksum)]| {
            let files = files.iter().map(|(name, file)| ((*name).to_owned(), *file));
            let dirs = dirs
                .iter()
                .map(|(name, tree)| ((*name).to_owned(), *tree, meta));
            let tree = DirTree {
                files: files.collect(),
                dirs: dirs.collect(),
            };
            stage.write_dirtree(&tree).unwrap()
        };
        let bin = tree(&[("empty", empty), ("lnk", link), ("x", hello)], &[]);
        let usr = tree(&[], &[("bin", bin), ("etc", tree(&[], &[]))]);
        let root = tree(&[], &[("usr", usr)]);
        stage.publish().unwrap();

        let mut objects = RepoObjects::new(&fixture.repo, None, hash_file_object);
        let tree = commit_tree(&mut objects, &root, &meta).unwrap();
        let (digest, image) = digest_and_image(&tree);
        assert_eq!(
            digest.to_string(),
            "aa1253bd94be54e9d902a7ee45f7bebf1a858bafda9d6a641d5b118547288c81"
        );
        assert_eq!(image.len(), 16384);
        let names: Vec<_> = tree.entries(NodeId::ROOT).map(|entry| entry.name).collect();
        assert_eq!(names, [&b"boot"[..], b"etc", b"sysroot", b"usr", b"var"]);
    }
}

/// A tree to commit; root's, since it has owners and attributes that only root can give.
fn make_tree(root: &Path) {
    for folder in ["usr/bin", "usr/etc", "usr/share/many", "00", "etc"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    for number in 0..700 {
        let path = root.join(format!("usr/share/many/a-name-of-some-length-{number}"));
        fs::write(path, format!("content {}", number % 300)).unwrap();
    }
    let file = |path: &str, content: &[u8], mode| {
        fs::write(root.join(path), content).unwrap();
        fs::set_permissions(root.join(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    file("usr/bin/x", b"hello\n", 0o755);
    file("usr/bin/same-content", b"hello\n", 0o755);
    file("usr/bin/empty", b"", 0o600);
    file("usr/bin/big", &[7; 1_000_000], 0o644);
    file("00/in-a-directory-named-as-a-whiteout", b"x", 0o644);
    file("ff", b"a file named as one", 0o644);
    symlink("../bin/x", root.join("usr/etc/link")).unwrap();
    symlink("t".repeat(3000), root.join("usr/etc/long-link")).unwrap();
    // A link where a mount point would be added.
    symlink("usr/var", root.join("var")).unwrap();
    for (path, owner) in [
        ("usr/bin/x", 1),
        ("usr/etc", 70_000),
        ("usr/etc/link", 65_536),
    ] {
        lchown(root.join(path), Some(owner), Some(owner)).expect("root gives files away");
    }
    file("usr/bin/owned", b"setuid", 0o644);
    lchown(root.join("usr/bin/owned"), Some(5), Some(6)).unwrap();
    let mode = fs::Permissions::from_mode(0o6711);
    fs::set_permissions(root.join("usr/bin/owned"), mode).unwrap();
    for (path, name, value) in [
        ("", "user.root", &b"r"[..]),
        ("usr", "user.overlay.opaque", b"kept as it is"),
        ("usr/bin", "trusted.overlay.opaque", b"escaped"),
        ("usr/bin/x", "trusted.overlay.redirect", b"/escaped"),
        ("usr/bin/x", "user.empty", b""),
        ("usr/bin/big", "user.big", &[b'v'; 3000]),
        ("usr/share/many", "user.a", b"shared"),
        ("usr/bin/same-content", "user.a", b"shared"),
    ] {
        let path = root.join(path);
        rustix::fs::lsetxattr(path, name, value, rustix::fs::XattrFlags::empty())
            .unwrap_or_else(|error| panic!("root sets {name}: {error}"));
    }
}

#[test]
fn commits_of_libostree_have_its_digest_and_its_image() {
    let reference = Reference::get();
    for mode in [RepoMode::Bare, RepoMode::BareUser, RepoMode::Archive] {
        let fixture = Fixture::new(mode);
        let source = tempfile::tempdir().unwrap();
        make_tree(source.path());
        let repo = format!("--repo={}", fixture.path().display());
        let source = format!("--tree=dir={}", source.path().display());
        let checksum = reference.run(
            "ostree",
            [
                "commit",
                &repo,
                "--branch=test",
                "--fsync=no",
                "--generate-composefs-metadata",
                &source,
            ],
        );
        let checksum = String::from_utf8(checksum).unwrap();
        let commit = fixture
            .repo
            .read_commit(&checksum.trim().parse().unwrap())
            .unwrap();
        let Some(Value::Bytes(wanted)) = commit.metadata.get("ostree.composefs.digest.v0") else {
            panic!("no digest in the commit's metadata");
        };

        let checkout = |option: &str| {
            let file = fixture.path().join("tmp/image");
            let to = file.to_str().unwrap();
            reference.run("ostree", ["checkout", &repo, option, checksum.trim(), to]);
            let image = fs::read(&file).unwrap();
            fs::remove_file(file).unwrap();
            image
        };
        let mut objects = RepoObjects::new(&fixture.repo, None, hash_file_object);
        let tree = commit_tree(&mut objects, &commit.tree, &commit.meta).unwrap();
        let (digest, image) = digest_and_image(&tree);
        assert_eq!(wanted, digest.as_bytes(), "{mode}");
        assert!(checkout("--composefs") == image, "{mode}");

        let mut objects = RepoObjects::new(&fixture.repo, None, |_, _| Ok(None));
        let tree = commit_tree(&mut objects, &commit.tree, &commit.meta).unwrap();
        let (_, image) = digest_and_image(&tree);
        assert!(checkout("--composefs-noverity") == image, "{mode}");
    }
}

#[test]
fn a_commit_is_refused_where_it_cannot_be_an_image() {
    #[derive(Debug, thiserror::Error)]
    #[error("gone")]
    struct Gone;

    /// A file in the root, whose dirtree is named by `ones`.
    struct OneFile(Option<CommitFile>);

    impl CommitObjects for OneFile {
        type Error = Gone;

        fn dirtree(&mut self, _: &Checksum) -> Result<DirTree, Gone> {
            Ok(DirTree {
                files: vec![("file".to_owned(), Checksum::from_bytes([2; 32]))],
                dirs: vec![],
            })
        }

        fn dirmeta(&mut self, _: &Checksum) -> Result<DirMeta, Gone> {
            Ok(DirMeta::root_default())
        }

        fn file(&mut self, _: &Checksum) -> Result<CommitFile, Gone> {
            self.0.clone().ok_or(Gone)
        }
    }

    let ones = Checksum::from_bytes([1; 32]);
    let missing = commit_tree(&mut OneFile(None), &ones, &ones).unwrap_err();
    assert!(matches!(missing, Error::Object { path, .. } if path == "file"));

    let within = |paths| {
        let file = CommitFile {
            header: FileHeader::regular(0, 0, 0o644, Xattrs::new()),
            size: 5,
            digest: None,
        };
        commit_tree_within(&mut OneFile(Some(file)), &ones, &ones, paths)
    };
    assert!(within(1).is_ok());
    let too_many = within(0).unwrap_err();
    assert!(matches!(too_many, Error::TooManyPaths { limit: 0 }));

    let with = |xattrs: Xattrs, size| {
        let file = CommitFile {
            header: FileHeader::regular(0, 0, 0o644, xattrs),
            size,
            digest: None,
        };
        commit_tree(&mut OneFile(Some(file)), &ones, &ones)
    };
    let tree = with(Xattrs::new(), 5).unwrap();
    let file = tree.lookup(NodeId::ROOT, b"file").unwrap();
    let path = format!("02/{}.file", "02".repeat(31)).into_bytes();
    let backed = Kind::Backed {
        size: 5,
        path: Some(path.into()),
        digest: None,
    };
    assert_eq!(tree.kind(file.node), backed);
    assert!(matches!(
        with(Xattrs::new(), u64::MAX).unwrap_err(),
        Error::Path { .. }
    ));
    let big = Xattrs::from_pairs(vec![(b"user.big".to_vec(), vec![0; 40_000])]).unwrap();
    assert!(matches!(with(big, 5).unwrap_err(), Error::Path { .. }));
}
