//! A listing as ostree objects.

use std::collections::BTreeMap;

use ostree_objects::{Checksum, DirMeta, DirTree, FileHasher, FileHeader, Xattrs};

use crate::{Content, Entry, Error, Listing, Node};

/// All objects of a tree.
pub(super) struct Objects {
    pub(super) root_tree: Checksum,
    pub(super) root_meta: Checksum,
    pub(super) root_mode: u32,
    /// Directories, parents first, the root not among them.
    pub(super) dirs: Vec<DirObject>,
    /// The root's dirmeta and dirtree.
    pub(super) root: (DirMeta, DirTree),
    pub(super) files: BTreeMap<Checksum, FileObject>,
}

pub(super) struct DirObject {
    pub(super) path: String,
    pub(super) meta: DirMeta,
    pub(super) tree: DirTree,
}

pub(super) struct FileObject {
    pub(super) header: FileHeader,
    pub(super) content: Content,
    /// Every path that has this object, in the order of the tree.
    pub(super) paths: Vec<String>,
}

/// A directory while it is filled.
struct Dir {
    meta: DirMeta,
    dirs: BTreeMap<String, Self>,
    files: BTreeMap<String, (FileHeader, Content)>,
}

impl Dir {
    fn new() -> Self {
        Self {
            meta: DirMeta::root_default(),
            dirs: BTreeMap::new(),
            files: BTreeMap::new(),
        }
    }

    fn at(&mut self, path: &[&str]) -> &mut Self {
        path.iter().fold(self, |dir, name| {
            dir.dirs.entry((*name).to_owned()).or_insert_with(Self::new)
        })
    }
}

impl Objects {
    pub(super) fn of(listing: &Listing) -> Result<Self, Error> {
        let mut root = Dir::new();
        for entry in &listing.entries {
            insert(&mut root, entry)?;
        }
        let mut objects = Self {
            root_tree: DirTree::default().checksum(),
            root_meta: root.meta.checksum(),
            root_mode: root.meta.mode & 0o7777,
            dirs: Vec::new(),
            root: (root.meta.clone(), DirTree::default()),
            files: BTreeMap::new(),
        };
        objects.root.1 = objects.walk(&root, "");
        objects.root_tree = objects.root.1.checksum();
        Ok(objects)
    }

    fn walk(&mut self, dir: &Dir, path: &str) -> DirTree {
        let mut tree = DirTree::default();
        let below = |name: &str| match path {
            "" => name.to_owned(),
            _ => format!("{path}/{name}"),
        };
        for (name, (header, content)) in &dir.files {
            let mut hasher = FileHasher::new(header);
            hasher.update(&content.to_vec());
            let checksum = hasher.finish();
            tree.files.push((name.clone(), checksum));
            self.files
                .entry(checksum)
                .or_insert_with(|| FileObject {
                    header: header.clone(),
                    content: content.clone(),
                    paths: Vec::new(),
                })
                .paths
                .push(below(name));
        }
        for (name, child) in &dir.dirs {
            let place = self.dirs.len();
            self.dirs.push(DirObject {
                path: below(name),
                meta: child.meta.clone(),
                tree: DirTree::default(),
            });
            let child_tree = self.walk(child, &below(name));
            tree.dirs
                .push((name.clone(), child_tree.checksum(), child.meta.checksum()));
            self.dirs[place].tree = child_tree;
        }
        tree
    }
}

fn insert(root: &mut Dir, entry: &Entry) -> Result<(), Error> {
    let fault = |reason: &str| Error::Tree {
        path: entry.path.escape_ascii().to_string(),
        reason: reason.to_owned(),
    };
    let text = |bytes: &[u8]| {
        String::from_utf8(bytes.to_vec()).map_err(|_| fault("names that are not UTF-8"))
    };
    let path = text(&entry.path)?;
    let names: Vec<&str> = split(&path);
    let pairs = entry
        .xattrs
        .iter()
        .map(|(name, value)| (name.clone().into_bytes(), value.clone()))
        .collect();
    let xattrs = Xattrs::from_pairs(pairs).map_err(|source| Error::Object { source })?;
    let id = |id| u32::try_from(id).map_err(|_| fault("ids over 32 bits"));
    let (uid, gid) = (id(entry.uid)?, id(entry.gid)?);
    let file = match &entry.node {
        Node::Dir => {
            root.at(&names).meta = DirMeta {
                uid,
                gid,
                mode: ostree_objects::S_IFDIR | entry.mode,
                xattrs,
            };
            return Ok(());
        }
        Node::File(content) => (
            FileHeader::regular(uid, gid, entry.mode, xattrs),
            content.clone(),
        ),
        Node::Symlink(target) => (
            FileHeader::symlink(uid, gid, text(target)?, xattrs),
            "".into(),
        ),
        Node::Hardlink(target) => {
            let target = text(target)?;
            let (name, parents) = split(&target).split_last_owned();
            root.at(&parents)
                .files
                .get(name)
                .cloned()
                .ok_or_else(|| fault("a hardlink to what is not there"))?
        }
        Node::Char { .. } | Node::Block { .. } | Node::Fifo => {
            return Err(fault("devices and pipes"));
        }
    };
    let (name, parents) = names.split_last_owned();
    root.at(&parents).files.insert(name.to_owned(), file);
    Ok(())
}

fn split(path: &str) -> Vec<&str> {
    path.split('/')
        .filter(|name| !name.is_empty() && *name != ".")
        .collect()
}

trait SplitLast<'a> {
    /// The last name and the names before it.
    fn split_last_owned(self) -> (&'a str, Vec<&'a str>);
}

impl<'a> SplitLast<'a> for Vec<&'a str> {
    fn split_last_owned(mut self) -> (&'a str, Self) {
        let last = self.pop().unwrap_or("");
        (last, self)
    }
}
