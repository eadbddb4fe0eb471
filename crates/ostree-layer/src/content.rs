//! The uncompressed layer: hashed, and held against its diff_id and the limits.

use std::io::Read;

use oci_manifest::{DiffId, Hasher};

use crate::blob::Blob;
use crate::{Error, Limits};

/// A layer's bytes under verification.
pub(crate) struct Content<'a> {
    expected: &'a DiffId,
    hasher: Hasher,
    limits: &'a Limits,
    bytes: u64,
}

impl<'a> Content<'a> {
    pub(crate) fn new(expected: &'a DiffId, limits: &'a Limits) -> Self {
        Self {
            expected,
            hasher: expected.0.hasher(),
            limits,
            bytes: 0,
        }
    }

    /// Take in the next bytes, for which all of the blob so far was read; what it owes its own hash goes along.
    pub(crate) fn update<R: Read>(
        &mut self,
        bytes: &[u8],
        blob: &mut Blob<'_, R>,
    ) -> Result<(), Error> {
        let Limits {
            layer_bytes,
            ratio,
            ratio_floor,
            ..
        } = *self.limits;
        self.bytes += bytes.len() as u64;
        if self.bytes > layer_bytes {
            return Err(Error::Limit {
                what: "uncompressed bytes",
                limit: layer_bytes,
            });
        }
        if self.bytes > ratio_floor && self.bytes / ratio.max(1) > blob.bytes_read() {
            return Err(Error::Limit {
                what: "times its compressed size",
                limit: ratio,
            });
        }
        blob.hash_beside(&mut self.hasher, bytes);
        Ok(())
    }

    /// All bytes have come: how many, if they are the right ones.
    pub(crate) fn verify(self) -> Result<u64, Error> {
        let actual = DiffId(self.hasher.finish());
        if actual != *self.expected {
            return Err(Error::DiffId {
                expected: self.expected.clone(),
                actual,
            });
        }
        Ok(self.bytes)
    }
}
