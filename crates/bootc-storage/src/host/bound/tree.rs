//! The tree of a commit, as declarations are read from it.

use std::ffi::OsString;

use bound_images::{Declarations, Node, Tree, TreeError};
use ostree_objects::Checksum;
use selinux_label::PolicyTree as _;

use crate::pull::Foretold;
use crate::selinux::StoredTree;
use crate::{Error, Storage};

/// A tree in the repository.
struct CommitTree<'a>(StoredTree<'a>);

impl Tree for CommitTree<'_> {
    fn node(&self, path: &str) -> Result<Option<Node>, TreeError> {
        if self.0.directory(path)?.is_some() {
            return Ok(Some(Node::Directory));
        }
        let Some(file) = self.0.file(path)? else {
            return Ok(None);
        };
        let target = self.0.open(&file)?.header.symlink_target;
        Ok(Some(target.map_or(Node::File, Node::Link)))
    }

    fn names(&self, path: &str, limit: usize) -> Result<Vec<OsString>, TreeError> {
        let Some(directory) = self.0.dirtree_at(path)? else {
            return Ok(Vec::new());
        };
        let files = directory.files.into_iter().map(|(name, _)| name);
        let directories = directory.dirs.into_iter().map(|(name, ..)| name);
        let names = files.chain(directories).take(limit);
        Ok(names.map(OsString::from).collect())
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, TreeError> {
        self.0
            .read(path, limit)?
            .ok_or_else(|| "it is no regular file".into())
    }
}

impl Storage {
    /// What the tree of a commit is bound to.
    ///
    /// # Errors
    /// When the commit cannot be read, or a declaration is against the rules.
    pub fn bound_declarations(&self, commit: &Checksum) -> Result<Declarations, Error> {
        let read = self.repo.read_commit(commit);
        let tree = read.map_err(super::super::plan::store("read a deployment's commit"))?;
        let tree = StoredTree::published(&self.repo, tree.tree);
        Ok(Declarations::read(&CommitTree(tree))?)
    }
}

/// What a tree that is not here yet will be bound to, as far as that can be told.
pub(super) fn foretold_declarations(tree: &Foretold) -> Option<Declarations> {
    let tree = StoredTree::staged(&tree.stage, tree.root);
    Declarations::read(&CommitTree(tree)).ok()
}
