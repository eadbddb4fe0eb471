//! The uncompressed layer: hashed, and held against its diff_id and the limits.

use oci_manifest::{DiffId, Hasher};

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

    /// Take in the next bytes; `blob_bytes`: how much of the blob was read for all of them.
    pub(crate) fn update(&mut self, bytes: &[u8], blob_bytes: u64) -> Result<(), Error> {
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
        if self.bytes > ratio_floor && self.bytes / ratio.max(1) > blob_bytes {
            return Err(Error::Limit {
                what: "times its compressed size",
                limit: ratio,
            });
        }
        self.hasher.update(bytes);
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
