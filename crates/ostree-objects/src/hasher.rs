//! Checksums of file objects.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::{Checksum, FileHeader};

/// Hashes a file object: header, then content. Symbolic links have no content.
#[derive(Clone)]
pub struct FileHasher(Sha256);

impl FileHasher {
    /// A hasher that has taken the header.
    #[must_use]
    pub fn new(header: &FileHeader) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(header.to_bytes());
        Self(hasher)
    }

    /// The next bytes of content.
    pub fn update(&mut self, content: &[u8]) {
        self.0.update(content);
    }

    /// The checksum.
    #[must_use]
    pub fn finish(self) -> Checksum {
        Checksum::from_bytes(self.0.finalize().into())
    }
}

impl fmt::Debug for FileHasher {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("FileHasher").finish_non_exhaustive()
    }
}
