//! Hashing what is stored.

use ostree_objects::{Checksum, Metadata, ObjectName, ObjectType};

use crate::repo::shown;
use crate::{ContentHasher, Error, Repo};

/// What re-reading an object found.
#[derive(Debug)]
pub enum Verdict {
    /// Its bytes hash to its name. (Detached metadata: it can be read, nothing else is known of it.)
    Good,
    /// It is not there.
    Missing,
    /// Its bytes hash to something else.
    Corrupt {
        /// To what.
        found: Checksum,
    },
    /// It cannot be read as an object: damaged header, cut content.
    Unreadable {
        /// What is wrong.
        reason: Error,
    },
}

impl Verdict {
    /// True for [`Self::Good`].
    #[must_use]
    pub const fn is_good(&self) -> bool {
        matches!(self, Self::Good)
    }
}

impl Repo {
    /// Reads the whole object again and hashes it.
    ///
    /// # Errors
    ///
    /// Failures of the system, among them the disk's; damage is a [`Verdict`].
    pub fn verify(&self, name: &ObjectName) -> Result<Verdict, Error> {
        let found = match name.object_type {
            ObjectType::File => self.hash_file(name),
            ObjectType::CommitMeta => {
                let read = self.read_metadata_object(name);
                read.and_then(|bytes| crate::read::parsed(*name, bytes, Metadata::parse))
                    .map(|_| name.checksum)
            }
            _ => self
                .read_metadata_object(name)
                .and_then(|bytes| bytes.ok_or(Error::Missing { name: *name }))
                .map(|bytes| Checksum::of(&bytes)),
        };
        match found {
            Ok(found) if found == name.checksum => Ok(Verdict::Good),
            Ok(found) => Ok(Verdict::Corrupt { found }),
            Err(Error::Missing { .. }) => Ok(Verdict::Missing),
            Err(reason @ (Error::Malformed { .. } | Error::NoHeader { .. })) => {
                Ok(Verdict::Unreadable { reason })
            }
            // The content's own reader: a deflate stream that is damaged or of another length.
            Err(Error::Io {
                action,
                path,
                source,
            }) if source.raw_os_error().is_none() => Ok(Verdict::Unreadable {
                reason: Error::Io {
                    action,
                    path,
                    source,
                },
            }),
            Err(error) => Err(error),
        }
    }

    fn hash_file(&self, name: &ObjectName) -> Result<Checksum, Error> {
        let object = self.open_file(&name.checksum)?;
        let mut hasher = ContentHasher::new(&object.header);
        hasher
            .read_to_end(object.content)
            .map_err(|error| Error::io("read", shown(name, self.mode()), error))?;
        Ok(hasher.finish().0)
    }
}
