//! Putting a tree together, in any order in which a directory comes before what is in it.

use std::collections::HashMap;

use super::{
    Kind, Mtime, NodeId, Stat, Tree,
    node::{Common, Inode, InodeKind},
    store::{Entry, MOST_INODES, Names, TOO_LONG, Texts, object_checksum},
};
use crate::composefs::{
    Error, FsVerityDigest, Xattrs,
    error::shown,
    limits::{MAX_FILE_BYTES, MAX_INLINE_BYTES, MAX_NAME_BYTES, MAX_PATH_BYTES},
    xattrs::{XattrTable, index},
};

/// A [`Tree`] in the making.
#[derive(Debug, Clone)]
pub struct TreeBuilder {
    tree: Tree,
    commons: HashMap<Common, u32>,
    waiting: Vec<WaitingLink>,
}

/// A hard link to a path that may come later.
#[derive(Debug, Clone)]
struct WaitingLink {
    target: Box<[u8]>,
}

impl TreeBuilder {
    /// A tree with a root.
    ///
    /// # Errors
    ///
    /// Permissions beyond `07777`.
    pub fn new(size: u64, stat: Stat, xattrs: &Xattrs) -> Result<Self, Error> {
        let mut builder = Self {
            tree: Tree {
                inodes: Vec::new(),
                commons: Vec::new(),
                mtimes: Vec::new(),
                entries: Vec::new(),
                names: Names::default(),
                texts: Texts::default(),
                digests: Vec::new(),
                xattrs: XattrTable::new(),
            },
            commons: HashMap::new(),
            waiting: Vec::new(),
        };
        builder.inode(&Kind::Directory { size }, stat, xattrs, u32::MAX)?;
        Ok(builder)
    }

    /// Adds a node to a directory. That no two have one name is seen by [`Self::finish`].
    ///
    /// # Errors
    ///
    /// `parent` is no directory; a name that is empty, `.`, `..`, over [`MAX_NAME_BYTES`], or holds a slash or
    /// NUL; content, target or size over its limit; permissions beyond `07777`.
    pub fn add(
        &mut self,
        parent: NodeId,
        name: &[u8],
        kind: &Kind<'_>,
        stat: Stat,
        xattrs: &Xattrs,
    ) -> Result<NodeId, Error> {
        let name_at = self.name(parent, name)?;
        let inode = self.inode(kind, stat, xattrs, 0)?;
        self.tree
            .entries
            .push(Entry::own(parent.number(), name_at, inode));
        Ok(NodeId(inode))
    }

    /// Adds a further name for a node.
    ///
    /// # Errors
    ///
    /// As [`Self::add`]; a target that is a directory.
    pub fn add_link(&mut self, parent: NodeId, name: &[u8], target: NodeId) -> Result<(), Error> {
        if self.is_directory(target) {
            return Err(Error::hard_link(name, DIRECTORY));
        }
        let name_at = self.name(parent, name)?;
        let entry = Entry::link(parent.number(), name_at, target.number());
        self.tree.entries.push(entry);
        Ok(())
    }

