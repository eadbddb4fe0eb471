//! Writing metadata objects into a stage.

use std::os::fd::OwnedFd;

use ostree_objects::{
    Checksum, Commit, DirMeta, DirTree, MAX_METADATA_BYTES, Metadata, ObjectName, ObjectType,
};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::{Stage, Written, staged};
use crate::Error;

impl Stage {
    /// Writes a dirtree, dirmeta or commit as its bytes are; they must be of that type.
    ///
    /// # Errors
    ///
    /// A type that is not named by its bytes; bytes that are not of that type; the system's errors.
    pub fn write_metadata(&self, object_type: ObjectType, bytes: &[u8]) -> Result<Checksum, Error> {
        let name = ObjectName::new(Checksum::of(bytes), object_type);
        check(&name, bytes)?;
        self.put(&name, bytes)?;
        Ok(name.checksum)
    }

    /// Writes a metadata object whose name is known. Detached metadata has no other name than that
    /// of its commit; it replaces the one that the repo has.
    ///
    /// # Errors
    ///
    /// As [`Self::write_metadata`]; bytes that hash to another name.
    pub fn write_metadata_expecting(
        &self,
        name: &ObjectName,
        bytes: &[u8],
    ) -> Result<Written, Error> {
        if name.object_type != ObjectType::CommitMeta {
            let found = Checksum::of(bytes);
            if found != name.checksum {
                return Err(Error::ChecksumMismatch {
                    expected: *name,
                    found,
                });
            }
        }
        check(name, bytes)?;
        self.put(name, bytes)
    }

    /// Writes a dirtree.
    ///
    /// # Errors
    ///
    /// One that [`DirTree::check`] refuses; the system's errors.
    pub fn write_dirtree(&self, tree: &DirTree) -> Result<Checksum, Error> {
        tree.check().map_err(invalid)?;
        self.put_new(ObjectType::DirTree, &tree.to_bytes())
    }

    /// Writes a dirmeta.
    ///
    /// # Errors
    ///
    /// One that [`DirMeta::check`] refuses; the system's errors.
    pub fn write_dirmeta(&self, meta: &DirMeta) -> Result<Checksum, Error> {
        meta.check().map_err(invalid)?;
        self.put_new(ObjectType::DirMeta, &meta.to_bytes())
    }

    /// Writes a commit, metadata sorted by key.
    ///
    /// # Errors
    ///
    /// One that [`Commit::check`] refuses; the system's errors.
    pub fn write_commit(&self, commit: &Commit) -> Result<Checksum, Error> {
        commit.check().map_err(invalid)?;
        self.put_new(ObjectType::Commit, &commit.to_bytes())
    }

    fn put_new(&self, object_type: ObjectType, bytes: &[u8]) -> Result<Checksum, Error> {
        let name = ObjectName::new(Checksum::of(bytes), object_type);
        self.put(&name, bytes)?;
        Ok(name.checksum)
    }

    fn put(&self, name: &ObjectName, bytes: &[u8]) -> Result<Written, Error> {
        if bytes.len() as u64 > MAX_METADATA_BYTES {
            return Err(invalid(ostree_objects::Error::TooLong {
                what: "metadata object",
                length: bytes.len() as u64,
                limit: MAX_METADATA_BYTES,
            }));
        }
        let detached = name.object_type == ObjectType::CommitMeta;
        if !detached && self.repo.has(name)? {
            return Ok(Written::Present);
        }
        if detached && self.has_staged(name)? {
            return Err(Error::DetachedTwice { name: *name });
        }
        self.expect(name)?;
        let path = staged(name);
        let Some(fd) = self.create(&path)? else {
            return Ok(Written::Present);
        };
        self.write_all(&fd, bytes, &path)
            .and_then(|()| {
                rustix::fs::fchmod(&fd, Mode::from_bits_retain(0o644))
                    .map_err(|error| self.error("set the mode of", &path, error))
            })
            .inspect_err(|_| self.fail(&path))?;
        self.count(name.object_type, bytes.len() as u64)?;
        Ok(Written::New)
    }

    /// A new file for writing; `None` when the stage has it.
    pub(super) fn create(&self, path: &str) -> Result<Option<OwnedFd>, Error> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        match rustix::fs::openat(&self.objects, path, flags, Mode::RUSR | Mode::WUSR) {
            Ok(fd) => Ok(Some(fd)),
            Err(Errno::EXIST) => Ok(None),
            Err(error) => Err(self.error("write", path, error)),
        }
    }

    pub(super) fn write_all(
        &self,
        fd: &OwnedFd,
        mut bytes: &[u8],
        path: &str,
    ) -> Result<(), Error> {
        while !bytes.is_empty() {
            match rustix::io::write(fd, bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::INTR) => {}
                Err(error) => return Err(self.error("write", path, error)),
            }
        }
        Ok(())
    }
}

fn invalid(source: ostree_objects::Error) -> Error {
    Error::Invalid { source }
}

fn check(name: &ObjectName, bytes: &[u8]) -> Result<(), Error> {
    match name.object_type {
        ObjectType::DirTree => DirTree::parse(bytes).map(drop),
        ObjectType::DirMeta => DirMeta::parse(bytes).map(drop),
        ObjectType::Commit => Commit::parse(bytes).map(drop),
        ObjectType::CommitMeta => Metadata::parse(bytes).map(drop),
        ObjectType::File => return Err(Error::WrongType { name: *name }),
    }
    .map_err(invalid)
}
