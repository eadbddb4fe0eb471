//! The tar entries of encapsulated layers: a root file system and, beside it, a repo in mode
//! `bare-split-xattrs`.

use std::collections::BTreeSet;

use ostree_objects::{Checksum, Commit, DirMeta, FileHeader, Xattrs};

use super::{
    XattrGeneration,
    tree::{FileObject, Objects},
};
use crate::{Content, Entry, Listing, Node};

const REPO: &str = "sysroot/ostree/repo";
const CONFIG: &str = "[core]\nrepo_version=1\nmode=bare-split-xattrs\n";

/// The entries of one layer.
pub(super) struct LayerEntries {
    pub(super) listing: Listing,
    generation: XattrGeneration,
    /// Xattr blobs and dirmetas written so far.
    written: BTreeSet<Checksum>,
}

impl LayerEntries {
    /// A layer that begins with the repo's folders.
    pub(super) fn new(generation: XattrGeneration) -> Self {
        let mut layer = Self {
            listing: Listing::default(),
            generation,
            written: BTreeSet::new(),
        };
        for name in ["sysroot", "sysroot/ostree", REPO] {
            layer.push(Entry::new(name, Node::Dir));
        }
        layer.folder("objects");
        for prefix in 0..=255_u8 {
            layer.folder(&format!("objects/{prefix:02x}"));
        }
        for name in [
            "extensions",
            "refs",
            "refs/heads",
            "refs/mirrors",
            "refs/remotes",
            "state",
            "tmp",
            "tmp/cache",
        ] {
            layer.folder(name);
        }
        if generation == XattrGeneration::V0 {
            layer.folder("xattrs");
            layer.regular("sysroot/config", CONFIG.as_bytes());
        } else {
            layer.regular(&format!("{REPO}/config"), CONFIG.as_bytes());
        }
        layer
    }

    /// The commit and its directories, depth first.
    pub(super) fn commit(&mut self, commit: &Commit, objects: &Objects) {
        let mut root = Entry::new("./", Node::Dir);
        root.mode = objects.root_mode;
        self.listing.entries.insert(0, root);
        self.object(commit.checksum(), "commit", &commit.to_bytes());
        let (meta, tree) = &objects.root;
        self.dirmeta(meta);
        self.object(tree.checksum(), "dirtree", &tree.to_bytes());
        for dir in &objects.dirs {
            self.dirmeta(&dir.meta);
            let path = self.rootfs_path(&dir.path);
            if dir.path != "sysroot" {
                let mut entry = Entry::new(path, Node::Dir);
                entry.mode = dir.meta.mode & 0o7777;
                entry.uid = u64::from(dir.meta.uid);
                entry.gid = u64::from(dir.meta.gid);
                self.push(entry);
            }
            if self.written.insert(dir.tree.checksum()) {
                self.object(dir.tree.checksum(), "dirtree", &dir.tree.to_bytes());
            }
        }
        if objects.dirs.iter().all(|dir| dir.path != "var/tmp") {
            let mut entry = Entry::new(self.rootfs_path("var/tmp"), Node::Dir);
            entry.mode = 0o1777;
            self.push(entry);
        }
    }

    /// These file objects, each with its xattr record before it and its paths after it.
    pub(super) fn files(&mut self, objects: &Objects, checksums: &[Checksum]) {
        for checksum in checksums {
            if let Some(file) = objects.files.get(checksum) {
                self.file(*checksum, file);
            }
        }
    }

    fn file(&mut self, checksum: Checksum, file: &FileObject) {
        self.xattr_record(checksum, &file.header.xattrs);
        let node = match &file.header.symlink_target {
            Some(target) => Node::Symlink(target.clone().into_bytes()),
            None => Node::File(file.content.clone()),
        };
        let path = object_path(checksum, "file");
        self.push(described(&path, node, &file.header));
        for name in &file.paths {
            let empty = !file.header.is_symlink() && file.content.size() == 0;
            let node = if empty {
                Node::File("".into())
            } else {
                Node::Hardlink(path.clone().into_bytes())
            };
            let mut entry = described(&self.rootfs_path(name), node, &file.header);
            if !empty {
                entry.xattrs.clear();
            }
            self.push(entry);
        }
    }

    fn xattr_record(&mut self, checksum: Checksum, xattrs: &Xattrs) {
        let blob = if xattrs.iter().next().is_none() {
            Vec::new()
        } else {
            xattrs.to_bytes()
        };
        let content = Checksum::of(&blob);
        let (stored, link) = match self.generation {
            XattrGeneration::V1New => {
                self.object(checksum, "file-xattrs-link", &blob);
                return;
            }
            XattrGeneration::V1Old => (
                object_path(content, "file-xattrs"),
                object_path(checksum, "file-xattrs-link"),
            ),
            XattrGeneration::V0 => (
                format!("{REPO}/xattrs/{content}"),
                object_path(checksum, "file.xattrs"),
            ),
        };
        if self.written.insert(content) {
            self.regular(&stored, &blob);
        }
        self.push(Entry::new(link, Node::Hardlink(stored.into_bytes())));
    }

    fn dirmeta(&mut self, meta: &DirMeta) {
        if self.written.insert(meta.checksum()) {
            self.object(meta.checksum(), "dirmeta", &meta.to_bytes());
        }
    }

    fn object(&mut self, checksum: Checksum, extension: &str, bytes: &[u8]) {
        self.regular(&object_path(checksum, extension), bytes);
    }

    fn folder(&mut self, name: &str) {
        self.push(Entry::new(format!("{REPO}/{name}"), Node::Dir));
    }

    fn regular(&mut self, path: &str, bytes: &[u8]) {
        self.push(Entry::new(path, Node::File(Content::Bytes(bytes.to_vec()))));
    }

    fn push(&mut self, entry: Entry) {
        self.listing.entries.push(entry);
    }

    /// Where podman sees a path of the commit: `usr/etc` is `etc`; v0 began every path with `./`.
    fn rootfs_path(&self, path: &str) -> String {
        let path = match path.strip_prefix("usr/etc") {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("etc{rest}"),
            _ => path.to_owned(),
        };
        match self.generation {
            XattrGeneration::V0 => format!("./{path}"),
            _ => path,
        }
    }
}

fn object_path(checksum: Checksum, extension: &str) -> String {
    let hex = checksum.to_string();
    format!("{REPO}/objects/{}/{}.{extension}", &hex[..2], &hex[2..])
}

/// An entry with owner, mode and xattrs of a file object; the SELinux label stays out of the tar.
fn described(path: &str, node: Node, header: &FileHeader) -> Entry {
    let mut entry = Entry::new(path, node);
    entry.mode = header.mode & 0o7777;
    entry.uid = u64::from(header.uid);
    entry.gid = u64::from(header.gid);
    entry.xattrs = header
        .xattrs
        .iter()
        .filter(|(name, _)| *name != b"security.selinux")
        .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.to_vec()))
        .collect();
    entry
}
