//! The tree of one layer while its entries come in, in any order, at about 60 bytes and its name for each.

mod index;
mod links;

use std::hash::RandomState;

use ostree_objects::Checksum;

use self::links::Link;
use super::arena::{Arena, TextAt, Texts};
use super::object::Object;
use crate::show::show;
use crate::{Error, Limits, Problem};

/// No node, no directory, no checksum.
pub(super) const NONE: u32 = u32::MAX;

/// A node's index. A child's is larger than its parent's, whatever is replaced by what.
pub(super) type Id = u32;

/// The root of the tree.
pub(super) const ROOT: Id = 0;
/// The root of what lies in the embedded repository, which is not part of the tree.
pub(super) const REPOSITORY: Id = 1;

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Was something, and was dropped with its directory.
    Absent,
    /// `data`: index of the object.
    File,
    /// `data`: index of the object.
    Symlink,
    /// `data`: index of the link.
    Hardlink,
    /// `data`: index of the directory.
    Directory,
}

#[derive(Debug)]
struct Node {
    parent: Id,
    name: TextAt,
    /// The next child of the same directory, in no order.
    next: Id,
    data: u32,
    length: u8,
    kind: Kind,
    in_repository: bool,
    /// The layer calls it `etc/…`, not `usr/etc/…`.
    from_etc: bool,
    /// Its object was written for another path, or without one: the label may be another.
    label_due: bool,
}

#[derive(Debug)]
struct Directory {
    first_child: Id,
    /// Index of owner, mode and attributes; none for a directory that is only implied.
    owner: u32,
    /// The dirmeta's checksum, once it is written.
    meta: u32,
    /// The dirtree's checksum, once it is written.
    tree: u32,
}

/// What a path was before something was put there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    Nothing,
    /// The same kind of thing; `from_etc` of what was there.
    Same {
        from_etc: bool,
    },
    /// A directory where a file is put, or the other way round.
    Other,
}

pub(super) struct Tree {
    nodes: Arena<Node>,
    directories: Arena<Directory>,
    objects: Arena<Object>,
    checksums: Arena<Checksum>,
    /// The dirmeta that was stored last.
    last_meta: u32,
    links: Vec<Link>,
    names: Texts,
    /// Open addressing by parent and name; at most three quarters full.
    index: Vec<Id>,
    hasher: RandomState,
    limits: Limits,
}

impl Tree {
    /// A tree of both roots.
    pub(super) fn new(limits: &Limits) -> Result<Self, Error> {
        let mut tree = Self {
            nodes: Arena::default(),
            directories: Arena::default(),
            objects: Arena::default(),
            checksums: Arena::default(),
            last_meta: NONE,
            links: Vec::new(),
            names: Texts::default(),
            index: vec![NONE; 64],
            hasher: RandomState::new(),
            limits: limits.clone(),
        };
        for (root, in_repository) in [(ROOT, false), (REPOSITORY, true)] {
            let id = tree.add_node(NONE, "", in_repository)?;
            debug_assert_eq!(id, root);
            tree.make_directory(id)?;
        }
        Ok(tree)
    }

    pub(super) fn kind(&self, id: Id) -> Kind {
        self.nodes.get(id).kind
    }

    pub(super) fn name(&self, id: Id) -> &str {
        let node = self.nodes.get(id);
        self.names.get(node.name, node.length.into())
    }

    /// Nodes there ever were.
    pub(super) fn len(&self) -> u32 {
        self.nodes.len()
    }

    /// Whether the node is in the tree, not in the embedded repository and not dropped.
    pub(super) fn is_visible(&self, id: Id) -> bool {
        let node = self.nodes.get(id);
        !node.in_repository && node.kind != Kind::Absent
    }

    pub(super) fn set_from_etc(&mut self, id: Id, from_etc: bool) {
        self.nodes.get_mut(id).from_etc = from_etc;
    }

    pub(super) const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The object of a file or symbolic link.
    pub(super) fn object(&self, id: Id) -> Object {
        *self.objects.get(self.nodes.get(id).data)
    }

    /// The object of a file or symbolic link is another now, for every hard link to it too.
    pub(super) fn set_object(&mut self, id: Id, object: Object) {
        *self.objects.get_mut(self.nodes.get(id).data) = object;
    }

    /// This one of the hard links to an object gets another.
    pub(super) fn part_object(&mut self, id: Id, object: Object) -> Result<(), Error> {
        self.nodes.get_mut(id).data = self.add_object(object)?;
        Ok(())
    }

