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

/// Most paths of a tree whose image's digest a pull computes. The tree, the known digests and the image's plan are in
/// memory for it, over 200 bytes a path, and a pull is to stay below 150 MB.
pub const MAX_DIGEST_PATHS: u64 = 400_000;

/// Whether a tree, which may be in a stage still, has more than [`MAX_DIGEST_PATHS`] paths.
pub(crate) fn has_too_many_paths(
    stage: &Stage,
    root: &Checksum,
) -> Result<bool, ostree_store::Error> {
    let mut waiting = vec![*root];
    let mut paths = 0;
    while let Some(directory) = waiting.pop() {
        let tree = stage.read_dirtree(&directory)?;
        paths += (tree.files.len() + tree.dirs.len()) as u64;
        if paths > MAX_DIGEST_PATHS {
            return Ok(true);
        }
        waiting.extend(tree.dirs.iter().map(|(_, child, _)| *child));
    }
    Ok(false)
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
        self,
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
        drop(self);
        Ok(write_image(&tree, Format::DEFAULT, io::sink())?.digest)
    }

    fn compute(&self, file: &Checksum) -> Result<FsVerityDigest, ostree_store::Error> {
        let content = self.stage.open_file(file)?.content;
        FsVerityDigest::of_reader(content).map_err(|source| ostree_store::Error::Content { source })
    }
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;
    use cap_std::fs::Dir;
    use ostree_objects::{Checksum, DirTree, RepoMode};
    use ostree_store::Repo;

    use super::{MAX_DIGEST_PATHS, has_too_many_paths};

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "a test opens the directory that it made"
    )]
    fn paths_are_counted_each_time_that_they_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        let stage = Repo::create(&dir, RepoMode::BareUser)
            .unwrap()
            .stage()
            .unwrap();
        let any = Checksum::of(b"any");
        let file = |number| (format!("{number:06}"), any);
        let mut below = DirTree::default();
        below.files.extend((0..999).map(file));
        let below = stage.write_dirtree(&below).unwrap();
        let mut root = DirTree::default();
        let directories = MAX_DIGEST_PATHS / 1000;
        let directory = |number| (format!("d{number:06}"), below, any);
        root.dirs.extend((0..directories).map(directory));
        let most = stage.write_dirtree(&root).unwrap();
        assert!(!has_too_many_paths(&stage, &most).unwrap());
        root.files.push(file(0));
        let too_many = stage.write_dirtree(&root).unwrap();
        assert!(has_too_many_paths(&stage, &too_many).unwrap());
    }
}
