//! A base image's commit, written as layers.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use ostree_objects::{Checksum, ObjectName, ObjectType, RepoMode};
use ostree_store::Repo;
use tempfile::TempDir;

use crate::support::lab::open;
use crate::support::tar::{Raw, Tar};

/// How attributes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Generation {
    /// Before 2022: records under `xattrs/`.
    V0,
    /// Until September 2025: records among the objects.
    V1Links,
    /// Since then: the attributes themselves before each file.
    V1,
}

/// A commit with files, links, attributes and detached metadata, made by `ostree commit`.
pub(super) struct Base {
    _dir: TempDir,
    pub(super) repo: Repo,
    pub(super) commit: Checksum,
    pub(super) files: Vec<Checksum>,
    /// Dirtrees and dirmetas.
    pub(super) metadata: Vec<ObjectName>,
}

pub(super) fn ostree(repo: &Path, arguments: &[&str]) -> String {
    let output = Command::new("ostree")
        .arg(format!("--repo={}", repo.display()))
        .args(arguments)
        .output()
        .expect("this test needs ostree");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Base {
    pub(super) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let tree = dir.path().join("tree");
        std::fs::create_dir_all(tree.join("usr/bin")).unwrap();
        std::fs::create_dir_all(tree.join("usr/etc")).unwrap();
        std::fs::write(tree.join("usr/bin/sh"), "#! sh").unwrap();
        std::fs::write(tree.join("usr/bin/large"), vec![b'x'; 300_000]).unwrap();
        std::fs::write(tree.join("usr/etc/empty"), "").unwrap();
        std::os::unix::fs::symlink("sh//", tree.join("usr/bin/l")).unwrap();
        let named = Command::new("setfattr")
            .args(["-n", "user.component", "-v", "bash"])
            .arg(tree.join("usr/bin/sh"))
            .status();
        assert!(named.expect("this test needs setfattr").success());
        let repo = dir.path().join("repo");
        std::fs::create_dir(&repo).unwrap();
        ostree(&repo, &["init", "--mode=bare-user"]);
        let tree = format!("--tree=dir={}", tree.display());
        let commit = ostree(
            &repo,
            &[
                "commit",
                "--branch=b",
                "--subject=base",
                "--add-metadata-string=version=1",
                &tree,
            ],
        );
        let meta = ostree_objects::Metadata::default().to_bytes();
        let name = ObjectName::new(commit.parse().unwrap(), ObjectType::CommitMeta);
        let path = repo
            .join("objects")
            .join(name.loose_path(RepoMode::BareUser));
        std::fs::write(path, meta).unwrap();
        let opened = Repo::open(&open(&repo)).unwrap();
        let mut base = Self {
            _dir: dir,
            repo: opened,
            commit: commit.parse().unwrap(),
            files: Vec::new(),
            metadata: Vec::new(),
        };
        for object in base.repo.list_objects() {
            let name = object.unwrap().name;
            match name.object_type {
                ObjectType::File => base.files.push(name.checksum),
                ObjectType::DirTree | ObjectType::DirMeta => base.metadata.push(name),
                _ => {}
            }
        }
        base.files.sort();
        assert_eq!(base.files.len(), 4);
        base
    }

    pub(super) fn bytes(&self, name: ObjectName) -> Vec<u8> {
        self.repo.read_metadata_object(&name).unwrap().unwrap()
    }

    pub(super) fn metadata(&self, tar: Tar, object_type: ObjectType) -> Tar {
        let name = ObjectName::new(self.commit, object_type);
        tar.file(&path(&self.commit, object_type.as_str()), self.bytes(name))
    }

    /// The commit, its detached metadata, dirtrees and dirmetas.
    pub(super) fn commit_part(&self) -> Tar {
        let tar = self.metadata(prelude(), ObjectType::Commit);
        let mut tar = self.metadata(tar, ObjectType::CommitMeta);
        for name in &self.metadata {
            tar = tar.file(
                &path(&name.checksum, name.object_type.as_str()),
                self.bytes(*name),
            );
        }
        tar
    }

    /// The file objects, and real paths as hard links to them.
    pub(super) fn file_part(&self, mut tar: Tar, generation: Generation) -> Tar {
        let mut records = BTreeSet::new();
        for (index, checksum) in self.files.iter().enumerate() {
            let attributes = self.attributes(checksum);
            let record = Checksum::of(&attributes);
            if generation == Generation::V0 && records.insert(record) {
                tar = tar.file(&format!("sysroot/ostree/repo/xattrs/{record}"), &attributes);
            } else if generation == Generation::V1Links && records.insert(record) {
                tar = tar.file(&path(&record, "file-xattrs"), &attributes);
            }
            tar = match generation {
                Generation::V0 => tar.hardlink(
                    &path(checksum, "file.xattrs"),
                    &format!("../../../xattrs/{record}"),
                ),
                Generation::V1Links => {
                    let target = path(&record, "file-xattrs");
                    let short = format!("../{}", &target["sysroot/ostree/repo/objects/".len()..]);
                    let target = if index == 0 { target } else { short };
                    tar.hardlink(&path(checksum, "file-xattrs-link"), &target)
                }
                Generation::V1 => tar.file(&path(checksum, "file-xattrs-link"), &attributes),
            };
            tar = self.file(tar, checksum);
            tar = tar.hardlink(&format!("usr/some/path-{index}"), &path(checksum, "file"));
        }
        tar
    }

    pub(super) fn attributes(&self, checksum: &Checksum) -> Vec<u8> {
        self.repo
            .file_stat(checksum)
            .unwrap()
            .header
            .xattrs
            .to_bytes()
    }

    pub(super) fn file(&self, tar: Tar, checksum: &Checksum) -> Tar {
        let mut object = self.repo.open_file(checksum).unwrap();
        let mut content = Vec::new();
        object.content.read_to_end(&mut content).unwrap();
        let header = object.header;
        let raw = Raw {
            mode: format!("{:07o}\0", header.mode & 0o7777).into_bytes(),
            uid: format!("{:07o}\0", header.uid).into_bytes(),
            gid: format!("{:07o}\0", header.gid).into_bytes(),
            ..Raw::file(&path(checksum, "file"))
        };
        match header.symlink_target {
            Some(link) => tar.entry(
                Raw {
                    flag: b'2',
                    link: link.into_bytes(),
                    ..raw
                },
                b"",
            ),
            None => tar
                .xattr("user.component", "ignored here")
                .entry(raw, &content),
        }
    }
}

pub(super) fn path(checksum: &Checksum, extension: &str) -> String {
    let hex = checksum.to_string();
    format!(
        "sysroot/ostree/repo/objects/{}/{}.{extension}",
        &hex[..2],
        &hex[2..]
    )
}

pub(super) fn prelude() -> Tar {
    Tar::new()
        .dir("./")
        .dir("sysroot")
        .dir("sysroot/ostree/repo/objects")
        .dir("sysroot/ostree/repo/objects/00")
        .file(
            "sysroot/ostree/repo/config",
            "[core]\nrepo_version=1\nmode=bare-split-xattrs\n",
        )
        .dir("sysroot/ostree/repo/refs/heads")
        .dir("usr")
}
