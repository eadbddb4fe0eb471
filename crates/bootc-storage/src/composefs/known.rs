//! fs-verity digests of files that are known without reading them.

use std::collections::{HashMap, HashSet};
use std::io;

use ostree_flatten::composefs::{
    CommitFile, CommitObjects, Error as ImageError, Format, FsVerityDigest, commit_tree_within,
    write_image,
};
use ostree_objects::{Checksum, DirMeta, DirTree, ObjectName};
use ostree_store::{ContentHasher, FileDigests, FileFacts, FileStat, Repo, Stage};

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

/// Most paths of a tree whose image's digest a pull computes. The tree, what is known of its files and the image's plan are
/// in memory for it, some 120 bytes a path, and a pull is to stay below 150 MB: measured for a million files, 143 MB.
pub const MAX_DIGEST_PATHS: u64 = 1_050_000;

/// What is known of the files of a tree that is being merged in a stage.
pub(crate) struct KnownDigests<'a> {
    stage: &'a Stage,
    /// Kept for as long as the image is.
    staying: FileDigests,
    /// Collected by the stage, and so kept with what it publishes.
    staged: FileDigests,
    /// Kept with commits that may go.
    going: FileDigests,
    /// Taken over or found out since.
    taken: HashMap<Checksum, FsVerityDigest>,
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
            taken: HashMap::new(),
        })
    }

    /// The digest of the composefs image of a tree; none for more than [`MAX_DIGEST_PATHS`] paths. What will not be kept
    /// otherwise is kept with the stage's commits; what nobody kept is found out from the files.
    pub(crate) fn image_digest(
        mut self,
        tree: &Checksum,
        meta: &Checksum,
    ) -> Result<Option<FsVerityDigest>, ImageError> {
        let tree = match commit_tree_within(&mut self, tree, meta, MAX_DIGEST_PATHS) {
            Err(ImageError::TooManyPaths { .. }) => return Ok(None),
            tree => tree?,
        };
        drop(self);
        Ok(Some(
            write_image(&tree, Format::DEFAULT, io::sink())?.digest,
        ))
    }

    /// A file of which nothing is kept that stays.
    fn look(&mut self, name: &Checksum) -> Result<CommitFile, ostree_store::Error> {
        let stat = || self.stage.file_stat(name);
        if let Some(digest) = self.taken.get(name) {
            return Ok(with_digest(stat()?, Some(*digest)));
        }
        let file = match self.going.facts(name) {
            Some(facts) => file_of(facts, stat)?,
            None => found_out(self.stage.repo(), name, stat()?, || {
                Ok(self.stage.open_file(name)?.content)
            })?,
        };
        keep(self.stage, name, &file)?;
        if let Some(digest) = file.digest {
            self.taken.insert(*name, digest);
        }
        Ok(file)
    }
}

impl CommitObjects for KnownDigests<'_> {
    type Error = ostree_store::Error;

    fn dirtree(&mut self, checksum: &Checksum) -> Result<DirTree, Self::Error> {
        self.stage.read_dirtree(checksum)
    }

    fn dirmeta(&mut self, checksum: &Checksum) -> Result<DirMeta, Self::Error> {
        self.stage.read_dirmeta(checksum)
    }

    fn file(&mut self, checksum: &Checksum) -> Result<CommitFile, Self::Error> {
        let known = self.staying.facts(checksum);
        let known = known.or_else(|| self.staged.facts(checksum));
        match known {
            Some(facts) => file_of(facts, || self.stage.file_stat(checksum)),
            None => self.look(checksum),
        }
    }
}

/// For the next image: what is known of a file now.
pub(super) fn keep(
    stage: &Stage,
    name: &Checksum,
    file: &CommitFile,
) -> Result<(), ostree_store::Error> {
    let CommitFile {
        header,
        size,
        digest,
    } = file;
    stage.keep_file_digest(name, header, *size, digest.as_ref())
}

/// A file as it is known; looked at only where its header is not.
pub(super) fn file_of(
    facts: FileFacts,
    stat: impl FnOnce() -> Result<FileStat, ostree_store::Error>,
) -> Result<CommitFile, ostree_store::Error> {
    let FileFacts {
        digest,
        size,
        header,
    } = facts;
    let header = match header {
        Some(header) => (*header).clone(),
        None => stat()?.header,
    };
    Ok(CommitFile {
        header,
        size,
        digest,
    })
}

/// A file that was looked at, with the digest of its content; none of a symbolic link. The content is held against the file's
/// name: a digest of damaged content would be believed by the next image too.
pub(super) fn found_out(
    repo: &Repo,
    name: &Checksum,
    stat: FileStat,
    content: impl FnOnce() -> Result<Box<dyn io::Read + Send>, ostree_store::Error>,
) -> Result<CommitFile, ostree_store::Error> {
    if stat.header.is_symlink() {
        return Ok(with_digest(stat, None));
    }
    let mut hasher = ContentHasher::with_digest(&stat.header, true);
    let read = hasher.read_to_end(content()?);
    read.map_err(|source| ostree_store::Error::Content { source })?;
    let (found, digest) = hasher.finish();
    // Without its attributes no file hashes to its name.
    if found != *name && !repo.config().disable_xattrs() {
        let name = ObjectName::file(*name);
        return Err(ostree_store::Error::Corrupt { name, found });
    }
    Ok(with_digest(stat, digest))
}

fn with_digest(stat: FileStat, digest: Option<FsVerityDigest>) -> CommitFile {
    let FileStat { header, size } = stat;
    CommitFile {
        header,
        size,
        digest,
    }
}
