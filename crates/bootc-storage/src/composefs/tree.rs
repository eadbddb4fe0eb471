//! The image of a commit.

use std::io::{self, Write};

use ostree_flatten::composefs::{
    CommitObjects, Format, FsVerityDigest, RepoObjects, Tree, Written, commit_tree, write_image,
};
use ostree_objects::{Checksum, Commit, Value};

use super::stored::StoredFiles;
use crate::{Error, Storage};

/// The metadata key of a commit that names its image: `ay`, the 32 bytes of the fs-verity digest of the image with
/// [`ImageForm::WithDigests`] (libostree, `ostree commit --generate-composefs-metadata`).
pub const KEY_COMPOSEFS_DIGEST: &str = "ostree.composefs.digest.v0";

/// Whether the files of an image have their fs-verity digests in it. libostree gives them to all or to none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageForm {
    /// The image whose digest a commit's metadata names, the same on every host.
    WithDigests,
    /// What libostree deploys where objects have no fs-verity and nothing requires it.
    WithoutDigests,
}

/// A commit's tree as its image has it.
#[derive(Debug)]
pub struct CommitTree {
    /// The commit.
    pub commit: Checksum,
    /// The tree.
    pub tree: Tree,
    /// The image's digest that the commit's metadata names.
    pub expected: Option<FsVerityDigest>,
}

impl CommitTree {
    /// Write the image as libostree does.
    ///
    /// # Errors
    /// Those of `sink`, and of a tree that is too big.
    pub fn write_image(&self, sink: impl Write) -> Result<Written, Error> {
        write_image(&self.tree, Format::DEFAULT, sink).map_err(|source| Error::Composefs {
            of: format!("commit {}", self.commit),
            source: Box::new(source),
        })
    }

    /// The image's digest.
    ///
    /// # Errors
    /// A tree that is too big.
    pub fn digest(&self) -> Result<FsVerityDigest, Error> {
        Ok(self.write_image(io::sink())?.digest)
    }
}

impl Storage {
    /// The tree that libostree makes a composefs image of for that commit. With [`ImageForm::WithDigests`], the
    /// files are read whose digests were not kept when they were stored; they are kept then, where the repository is
    /// one's own.
    ///
    /// # Errors
    /// [`Error::NoCommit`]; objects that cannot be read, or that an image cannot hold.
    pub fn composefs_tree(
        &self,
        commit: &Checksum,
        digests: ImageForm,
    ) -> Result<CommitTree, Error> {
        match digests {
            ImageForm::WithDigests => {
                let mut files = StoredFiles::new(self, commit);
                let tree = self.commit_tree(commit, &mut files)?;
                files.keep_found();
                Ok(tree)
            }
            ImageForm::WithoutDigests => {
                let mut objects = RepoObjects::new(&self.repo, None, |_, _| Ok(None));
                self.commit_tree(commit, &mut objects)
            }
        }
    }

    /// The tree of a commit, its files as `objects` gives them.
    pub(super) fn commit_tree(
        &self,
        commit: &Checksum,
        objects: &mut impl CommitObjects,
    ) -> Result<CommitTree, Error> {
        self.require_commit(commit)?;
        let object = self.repo.read_commit(commit);
        let object = object.map_err(|source| Error::Store {
            action: "read a commit",
            source,
        })?;
        let tree = commit_tree(objects, &object.tree, &object.meta);
        let tree = tree.map_err(|source| Error::Composefs {
            of: format!("commit {commit}"),
            source: Box::new(source),
        })?;
        Ok(CommitTree {
            commit: *commit,
            tree,
            expected: expected_digest(&object),
        })
    }
}

/// What a commit's metadata says of its image.
pub(super) fn expected_digest(commit: &Commit) -> Option<FsVerityDigest> {
    match commit.metadata.0.get(KEY_COMPOSEFS_DIGEST)? {
        Value::Bytes(bytes) => Some(FsVerityDigest::from_bytes(
            bytes.as_slice().try_into().ok()?,
        )),
        _ => None,
    }
}
