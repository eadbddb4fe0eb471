//! Reading metadata objects.

use std::os::fd::AsFd;

use ostree_objects::{
    Checksum, Commit, DirMeta, DirTree, MAX_METADATA_BYTES, Metadata, ObjectName, ObjectType,
};

use crate::repo::{is_metadata, shown};
use crate::{Error, Repo, sys};

impl Repo {
    /// Bytes of a metadata object, or `None` when it is not there. They are not hashed.
    ///
    /// # Errors
    ///
    /// The name of a file object; an object over [`MAX_METADATA_BYTES`]; the system's errors.
    pub fn read_metadata_object(&self, name: &ObjectName) -> Result<Option<Vec<u8>>, Error> {
        self.read_metadata_at(self.objects(), &name.loose_path(self.mode()), name)
    }

    pub(crate) fn read_metadata_at(
        &self,
        dir: impl AsFd,
        path: &str,
        name: &ObjectName,
    ) -> Result<Option<Vec<u8>>, Error> {
        if !is_metadata(name) {
            return Err(Error::WrongType { name: *name });
        }
        let failed = |error: std::io::Error| Error::io("read", shown(name, self.mode()), error);
        let found = sys::open_read(dir, path);
        let Some(fd) = found.map_err(|error| failed(error.into()))? else {
            return Ok(None);
        };
        let bytes = sys::read_bounded(fd, MAX_METADATA_BYTES).map_err(failed)?;
        bytes.map(Some).ok_or(Error::Malformed {
            name: *name,
            source: ostree_objects::Error::TooLong {
                what: "metadata object",
                length: MAX_METADATA_BYTES + 1,
                limit: MAX_METADATA_BYTES,
            },
        })
    }

    /// A dirtree.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`]; bytes that are no dirtree; the system's errors.
    pub fn read_dirtree(&self, checksum: &Checksum) -> Result<DirTree, Error> {
        let name = ObjectName::dirtree(*checksum);
        parsed(name, self.read_metadata_object(&name)?, DirTree::parse)
    }

    /// A dirmeta.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`]; bytes that are no dirmeta; the system's errors.
    pub fn read_dirmeta(&self, checksum: &Checksum) -> Result<DirMeta, Error> {
        let name = ObjectName::dirmeta(*checksum);
        parsed(name, self.read_metadata_object(&name)?, DirMeta::parse)
    }

    /// A commit.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`]; bytes that are no commit; the system's errors.
    pub fn read_commit(&self, checksum: &Checksum) -> Result<Commit, Error> {
        let name = ObjectName::commit(*checksum);
        parsed(name, self.read_metadata_object(&name)?, Commit::parse)
    }

    /// Detached metadata of a commit, or `None` when it has none.
    ///
    /// # Errors
    ///
    /// Bytes that are no metadata; the system's errors.
    pub fn read_detached_metadata(&self, commit: &Checksum) -> Result<Option<Metadata>, Error> {
        let name = ObjectName::new(*commit, ObjectType::CommitMeta);
        match self.read_metadata_object(&name)? {
            None => Ok(None),
            found => parsed(name, found, Metadata::parse).map(Some),
        }
    }
}

pub(crate) fn parsed<T>(
    name: ObjectName,
    bytes: Option<Vec<u8>>,
    parse: impl FnOnce(&[u8]) -> Result<T, ostree_objects::Error>,
) -> Result<T, Error> {
    let bytes = bytes.ok_or(Error::Missing { name })?;
    parse(&bytes).map_err(|source| Error::Malformed { name, source })
}
