//! fs-verity digests of a stage's files, computed while the content is hashed for its checksum.

use std::fs::File;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ostree_objects::{Checksum, FileHeader, ObjectName};
use rustix::fs::{Mode, OFlags};

use super::Stage;
use crate::file_digests::{FileDigests, Log, keep};
use crate::{ContentHasher, Error, FsVerityDigest};

/// In a stage's directory.
const NAME: &str = "file-digests";

/// Where the digests of a stage go, if it collects them.
#[derive(Default)]
pub(super) struct Collected(Option<Mutex<Log>>);

impl Collected {
    fn log(&self) -> Option<MutexGuard<'_, Log>> {
        let log = self.0.as_ref()?;
        Some(log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Stage {
    /// Compute the fs-verity digest of each regular file whose content passes, and keep it, with size and header, and the
    /// header of each symbolic link, with the commits of this stage, for [`Repo::file_digests`](crate::Repo::file_digests): published as they are, before
    /// the commits.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn with_file_digests(mut self) -> Result<Self, Error> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.objects, NAME, flags, Mode::from_bits_retain(0o644));
        let file = file.map_err(|error| self.error("write", NAME, error))?;
        let log = Log::new(File::from(file));
        let log = log.map_err(|error| Error::io("write", self.shown(NAME), error))?;
        self.collected = Collected(Some(Mutex::new(log)));
        Ok(self)
    }

    /// Keep what was found of a file elsewhere: its header, and size and digest of its content; of a symbolic link, its
    /// header. Of another file without a digest nothing is kept.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn keep_file_digest(
        &self,
        file: &Checksum,
        header: &FileHeader,
        size: u64,
        digest: Option<&FsVerityDigest>,
    ) -> Result<(), Error> {
        if digest.is_none() && !header.is_symlink() {
            return Ok(());
        }
        let content = digest.map(|digest| (size, digest));
        match self.collected.log() {
            Some(mut log) => log
                .add(file, header, content)
                .map_err(|error| Error::io("write", self.shown(NAME), error)),
            None => Ok(()),
        }
    }

    /// Keep all that is known elsewhere.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn keep_file_digests(&self, known: &FileDigests) -> Result<(), Error> {
        match self.collected.log() {
            Some(mut log) => log
                .add_all(known)
                .map_err(|error| Error::io("write", self.shown(NAME), error)),
            None => Ok(()),
        }
    }

    /// Nothing but what was collected becomes part of the repository: kept, synced, with a commit that is there, in place
    /// of what was kept with it.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn publish_collected(self, commit: &Checksum) -> Result<(), Error> {
        if !self.seal_file_digests()? {
            return Ok(());
        }
        if self.repo.fsync() {
            rustix::fs::syncfs(&self.objects).map_err(|error| self.error("sync", NAME, error))?;
        }
        self.publish_file_digests(commit)
    }

    /// The digests collected so far.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn file_digests(&self) -> Result<FileDigests, Error> {
        match self.collected.log() {
            Some(mut log) => {
                let read = log.read();
                let mut digests =
                    read.map_err(|error| Error::io("read", self.shown(NAME), error))?;
                if self.repo.config().disable_xattrs() {
                    digests.forget_headers();
                }
                Ok(digests)
            }
            None => Ok(FileDigests::default()),
        }
    }

    /// For the content of a file. Also that of an empty one, so that it need not be looked at to be known as empty.
    pub(super) fn hasher(&self, header: &FileHeader) -> ContentHasher {
        let wanted = self.collected.0.is_some() && !header.is_symlink();
        ContentHasher::with_digest(header, wanted)
    }

    pub(super) fn collect(
        &self,
        name: &ObjectName,
        header: &FileHeader,
        size: u64,
        digest: Option<FsVerityDigest>,
    ) -> Result<(), Error> {
        self.keep_file_digest(&name.checksum, header, size, digest.as_ref())
    }

    /// Nothing more is collected; false if nothing was.
    pub(super) fn seal_file_digests(&self) -> Result<bool, Error> {
        match self.collected.log() {
            Some(mut log) => log
                .seal()
                .map_err(|error| Error::io("write", self.shown(NAME), error)),
            None => Ok(false),
        }
    }

    /// What was sealed and synced gets its name for `commit`.
    pub(super) fn publish_file_digests(&self, commit: &Checksum) -> Result<(), Error> {
        keep(&self.repo, commit, &self.objects, NAME)
    }
}
