//! Where declarations are read from, and how links are followed there.

use std::ffi::OsString;
use std::io::{self, Read as _};

use cap_std::fs::Dir;

use crate::limits::{MAX_LINKS, MAX_STEPS};

/// What a [`Tree`] says when it cannot read.
pub type TreeError = Box<dyn std::error::Error + Send + Sync>;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link, with its target as it is written.
    Link(String),
    /// A device, a pipe, a socket.
    Other,
}

/// The root of an operating system: a directory of the host, or the tree of a commit.
///
/// Paths are relative to the root, without a slash in front. No method follows a link: all of them are handed paths
/// that have none on the way, and this crate follows them.
pub trait Tree {
    /// What is at this path; `None` if nothing is.
    ///
    /// # Errors
    /// It cannot be read, or a link's target is not UTF-8.
    fn node(&self, path: &str) -> Result<Option<Node>, TreeError>;

    /// The names in the directory at this path, in any order; no more than `limit` of them.
    ///
    /// # Errors
    /// It cannot be read.
    fn names(&self, path: &str, limit: usize) -> Result<Vec<OsString>, TreeError>;

    /// The bytes of the regular file at this path; no more than `limit` of them.
    ///
    /// # Errors
    /// It cannot be read.
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, TreeError>;
}

/// Where a path leads when links are followed inside the tree: absolute ones begin at its root, and `..` ends there. The
/// path without links, and what is there; `None` where it leads nowhere, to a link that leads nowhere, or through too many.
pub(crate) fn resolve(tree: &dyn Tree, path: &str) -> Result<Option<(String, Node)>, TreeError> {
    let mut resolved: Vec<String> = Vec::new();
    let mut ahead: Vec<String> = names_of(path);
    let (mut links, mut steps) = (0, 0);
    let mut node = Node::Directory;
    while let Some(name) = ahead.pop() {
        steps += 1;
        if links > MAX_LINKS || steps > MAX_STEPS {
            return Ok(None);
        }
        if name == ".." {
            resolved.pop();
            node = Node::Directory;
            continue;
        }
        if node != Node::Directory {
            return Ok(None);
        }
        resolved.push(name);
        match tree.node(&resolved.join("/"))? {
            None => return Ok(None),
            Some(Node::Link(target)) => {
                links += 1;
                resolved.pop();
                if target.starts_with('/') {
                    resolved.clear();
                }
                ahead.extend(names_of(&target));
            }
            Some(found) => node = found,
        }
    }
    Ok(Some((resolved.join("/"), node)))
}

/// The names of a path, the last one first.
fn names_of(path: &str) -> Vec<String> {
    path.split('/')
        .rev()
        .filter(|name| !matches!(*name, "" | "."))
        .map(str::to_owned)
        .collect()
}

/// A directory of the host, which is never left.
#[derive(Debug, Clone, Copy)]
pub struct DirTree<'a>(&'a Dir);

impl<'a> DirTree<'a> {
    /// The root of the tree.
    #[must_use]
    pub const fn new(root: &'a Dir) -> Self {
        Self(root)
    }
}

impl Tree for DirTree<'_> {
    fn node(&self, path: &str) -> Result<Option<Node>, TreeError> {
        let found = match self.0.symlink_metadata(path) {
            Ok(found) => found.file_type(),
            Err(error) => {
                return match error.kind() {
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
                    _ => Err(error.into()),
                };
            }
        };
        Ok(Some(if found.is_dir() {
            Node::Directory
        } else if found.is_file() {
            Node::File
        } else if found.is_symlink() {
            let target = self.0.read_link_contents(path)?.into_os_string();
            let target = target.into_string();
            Node::Link(target.map_err(|_| "its target is not UTF-8")?)
        } else {
            Node::Other
        }))
    }

    fn names(&self, path: &str, limit: usize) -> Result<Vec<OsString>, TreeError> {
        let mut names = Vec::new();
        for entry in self.0.read_dir(path)?.take(limit) {
            names.push(entry?.file_name());
        }
        Ok(names)
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, TreeError> {
        let mut bytes = Vec::new();
        self.0.open(path)?.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}