    /// Adds a further name for what will be at a path in the end.
    pub(in crate::composefs) fn add_link_to_path(
        &mut self,
        parent: NodeId,
        name: &[u8],
        target: &[u8],
    ) -> Result<(), Error> {
        let number = self.waiting.len();
        if number >= MOST_INODES as usize {
            return Err(too_many_inodes());
        }
        let name_at = self.name(parent, name)?;
        self.waiting.push(WaitingLink {
            target: target.into(),
        });
        #[expect(
            clippy::cast_possible_truncation,
            reason = "compared with the limit above"
        )]
        let entry = Entry::waiting(parent.number(), name_at, number as u32);
        self.tree.entries.push(entry);
        Ok(())
    }

    /// Whether the node is a directory.
    #[must_use]
    pub fn is_directory(&self, node: NodeId) -> bool {
        self.tree.is_directory(node)
    }

    fn name(&mut self, parent: NodeId, name: &[u8]) -> Result<u32, Error> {
        let problem = match name {
            b"" => Some("is empty"),
            b"." | b".." => Some("is no name of an entry"),
            name if name.len() > MAX_NAME_BYTES => Some(TOO_LONG),
            name if name.contains(&b'/') => Some("holds a slash"),
            name if name.contains(&0) => Some("holds a NUL"),
            _ => None,
        };
        if let Some(problem) = problem {
            return Err(Error::name(name, problem));
        }
        if !self.is_directory(parent) {
            return Err(Error::Parent { path: shown(name) });
        }
        self.tree.names.add(name)
    }

    fn inode(
        &mut self,
        kind: &Kind<'_>,
        stat: Stat,
        xattrs: &Xattrs,
        entry: u32,
    ) -> Result<u32, Error> {
        if stat.permissions > 0o7777 {
            return Err(Error::Mode {
                mode: stat.permissions.into(),
            });
        }
        let (inode_kind, data, extra) = self.content(kind)?;
        let number = u32::try_from(self.tree.inodes.len()).unwrap_or(u32::MAX);
        if number > MOST_INODES {
            return Err(too_many_inodes());
        }
        let common = Common {
            uid: stat.uid,
            gid: stat.gid,
            nlink: stat.nlink,
            xattrs: self.tree.xattrs.add(xattrs)?,
            permissions: stat.permissions,
            kind: inode_kind,
        };
        let common = self.common(common)?;
        if stat.mtime != Mtime::default() {
            self.tree.mtimes.resize(number as usize, Mtime::default());
            self.tree.mtimes.push(stat.mtime);
        }
        self.tree.inodes.push(Inode {
            size: kind.size(),
            common,
            entry,
            data,
            extra,
        });
        Ok(number)
    }

    fn common(&mut self, common: Common) -> Result<u32, Error> {
        if let Some(number) = self.commons.get(&common) {
            return Ok(*number);
        }
        let number = index("different files", self.tree.commons.len())?;
        self.tree.commons.push(common);
        self.commons.insert(common, number);
        Ok(number)
    }

    fn content(&mut self, kind: &Kind<'_>) -> Result<(InodeKind, u32, u32), Error> {
        Ok(match kind {
            Kind::Directory { .. } => (InodeKind::Directory, 0, 0),
            Kind::Inline { content } => {
                if content.len() > MAX_INLINE_BYTES {
                    let size = content.len() as u64;
                    return Err(Error::InlineTooBig { size });
                }
                (InodeKind::Inline, self.tree.texts.add(content)?, 0)
            }
            Kind::Backed { size: 0, .. } => (InodeKind::Inline, self.tree.texts.add(b"")?, 0),
            Kind::Backed { size, path, digest } => {
                if *size > MAX_FILE_BYTES {
                    return Err(Error::FileTooBig { size: *size });
                }
                let (kind, data) = self.backing_path(path.as_deref().unwrap_or_default())?;
                (kind, data, self.digest(*digest)?)
            }
            Kind::Symlink { target } => {
                let length = target.len();
                if length == 0 || length > MAX_PATH_BYTES || target.contains(&0) {
                    return Err(Error::Target { length });
                }
                (InodeKind::Symlink, self.tree.texts.add(target)?, 0)
            }
            Kind::CharDevice { rdev, .. } => (InodeKind::CharDevice, 0, *rdev),
            Kind::BlockDevice { rdev, .. } => (InodeKind::BlockDevice, 0, *rdev),
            Kind::Fifo { .. } => (InodeKind::Fifo, 0, 0),
            Kind::Socket { .. } => (InodeKind::Socket, 0, 0),
        })
    }

    fn backing_path(&mut self, path: &[u8]) -> Result<(InodeKind, u32), Error> {
        if path.len() > MAX_PATH_BYTES || path.contains(&0) {
            return Err(Error::BackingPath { length: path.len() });
        }
        Ok(match object_checksum(path) {
            Some(checksum) => (
                InodeKind::BackedByObject,
                self.tree.texts.add_checksum(&checksum)?,
            ),
            None => (InodeKind::Backed, self.tree.texts.add(path)?),
        })
    }

    /// Number of the digest, counted from 1; 0 for none.
    fn digest(&mut self, digest: Option<FsVerityDigest>) -> Result<u32, Error> {
        let Some(digest) = digest else { return Ok(0) };
        self.tree.digests.push(digest);
        index("digests", self.tree.digests.len())
    }

    /// The tree.
    ///
    /// # Errors
    ///
    /// A name that is twice in one directory.
    pub fn finish(self) -> Result<Tree, Error> {
        self.finish_located().map_err(|(_, error)| error)
    }

    /// The tree, or which entry is at fault, counted from 0 in the order of adding.
    pub(in crate::composefs) fn finish_located(mut self) -> Result<Tree, (usize, Error)> {
        let Tree { entries, names, .. } = &mut self.tree;
        // Names lie in the order of adding, so that of two that are alike the first comes first.
        entries.sort_unstable_by(|a, b| {
            let key = |entry: &Entry| (entry.parent, names.get(entry.name), entry.name);
            key(a).cmp(&key(b))
        });
        let same = |pair: &&[Entry]| {
            pair[0].parent == pair[1].parent && names.get(pair[0].name) == names.get(pair[1].name)
        };
        let twice = entries.windows(2).find(same).map(|pair| pair[1]);
        self.place();
        if let Some(entry) = twice {
            let mut path = self.tree.path(NodeId(entry.parent));
            if path.len() > 1 {
                path.push(b'/');
            }
            path.extend_from_slice(self.tree.names.get(entry.name));
            let error = Error::Twice { path: shown(&path) };
            return Err((self.tree.names.before(entry.name), error));
        }
        self.resolve()?;
        let mut tree = self.tree;
        tree.xattrs.seal();
        tree.inodes.shrink_to_fit();
        tree.commons.shrink_to_fit();
        tree.mtimes.shrink_to_fit();
        tree.entries.shrink_to_fit();
        tree.digests.shrink_to_fit();
        tree.names.shrink();
        tree.texts.shrink();
        Ok(tree)
    }

    /// Tells each directory where its sorted entries are, and each inode which entry is its own.
    fn place(&mut self) {
        let Tree {
            entries, inodes, ..
        } = &mut self.tree;
        for (at, entry) in (0_u32..).zip(entries.iter()) {
            let directory = &mut inodes[entry.parent as usize];
            if directory.extra == 0 {
                directory.data = at;
            }
            directory.extra += 1;
            if !entry.is_link() {
                inodes[entry.inode() as usize].entry = at;
            }
        }
    }

    /// Finds the targets of the links that wait for them.
    fn resolve(&mut self) -> Result<(), (usize, Error)> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let mut targets: Vec<Option<u32>> = vec![None; self.waiting.len()];
        for at in 0..self.tree.entries.len() {
            let entry = self.tree.entries[at];
            let Some(number) = entry.waits() else {
                continue;
            };
            let inode = self
                .resolve_one(number, &mut targets)
                .map_err(|error| (self.tree.names.before(entry.name), error))?;
            targets[number as usize] = Some(inode);
        }
        for entry in &mut self.tree.entries {
            if let Some(inode) = entry.waits().and_then(|number| targets[number as usize]) {
                *entry = Entry::link(entry.parent, entry.name, inode);
            }
        }
        Ok(())
    }

    /// Follows a link, and the links that it leads to, to an inode; notes it for all that lie on the way.
    fn resolve_one(&self, first: u32, targets: &mut [Option<u32>]) -> Result<u32, Error> {
        let mut way = Vec::new();
        let mut number = first;
        let inode = loop {
            if let Some(inode) = targets[number as usize] {
                break inode;
            }
            way.push(number);
            let target = &self.waiting[number as usize].target;
            // Each link is on the way once, or the way never ends.
            if way.len() > self.waiting.len() {
                return Err(Error::hard_link(target, "leads back to the link"));
            }
            let found = self
                .find(target)
                .ok_or_else(|| Error::hard_link(target, "is not there"))?;
            match found.waits() {
                Some(next) => number = next,
                None if self.is_directory(NodeId(found.inode())) => {
                    return Err(Error::hard_link(target, DIRECTORY));
                }
                None => break found.inode(),
            }
        };
        for number in way {
            targets[number as usize] = Some(inode);
        }
        Ok(inode)
    }

    /// The entry at a path; the root has none, but is a directory all the same.
    fn find(&self, path: &[u8]) -> Option<Entry> {
        let mut found = Entry::own(0, 0, 0);
        for name in path.split(|byte| *byte == b'/') {
            if name.is_empty() {
                continue;
            }
            if found.is_link() {
                return None;
            }
            found = self.entry(NodeId(found.inode()), name)?;
        }
        Some(found)
    }

    fn entry(&self, directory: NodeId, name: &[u8]) -> Option<Entry> {
        let inode = &self.tree.inodes[directory.index()];
        if !self.is_directory(directory) {
            return None;
        }
        let start = inode.data as usize;
        let entries = &self.tree.entries[start..start + inode.extra as usize];
        let place = entries.binary_search_by(|entry| self.tree.names.get(entry.name).cmp(name));
        place.ok().map(|place| entries[place])
    }
}

const DIRECTORY: &str = "is a directory";

fn too_many_inodes() -> Error {
    Error::TooMany {
        what: "files",
        limit: MOST_INODES.into(),
    }
}
