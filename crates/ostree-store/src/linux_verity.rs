//! fs-verity as Linux has it: enabled on a file, whose content can no longer be changed and is checked as it is read.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::thread::sleep;
use std::time::Duration;

use composefs_ioctls::fsverity::{
    EnableVerityError, MeasureVerityError, fs_ioc_enable_verity, fs_ioc_measure_verity,
};
use ostree_objects::{Checksum, ObjectName, RepoMode};
use rustix::io::Errno;

use crate::repo::shown;
use crate::{Error, FsVerityDigest, Repo, sys};

/// Number of SHA-256 (`FS_VERITY_HASH_ALG_SHA256`).
const SHA256: u8 = 1;
/// Bytes of a block.
const BLOCK: u32 = 4096;
/// How often, and after what pause each time, a file is tried that somebody has open for writing: a process that was
/// just begun has our descriptors until it runs its program.
const TRIES: usize = 200;
const PAUSE: Duration = Duration::from_millis(5);

/// Whether files get fs-verity as they are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FsVerityWish {
    /// No.
    #[default]
    No,
    /// Where the file system supports it.
    Maybe,
    /// Yes; where the file system does not support it, nothing can be written.
    Yes,
}

impl FsVerityWish {
    /// A yes, no or maybe of a key file, as libostree reads it (`ot-keyfile-utils.c`); none for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "maybe" => Some(Self::Maybe),
            "yes" | "true" | "1" => Some(Self::Yes),
            "no" | "false" | "0" => Some(Self::No),
            _ => None,
        }
    }
}

/// Enables fs-verity (SHA-256, blocks of 4 KiB, no salt) on a file that is open for reading only and by nobody for
/// writing. True when the file has it now; false where kernel or file system do not support it. Linux syncs the
/// content first, and makes the change part of the file system's journal.
///
/// # Errors
///
/// The system's: who may not write the file, may not enable it either.
pub fn enable_fs_verity(file: impl AsFd) -> io::Result<bool> {
    for _ in 1..TRIES {
        match fs_ioc_enable_verity(file.as_fd(), SHA256, BLOCK) {
            Err(EnableVerityError::FileOpenedForWrite) => sleep(PAUSE),
            tried => return enabled(tried),
        }
    }
    enabled(fs_ioc_enable_verity(file.as_fd(), SHA256, BLOCK))
}

fn enabled(tried: Result<(), EnableVerityError>) -> io::Result<bool> {
    match tried {
        Ok(()) | Err(EnableVerityError::AlreadyEnabled) => Ok(true),
        Err(EnableVerityError::FilesystemNotSupported) => Ok(false),
        Err(EnableVerityError::FileOpenedForWrite) => Err(Errno::TXTBSY.into()),
        Err(EnableVerityError::SignatureVerificationFailed) => Err(Errno::KEYREJECTED.into()),
        Err(EnableVerityError::Io(error)) => Err(error),
    }
}

/// The digest that Linux has of a file with fs-verity; none without, or with one of another form.
///
/// # Errors
///
/// The system's.
pub fn measure_fs_verity(file: impl AsFd) -> io::Result<Option<FsVerityDigest>> {
    match fs_ioc_measure_verity(file, SHA256) {
        Ok(digest) => Ok(Some(FsVerityDigest::from_bytes(digest))),
        Err(MeasureVerityError::Io(error)) => Err(error),
        Err(_) => Ok(None),
    }
}

impl Repo {
    /// The fs-verity digest that Linux has of a file object; none without, and for symbolic links. It is the digest of
    /// the content in the modes `bare` and `bare-user` only.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`]; the system's.
    pub fn measured_digest(&self, checksum: &Checksum) -> Result<Option<FsVerityDigest>, Error> {
        let Some((fd, path)) = self.open_regular(checksum)? else {
            return Ok(None);
        };
        measure_fs_verity(fd).map_err(|error| Error::io("measure", path, error))
    }

    /// Enables fs-verity on a file object, unless it has it, and gives its digest; none for symbolic links.
    ///
    /// # Errors
    ///
    /// [`Error::NoVerity`] where it is not supported; [`Error::Missing`]; the system's.
    pub fn ensure_fs_verity(&self, checksum: &Checksum) -> Result<Option<FsVerityDigest>, Error> {
        let Some((fd, path)) = self.open_regular(checksum)? else {
            return Ok(None);
        };
        let failed = |error| Error::io("enable fs-verity on", path.as_str(), error);
        enable_fs_verity(&fd).map_err(failed)?;
        match measure_fs_verity(&fd).map_err(failed)? {
            Some(digest) => Ok(Some(digest)),
            None => Err(Error::NoVerity { path }),
        }
    }

    /// A file object that is a regular file, and where it is.
    fn open_regular(&self, checksum: &Checksum) -> Result<Option<(OwnedFd, String)>, Error> {
        let name = ObjectName::file(*checksum);
        let path = shown(&name, self.mode());
        match sys::open_read(self.objects(), &name.loose_path(self.mode())) {
            Ok(Some(fd)) => Ok(Some((fd, path))),
            Ok(None) => Err(Error::Missing { name }),
            // What `open_read` says of a symbolic link.
            Err(Errno::LOOP) => Ok(None),
            Err(error) => Err(Error::io("read", path, error)),
        }
    }

    /// Enables fs-verity on a new file as the repository's configuration asks.
    ///
    /// # Errors
    ///
    /// [`Error::NoVerity`] where it is required and not supported; the system's.
    pub fn enable_wanted_verity(&self, file: impl AsFd, path: &str) -> Result<(), Error> {
        let wish = self.config().fs_verity();
        if wish == FsVerityWish::No {
            return Ok(());
        }
        let supported = enable_fs_verity(file)
            .map_err(|error| Error::io("enable fs-verity on", path, error))?;
        match (supported, wish) {
            (true, _) => Ok(()),
            (false, FsVerityWish::Yes) => Err(Error::NoVerity {
                path: path.to_owned(),
            }),
            (false, _) => {
                self.set_without_verity();
                Ok(())
            }
        }
    }

    /// Whether file objects of regular files are to have fs-verity, as far as is known. Those of an archive are no
    /// files that anything could be mounted over.
    pub(crate) fn wants_verity(&self) -> bool {
        self.config().fs_verity() != FsVerityWish::No
            && self.mode() != RepoMode::Archive
            && !self.is_without_verity()
    }
}
