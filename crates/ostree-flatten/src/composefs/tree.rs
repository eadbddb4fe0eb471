//! A file tree as an image holds it, compact enough for a million files.

mod builder;
mod node;
mod store;

pub use builder::TreeBuilder;
pub use node::{Kind, Mtime, Stat};

use node::{Common, Inode, InodeKind};
use store::{Entry, Names, Texts};

use super::{FsVerityDigest, xattrs::XattrTable};

/// One inode of a [`Tree`], or of the [`TreeBuilder`] that becomes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    /// The root.
    pub const ROOT: Self = Self(0);

    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }

    pub(super) const fn number(self) -> u32 {
        self.0
    }

    pub(super) const fn from_number(number: u32) -> Self {
        Self(number)
    }
}

/// A file tree: directories, files, links, devices, with names in the order of their bytes.
///
/// A file of an ostree commit takes about 120 bytes, its name, backing path, digest and directory entry included.
#[derive(Debug, Clone)]
pub struct Tree {
    inodes: Vec<Inode>,
    commons: Vec<Common>,
    /// For each inode up to the last that has one other than 0.
    mtimes: Vec<Mtime>,
    /// By directory, then by name.
    entries: Vec<Entry>,
    names: Names,
    texts: Texts,
    digests: Vec<FsVerityDigest>,
    xattrs: XattrTable,
}

/// An entry of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirEntry<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// What it is the name of.
    pub node: NodeId,
    /// It is a further name of an inode that has its place elsewhere.
    pub is_link: bool,
}

