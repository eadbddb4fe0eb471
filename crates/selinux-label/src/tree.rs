//! Where policy files are read from.

use std::collections::{BTreeMap, BTreeSet};

/// What a [`PolicyTree`] says when it cannot read.
pub type TreeError = Box<dyn std::error::Error + Send + Sync>;

/// Where policy files are read from: a directory, an ostree tree, an archive.
///
/// Paths are relative to the root of the tree, without a slash in front: `usr/etc/selinux/config`.
pub trait PolicyTree {
    /// The bytes of a regular file; symlinks are followed inside the tree. `None` if there is no such file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or has more than `limit` bytes, of which the tree must not take more into memory.
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError>;

    /// The names in a directory; `None` if there is no such directory.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    fn names(&self, path: &str) -> Result<Option<Vec<String>>, TreeError>;
}

/// Files held in memory by their path below the root: those seen in a tar, for instance. It has no symlinks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryTree(pub BTreeMap<String, Vec<u8>>);

impl PolicyTree for MemoryTree {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        match self.0.get(path) {
            Some(bytes) if bytes.len() as u64 > limit => Err(too_large(limit)),
            found => Ok(found.cloned()),
        }
    }

    fn names(&self, path: &str) -> Result<Option<Vec<String>>, TreeError> {
        let prefix = format!("{path}/");
        let names: BTreeSet<&str> = self
            .0
            .range(prefix.clone()..)
            .map_while(|(file, _)| file.strip_prefix(&prefix))
            .filter_map(|below| below.split('/').next())
            .collect();
        // A directory of a map of files is there by what is in it.
        Ok((!names.is_empty()).then(|| names.into_iter().map(str::to_owned).collect()))
    }
}

/// What a tree says of a file that has more bytes than were asked for.
pub(crate) fn too_large(limit: u64) -> TreeError {
    format!("larger than the limit of {limit} bytes").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_in_memory_are_there_by_their_files() {
        let files = ["a/b/c", "a/b/d/e", "a-x/f", "a/bb"];
        let tree = MemoryTree(files.map(|path| (path.to_owned(), vec![0; 3])).into());
        let names = |path: &str| tree.names(path).unwrap();
        let some = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(names("a"), some(&["b", "bb"]));
        assert_eq!(names("a/b"), some(&["c", "d"]));
        assert_eq!(names("a/b/c"), None);
        assert_eq!(names("b"), None);
        assert_eq!(tree.read("a/bb", 3).unwrap(), Some(vec![0; 3]));
        assert_eq!(tree.read("a/b", 3).unwrap(), None);
        assert!(tree.read("a/bb", 2).is_err());
    }
}
