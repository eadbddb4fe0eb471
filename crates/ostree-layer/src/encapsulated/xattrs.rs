//! Extended attributes on their way to the file object they precede, in all three generations of the format.

use std::collections::HashMap;

use ostree_objects::{Checksum, Xattrs};

use crate::{Error, Problem};

/// Bytes of all records that are kept: real bases have some thousand labels and capabilities.
const ALL_RECORDS_BYTES: usize = 64 * 1024 * 1024;

/// Records by checksum, and the one slot for the next file object.
#[derive(Debug, Default)]
pub(super) struct XattrQueue {
    records: HashMap<Checksum, Vec<u8>>,
    bytes: usize,
    next: Option<(Checksum, Vec<u8>)>,
}

impl XattrQueue {
    /// A record under its own checksum.
    pub(super) fn add_record(&mut self, name: Checksum, bytes: Vec<u8>) -> Result<(), Error> {
        let actual = Checksum::of(&bytes);
        if actual != name {
            return Err(Problem::XattrRecord {
                actual: actual.to_string(),
            }
            .into());
        }
        self.bytes += bytes.len();
        if self.bytes > ALL_RECORDS_BYTES {
            let what = "bytes of records of extended attributes";
            return Err(Error::Limit {
                what,
                limit: ALL_RECORDS_BYTES as u64,
            });
        }
        self.records.insert(name, bytes);
        Ok(())
    }

    /// The next file object is `file` and has these attributes.
    pub(super) fn announce(&mut self, file: Checksum, bytes: Vec<u8>) -> Result<(), Error> {
        match self.next.replace((file, bytes)) {
            None => Ok(()),
            Some((object, _)) => Err(dangling(object)),
        }
    }

    /// The next file object is `file` and has the attributes of `record`.
    pub(super) fn announce_record(
        &mut self,
        file: Checksum,
        record: Checksum,
    ) -> Result<(), Error> {
        let missing = || Problem::NoXattrRecord {
            record: record.to_string(),
        };
        let bytes = self.records.get(&record).ok_or_else(missing)?.clone();
        self.announce(file, bytes)
    }

    /// The attributes of `file`, which comes now.
    pub(super) fn take(&mut self, file: Checksum) -> Result<Xattrs, Error> {
        let (found, bytes) = self.next.take().ok_or(Problem::NoXattrs)?;
        if found != file {
            return Err(Problem::OtherXattrs {
                found: found.to_string(),
            }
            .into());
        }
        let path = file.to_string();
        Xattrs::parse(&bytes).map_err(|source| Error::Object { path, source })
    }

    /// Something else than a file object comes, or the layer's end.
    pub(super) fn nothing_waits(&self) -> Result<(), Error> {
        self.next
            .as_ref()
            .map_or(Ok(()), |(object, _)| Err(dangling(*object)))
    }
}

fn dangling(object: Checksum) -> Error {
    Problem::DanglingXattrs {
        object: object.to_string(),
    }
    .into()
}
