//! fs-verity digests of files that are known without reading them.

use std::collections::{HashMap, HashSet};
use std::io;

use ostree_flatten::composefs::{
    Error as ImageError, Format, FsVerityDigest, RepoObjects, commit_tree, write_image,
};
use ostree_objects::Checksum;
use ostree_store::{FileDigests, Repo, Stage};

use crate::Storage;
use crate::stored::{layer_commit, manifest_of};

impl Storage {
    /// The commits with which digests of a commit's files may have been kept: its own, its base's, its layers'.
    pub(crate) fn digest_keepers(&self, commit: &Checksum) -> HashSet<Checksum> {
        let mut keepers = HashSet::from([*commit]);
        // Whatever cannot be read keeps no digests; that is not for here to tell.
        if let Ok(object) = self.repo.read_commit(commit) {
            keepers.extend(object.parent);
        }
        if let Ok(Some(manifest)) = manifest_of(self, commit) {
            let layers = manifest.layers().iter();
            keepers.extend(layers.filter_map(|layer| layer_commit(self, &layer.digest)));
        }
        keepers
    }
}

/// What is known of the files of a tree that is being merged in a stage.
pub(crate) struct KnownDigests<'a> {
    stage: &'a Stage,
    /// Kept for as long as the image is.
    staying: FileDigests,
    /// Collected by the stage, and so kept with what it publishes.
    staged: FileDigests,
    /// Kept with commits that may go.
    going: FileDigests,
}

impl<'a> KnownDigests<'a> {
    /// What was kept with commits that stay while the tree is needed, and with such that may go.
    pub(crate) fn new(
        stage: &'a Stage,
        staying: impl IntoIterator<Item = Checksum>,
        going: impl IntoIterator<Item = Checksum>,
    ) -> Result<Self, ostree_store::Error> {
        let staying: HashSet<_> = staying.into_iter().collect();
        let going: HashSet<_> = going.into_iter().collect();
        let repo = stage.repo();
        Ok(Self {
            stage,
            staged: stage.file_digests()?,
            going: repo.file_digests(going.difference(&staying).copied()),
            staying: repo.file_digests(staying),
        })
    }

    /// The digest of the composefs image of a tree. Digests that will not be kept otherwise are kept with the stage's
    /// commits; those that nobody kept are computed from the files.
    pub(crate) fn image_digest(
        &self,
        tree: &Checksum,
        meta: &Checksum,
    ) -> Result<FsVerityDigest, ImageError> {
        let mut taken = HashMap::new();
        let digest = |_: &Repo, file: &Checksum| {
            let known = self.staying.get(file).or_else(|| self.staged.get(file));
            if let Some(known) = known.or_else(|| taken.get(file).copied()) {
                return Ok(Some(known));
            }
            let digest = match self.going.get(file) {
                Some(digest) => digest,
                None => self.compute(file)?,
            };
            self.stage.keep_file_digest(file, &digest)?;
            taken.insert(*file, digest);
            Ok(Some(digest))
        };
        let repo = self.stage.repo();
        let tree = commit_tree(
            &mut RepoObjects::new(repo, Some(self.stage), digest),
            tree,
            meta,
        )?;
        Ok(write_image(&tree, Format::DEFAULT, io::sink())?.digest)
    }

    fn compute(&self, file: &Checksum) -> Result<FsVerityDigest, ostree_store::Error> {
        let content = self.stage.open_file(file)?.content;
        FsVerityDigest::of_reader(content).map_err(|source| ostree_store::Error::Content { source })
    }
}