    /// Whether the object of a file or symbolic link may have the label of another path.
    pub(super) fn is_label_due(&self, id: Id) -> bool {
        self.nodes.get(id).label_due
    }

    /// Bytes of a text that was stored with [`Self::add_text`].
    pub(super) fn text(&self, at: TextAt, length: u16) -> &str {
        self.names.get(at, length.into())
    }

    /// Index of a directory's owner, mode and attributes; none when it is only implied.
    pub(super) fn owner(&self, id: Id) -> Option<u32> {
        let owner = self.directory(id).owner;
        (owner != NONE).then_some(owner)
    }

    /// A directory's dirmeta, once it is set.
    pub(super) fn meta(&self, id: Id) -> Option<Checksum> {
        self.stored(self.directory(id).meta)
    }

    /// A directory's dirtree, once it is set.
    pub(super) fn tree(&self, id: Id) -> Option<Checksum> {
        self.stored(self.directory(id).tree)
    }

    /// What is in a directory, in no order.
    pub(super) fn children(&self, id: Id) -> impl Iterator<Item = Id> {
        let first = self.directory(id).first_child;
        std::iter::successors((first != NONE).then_some(first), |id| {
            let next = self.nodes.get(*id).next;
            (next != NONE).then_some(next)
        })
    }

    /// The path below its root, without leading slash.
    pub(super) fn path(&self, mut id: Id) -> String {
        let mut names = Vec::new();
        while self.nodes.get(id).parent != NONE {
            names.push(self.name(id));
            id = self.nodes.get(id).parent;
        }
        names.reverse();
        names.join("/")
    }

    /// Put a file or symbolic link at `path`, which is not a root.
    pub(super) fn put_file(
        &mut self,
        root: Id,
        path: &str,
        kind: Kind,
        object: Object,
    ) -> Result<(Id, Before), Error> {
        let (id, before) = self.put(root, path, false)?;
        let data = self.add_object(object)?;
        let node = self.nodes.get_mut(id);
        (node.kind, node.data, node.label_due) = (kind, data, false);
        Ok((id, before))
    }

    /// Put a directory at `path`, which may be a root; it keeps what is in it. `owner`: see [`Self::owner`].
    pub(super) fn put_directory(
        &mut self,
        root: Id,
        path: &str,
        owner: u32,
    ) -> Result<(Id, Before), Error> {
        let (id, before) = if path.is_empty() {
            (root, Before::Same { from_etc: false })
        } else {
            self.put(root, path, true)?
        };
        let directory = self.nodes.get(id).data;
        self.directories.get_mut(directory).owner = owner;
        Ok((id, before))
    }

    /// Record a directory's objects.
    pub(super) fn set_objects(
        &mut self,
        id: Id,
        tree: Checksum,
        meta: Checksum,
    ) -> Result<(), Error> {
        let (tree, meta) = (self.store(tree)?, self.store_meta(meta)?);
        let directory = self.nodes.get(id).data;
        let directory = self.directories.get_mut(directory);
        (directory.tree, directory.meta) = (tree, meta);
        Ok(())
    }

