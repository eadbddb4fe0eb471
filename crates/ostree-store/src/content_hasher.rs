//! What a file's content is hashed for, in one pass.

use std::io::{self, ErrorKind, Read};

use ostree_objects::{Checksum, FileHeader};
use sha256_pair::Sha256;

use crate::{FsVerityDigest, FsVerityHasher};

/// Hashes the content of a regular file for the checksum of its object and, where that is wanted, for its fs-verity
/// digest: both together take little longer than one.
#[derive(Debug, Clone)]
pub struct ContentHasher {
    object: Sha256,
    digest: Option<FsVerityHasher>,
}

impl ContentHasher {
    /// For the object with this header.
    #[must_use]
    pub fn new(header: &FileHeader) -> Self {
        let mut object = Sha256::new();
        object.update(&header.to_bytes());
        Self {
            object,
            digest: None,
        }
    }

    /// The same, and for the fs-verity digest too if `wanted`.
    #[must_use]
    pub fn with_digest(header: &FileHeader, wanted: bool) -> Self {
        Self {
            digest: wanted.then(FsVerityHasher::new),
            ..Self::new(header)
        }
    }

    /// Takes the next bytes of content.
    pub fn update(&mut self, content: &[u8]) {
        match &mut self.digest {
            Some(digest) => digest.update_beside(content, &mut self.object),
            None => self.object.update(content),
        }
    }

    /// Takes all that `content` gives until its end.
    ///
    /// # Errors
    ///
    /// Those of `content`.
    pub fn read_to_end(&mut self, content: impl Read) -> io::Result<()> {
        each_read(content, |bytes| self.update(bytes))
    }

    /// The object's checksum, and the content's digest if it was wanted.
    #[must_use]
    pub fn finish(self) -> (Checksum, Option<FsVerityDigest>) {
        let checksum = Checksum::from_bytes(self.object.finish());
        (checksum, self.digest.map(FsVerityHasher::finish))
    }
}

/// Reads to the end, in parts.
pub(crate) fn each_read(mut content: impl Read, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => take(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
