//! Small files between hashing and writing, which may be done by different threads.

use std::io::Read;

use ostree_objects::{Checksum, FileHeader, ObjectName};

use super::content::{SMALL, small_content};
use super::{Stage, Written};
use crate::{Error, FsVerityDigest};

/// A file that was taken in by [`Stage::hash_file`].
#[derive(Debug)]
#[must_use]
pub enum Hashed {
    /// A large one: it is in the stage or the repository.
    Stored(Checksum),
    /// A small one, which nobody has written yet.
    InMemory(HashedFile),
}

/// A regular file or symbolic link whose checksum is known and that is in memory, for [`Stage::write_hashed`].
#[derive(Debug)]
pub struct HashedFile {
    pub(super) name: ObjectName,
    pub(super) header: FileHeader,
    pub(super) bytes: Vec<u8>,
    pub(super) digest: Option<FsVerityDigest>,
}

impl HashedFile {
    /// Its checksum.
    #[must_use]
    pub const fn checksum(&self) -> &Checksum {
        &self.name.checksum
    }

    /// Bytes of content, attributes and target: what it takes in memory.
    #[must_use]
    pub fn bytes_in_memory(&self) -> usize {
        let xattrs = self.header.xattrs.iter();
        let xattrs: usize = xattrs.map(|(name, value)| name.len() + value.len()).sum();
        let target = self.header.symlink_target.as_ref();
        self.bytes.len() + xattrs + target.map_or(0, String::len)
    }
}

impl Stage {
    /// Takes in a regular file or symbolic link as [`Self::write_file`] does, but leaves the writing of a small one (up to
    /// 128 KiB) to whoever calls [`Self::write_hashed`], from any thread: for a small file that costs
    /// more than all else.
    ///
    /// # Errors
    ///
    /// As [`Self::write_file`].
    pub fn hash_file(
        &self,
        header: FileHeader,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<Hashed, Error> {
        if size > SMALL && !header.is_symlink() {
            return self.write_file(&header, size, content).map(Hashed::Stored);
        }
        self.check_header(&header)?;
        let bytes = small_content(&header, size, content)?;
        let (name, digest) = self.name_small(None, &header, &bytes)?;
        Ok(Hashed::InMemory(HashedFile {
            name,
            header,
            bytes,
            digest,
        }))
    }

    /// Writes a file that was hashed for this stage.
    ///
    /// # Errors
    ///
    /// [`Error::NoSpace`]; the system's errors.
    pub fn write_hashed(&self, file: &HashedFile) -> Result<Written, Error> {
        self.write_small(&file.name, file.digest, &file.header, &file.bytes)
    }
}
