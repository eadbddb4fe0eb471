//! The bytes of one layer.

use std::fmt;
use std::io::Read;

/// One layer's bytes as the source delivers them.
///
/// Errors of the reader wrap an [`Error`](crate::Error): get it back with
/// `io_error.get_ref().and_then(|e| e.downcast_ref::<image_source::Error>())`.
/// The end is reported only after the transport's own check of the blob has passed; size, digest and
/// diff_id are still the caller's to check.
pub struct Blob {
    /// Delivers the bytes; repeats a broken transfer inside, where that is worth it.
    pub reader: Box<dyn Read + Send>,
    /// Whether the media type says how the bytes are compressed.
    pub encoding: Encoding,
    /// Whether the descriptor's digest and size are those of the bytes delivered here. Always true today:
    /// a transport that re-makes its blobs (containers-storage, docker-daemon) is copied first, and the
    /// manifest of that copy describes the bytes.
    pub digest_applies: bool,
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blob")
            .field("encoding", &self.encoding)
            .field("digest_applies", &self.digest_applies)
            .finish_non_exhaustive()
    }
}

/// How a reader finds out the compression of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// The descriptor's media type is right; anything else is an error.
    Declared,
    /// The media type may say gzip where the bytes are plain tar: look at the first bytes.
    Sniff,
}
