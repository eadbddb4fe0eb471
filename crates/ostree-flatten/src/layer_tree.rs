//! The tree of one layer commit.

use std::collections::BTreeSet;

use ostree_objects::{Checksum, Commit, Value};

/// Commit metadata key (type `as`) of our layer commits: paths of directories that the layer's tar never
/// listed, sorted, in tree form (`usr/lib`); the root is the empty string.
pub const KEY_IMPLIED_DIRECTORIES: &str = "bootc-storage.implied-directories";

/// One layer's tree, or the base's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerTree {
    /// The root's dirtree object.
    pub tree: Checksum,
    /// The root's dirmeta object.
    pub meta: Checksum,
    /// Directories that the layer's tar never listed, as paths without a leading slash (the root is the empty
    /// string): their dirmeta is made up. `None` when the commit does not say (others' layer commits).
    pub implied: Option<BTreeSet<String>>,
}

impl LayerTree {
    /// The tree of `commit`; its implied directories from [`KEY_IMPLIED_DIRECTORIES`].
    #[must_use]
    pub fn from_commit(commit: &Commit) -> Self {
        let implied = match commit.metadata.get(KEY_IMPLIED_DIRECTORIES) {
            Some(Value::StrList(paths)) => Some(paths.iter().cloned().collect()),
            _ => None,
        };
        Self {
            tree: commit.tree,
            meta: commit.meta,
            implied,
        }
    }
}