    /// What is at `path`; links are not followed.
    pub(super) fn find(&self, root: Id, path: &str) -> Option<Id> {
        let mut id = root;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            if self.kind(id) != Kind::Directory {
                return None;
            }
            id = self.lookup(id, name)?;
        }
        (self.kind(id) != Kind::Absent).then_some(id)
    }

    /// The node for `path`, taken from whatever was there; parents that are not there are made as implied ones.
    fn put(&mut self, root: Id, path: &str, directory: bool) -> Result<(Id, Before), Error> {
        let (parents, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut parent = root;
        for name in parents.split('/').filter(|name| !name.is_empty()) {
            parent = self.enter(parent, name, path)?;
        }
        let id = self.child(parent, name)?;
        let node = self.nodes.get(id);
        let from_etc = node.from_etc;
        let before = match (node.kind, directory) {
            (Kind::Absent, _) => Before::Nothing,
            (Kind::Directory, true) => return Ok((id, Before::Same { from_etc })),
            (Kind::Directory, false) => {
                self.drop_children(id);
                Before::Other
            }
            (_, true) => Before::Other,
            (_, false) => Before::Same { from_etc },
        };
        if before == Before::Nothing {
            self.attach(id);
        }
        if directory {
            self.make_directory(id)?;
        }
        Ok((id, before))
    }

    /// The directory `name` on the way to `path`.
    fn enter(&mut self, parent: Id, name: &str, path: &str) -> Result<Id, Error> {
        let id = self.child(parent, name)?;
        let problem = match self.kind(id) {
            Kind::Directory => return Ok(id),
            Kind::Absent => {
                self.attach(id);
                self.make_directory(id)?;
                return Ok(id);
            }
            Kind::Symlink => Problem::ThroughLink {
                link: show(self.path(id).as_bytes()),
            },
            Kind::File | Kind::Hardlink => Problem::ThroughFile {
                parent: show(self.path(id).as_bytes()),
            },
        };
        Err(Error::Entry {
            path: show(path.as_bytes()),
            problem,
        })
    }

    /// The child of that name, absent if it is new.
    fn child(&mut self, parent: Id, name: &str) -> Result<Id, Error> {
        if let Some(id) = self.lookup(parent, name) {
            return Ok(id);
        }
        let in_repository = self.nodes.get(parent).in_repository;
        let id = self.add_node(parent, name, in_repository)?;
        self.insert(id);
        Ok(id)
    }

    fn attach(&mut self, id: Id) {
        let parent = self.nodes.get(id).parent;
        let directory = self.nodes.get(parent).data;
        let first = std::mem::replace(&mut self.directories.get_mut(directory).first_child, id);
        self.nodes.get_mut(id).next = first;
    }

    /// Everything in a directory is gone. What is gone stays in the index, to be found if its name comes again.
    fn drop_children(&mut self, id: Id) {
        let mut gone: Vec<Id> = self.children(id).collect();
        while let Some(id) = gone.pop() {
            if self.kind(id) == Kind::Directory {
                gone.extend(self.children(id));
            }
            self.nodes.get_mut(id).kind = Kind::Absent;
        }
    }

    fn make_directory(&mut self, id: Id) -> Result<(), Error> {
        let directory = Directory {
            first_child: NONE,
            owner: NONE,
            meta: NONE,
            tree: NONE,
        };
        let data = self
            .directories
            .push(directory)
            .ok_or_else(|| self.full())?;
        let node = self.nodes.get_mut(id);
        (node.kind, node.data) = (Kind::Directory, data);
        Ok(())
    }

    fn add_node(&mut self, parent: Id, name: &str, in_repository: bool) -> Result<Id, Error> {
        if u64::from(self.nodes.len()) >= self.limits.entries.saturating_add(2) {
            return Err(self.full());
        }
        let length = u8::try_from(name.len()).map_err(|_| self.full())?;
        let node = Node {
            parent,
            name: self.add_text(name)?,
            next: NONE,
            data: NONE,
            length,
            kind: Kind::Absent,
            in_repository,
            from_etc: false,
            label_due: false,
        };
        self.nodes.push(node).ok_or_else(|| self.full())
    }

    /// Store a text of at most 64 KiB beside the names.
    pub(super) fn add_text(&mut self, text: &str) -> Result<TextAt, Error> {
        let limit = self.limits.all_names_bytes;
        let too_much = Error::Limit {
            what: "bytes of names",
            limit: limit as u64,
        };
        if self.names.bytes() + text.len() > limit {
            return Err(too_much);
        }
        self.names.push(text).ok_or(too_much)
    }

    fn add_object(&mut self, object: Object) -> Result<u32, Error> {
        self.objects.push(object).ok_or_else(|| self.full())
    }

    fn store(&mut self, checksum: Checksum) -> Result<u32, Error> {
        self.checksums.push(checksum).ok_or_else(|| self.full())
    }

    /// Many directories in a row have the same metadata.
    fn store_meta(&mut self, checksum: Checksum) -> Result<u32, Error> {
        if self.last_meta != NONE && *self.checksums.get(self.last_meta) == checksum {
            return Ok(self.last_meta);
        }
        self.last_meta = self.store(checksum)?;
        Ok(self.last_meta)
    }

    fn stored(&self, at: u32) -> Option<Checksum> {
        (at != NONE).then(|| *self.checksums.get(at))
    }

    fn directory(&self, id: Id) -> &Directory {
        self.directories.get(self.nodes.get(id).data)
    }

    fn full(&self) -> Error {
        Error::Limit {
            what: "files and directories",
            limit: self.limits.entries,
        }
    }
}

#[cfg(test)]
mod tests;
