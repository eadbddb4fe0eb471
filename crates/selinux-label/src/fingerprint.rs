//! What tells policies apart.

use crate::error::quote;
use crate::files::Files;
use crate::{Error, Result};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// SHA-256 over all that decides labels: policies with the same fingerprint label alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

/// Hashed first: another number whenever this crate would label by the same files in another way.
const VERSION: &str = "selinux-label 1";

impl Fingerprint {
    /// Over each file's kind, length and bytes. The policy's name and place change no label.
    pub(crate) fn of(files: &Files) -> Self {
        let mut hash = Sha256::new();
        hash.update(VERSION);
        for file in &files.files {
            hash.update([0]);
            hash.update(file.kind.name());
            hash.update([0]);
            hash.update((file.bytes.len() as u64).to_le_bytes());
            hash.update(&file.bytes);
        }
        Self(hash.finalize().into())
    }

    /// The bytes of the hash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Fingerprint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut bytes = [0; 32];
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) => Ok(Self(bytes)),
            Err(_) => Err(Error::BadFingerprint { text: quote(text) }),
        }
    }
}