impl Tree {
    /// How many inodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inodes.len()
    }

    /// Never: there is a root.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inodes.is_empty()
    }

    /// What a node is.
    #[must_use]
    pub fn kind(&self, node: NodeId) -> Kind<'_> {
        let inode = &self.inodes[node.index()];
        let text = || self.texts.get(inode.data);
        let digest = || self.digest(node).copied();
        match self.common(node).kind {
            InodeKind::Directory => Kind::Directory { size: inode.size },
            InodeKind::Inline => Kind::Inline {
                content: text().into(),
            },
            InodeKind::Backed => Kind::Backed {
                size: inode.size,
                path: Some(text().into())
                    .filter(|path: &std::borrow::Cow<'_, [u8]>| !path.is_empty()),
                digest: digest(),
            },
            InodeKind::BackedByObject => Kind::Backed {
                size: inode.size,
                path: Some(store::object_path(self.texts.checksum(inode.data)).into()),
                digest: digest(),
            },
            InodeKind::Symlink => Kind::Symlink { target: text() },
            InodeKind::CharDevice => Kind::CharDevice {
                rdev: inode.extra,
                size: inode.size,
            },
            InodeKind::BlockDevice => Kind::BlockDevice {
                rdev: inode.extra,
                size: inode.size,
            },
            InodeKind::Fifo => Kind::Fifo { size: inode.size },
            InodeKind::Socket => Kind::Socket { size: inode.size },
        }
    }

    /// Whether the content of the node, a file, is elsewhere.
    pub(super) fn is_backed(&self, node: NodeId) -> bool {
        let kind = self.common(node).kind;
        matches!(kind, InodeKind::Backed | InodeKind::BackedByObject)
    }

    /// The digest of a file whose content is elsewhere.
    pub(super) fn digest(&self, node: NodeId) -> Option<&FsVerityDigest> {
        if !self.is_backed(node) {
            return None;
        }
        let digest = (self.inodes[node.index()].extra as usize).checked_sub(1)?;
        self.digests.get(digest)
    }

    /// Where a file's content is, shortened: equal for equal paths, and mostly for those only.
    pub(super) fn short_backing_path(&self, node: NodeId) -> Option<u32> {
        let data = self.inodes[node.index()].data;
        match self.common(node).kind {
            InodeKind::BackedByObject => Some(short(self.texts.checksum(data))),
            InodeKind::Backed => Some(self.texts.get(data))
                .filter(|path| !path.is_empty())
                .map(short_hash),
            _ => None,
        }
    }

    fn common(&self, node: NodeId) -> &Common {
        &self.commons[self.inodes[node.index()].common as usize]
    }

    /// Owner, permissions, time and number of names, as stated when the node was added.
    #[must_use]
    pub fn stat(&self, node: NodeId) -> Stat {
        let mtime = self.mtimes.get(node.index()).copied();
        self.common(node).stat(mtime.unwrap_or_default())
    }

    /// Names and values of a node's extended attributes, in the order in which they were set.
    pub fn xattrs(&self, node: NodeId) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.xattrs.list(self.common(node).xattrs)
    }

    /// The entries of a directory, by name; none for what is no directory.
    pub fn entries(&self, node: NodeId) -> impl ExactSizeIterator<Item = DirEntry<'_>> {
        let inode = &self.inodes[node.index()];
        let range = if self.is_directory(node) {
            let start = inode.data as usize;
            start..start + inode.extra as usize
        } else {
            0..0
        };
        self.entries[range].iter().map(|entry| DirEntry {
            name: self.names.get(entry.name),
            node: NodeId(entry.inode()),
            is_link: entry.is_link(),
        })
    }

    /// The entry of that name in a directory.
    #[must_use]
    pub fn lookup(&self, directory: NodeId, name: &[u8]) -> Option<DirEntry<'_>> {
        let inode = &self.inodes[directory.index()];
        if !self.is_directory(directory) {
            return None;
        }
        let start = inode.data as usize;
        let entries = &self.entries[start..start + inode.extra as usize];
        let place = entries
            .binary_search_by(|entry| self.names.get(entry.name).cmp(name))
            .ok()?;
        let entry = entries[place];
        Some(DirEntry {
            name: self.names.get(entry.name),
            node: NodeId(entry.inode()),
            is_link: entry.is_link(),
        })
    }

    /// The path of a node's own place, with a leading slash; `/` for the root.
    #[must_use]
    pub fn path(&self, node: NodeId) -> Vec<u8> {
        let mut names = Vec::new();
        let mut at = node;
        while let Some(entry) = self.entries.get(self.inodes[at.index()].entry as usize) {
            names.push(self.names.get(entry.name));
            at = NodeId(entry.parent);
        }
        let mut path = Vec::new();
        for name in names.iter().rev() {
            path.push(b'/');
            path.extend_from_slice(name);
        }
        if path.is_empty() {
            path.push(b'/');
        }
        path
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_directory(&self, node: NodeId) -> bool {
        self.common(node).kind == InodeKind::Directory
    }

    /// Whether it is overlayfs's whiteout.
    #[must_use]
    pub fn is_whiteout(&self, node: NodeId) -> bool {
        let inode = &self.inodes[node.index()];
        self.common(node).kind == InodeKind::CharDevice && inode.extra == 0
    }

    /// The file type as it stands in a mode.
    pub(super) fn type_bits(&self, node: NodeId) -> u16 {
        self.common(node).kind.type_bits()
    }

    /// The directory in which a node has its own place; the root for the root.
    pub(super) fn parent(&self, node: NodeId) -> NodeId {
        let entry = self.entries.get(self.inodes[node.index()].entry as usize);
        entry.map_or(NodeId::ROOT, |entry| NodeId(entry.parent))
    }

    /// Number of the list of attributes that a node has, for [`Self::xattr_list`].
    pub(super) fn xattr_list_of(&self, node: NodeId) -> u32 {
        self.common(node).xattrs
    }

    pub(super) fn xattr_list(&self, list: u32) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.xattrs.list(list)
    }
}

fn short_hash(text: &[u8]) -> u32 {
    use std::hash::{DefaultHasher, Hasher as _};
    let mut hasher = DefaultHasher::new();
    hasher.write(text);
    short(&hasher.finish().to_ne_bytes())
}

/// The first four bytes.
pub(super) fn short(bytes: &[u8]) -> u32 {
    u32::from_ne_bytes([0, 1, 2, 3].map(|at| bytes[at]))
}
