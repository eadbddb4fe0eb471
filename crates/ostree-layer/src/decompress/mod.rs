//! From the blob's bytes to the layer's, whole and nothing but the stream.

mod gzip;
mod magic;
mod zstd;

use std::io::Read;

use oci_manifest::Compression;

use self::gzip::Gzip;
use self::magic::Magic;
use self::zstd::Zstd;
use crate::blob::Blob;
use crate::{Encoding, Error};

/// The uncompressed layer.
///
/// Not `Send`, since a zstd frame with a large window holds its turn: it lives in the thread that made it.
pub(crate) enum Decoder<'a, R> {
    Plain(Blob<'a, R>),
    Gzip(Box<Gzip<Blob<'a, R>>>),
    Zstd(Zstd<Blob<'a, R>>),
}

impl<'a, R: Read> Decoder<'a, R> {
    /// Look at the first bytes and choose. A blob of no bytes is an empty layer whatever its media type says.
    pub(crate) fn new(
        mut blob: Blob<'a, R>,
        declared: Compression,
        encoding: Encoding,
        window_limit: u64,
    ) -> Result<Self, Error> {
        let head = match blob.peek(magic::BYTES) {
            Ok(head) => head,
            Err(error) => return Err(blob_failure(&mut blob, error)),
        };
        let compression = if head.is_empty() {
            Compression::None
        } else {
            magic::check(declared, encoding, Magic::of(head))?
        };
        Ok(match compression {
            Compression::None => Self::Plain(blob),
            Compression::Gzip => Self::Gzip(Box::new(Gzip::new(blob))),
            Compression::Zstd => Self::Zstd(Zstd::new(blob, window_limit)),
        })
    }

    /// Fill `buf` with the next bytes of the layer; at its end, when the blob is read to its end too, less.
    pub(crate) fn fill(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let mut filled = 0;
        while filled < buf.len() {
            match self.read(&mut buf[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        Ok(filled)
    }

    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        match self {
            Self::Plain(blob) => match blob.read(buf) {
                Ok(count) => Ok(count),
                Err(error) => Err(blob_failure(blob, error)),
            },
            Self::Gzip(gzip) => match gzip.read(buf) {
                Ok(count) => Ok(count),
                Err(error) => Err(gzip.input().take_failure().unwrap_or(error)),
            },
            Self::Zstd(zstd) => match zstd.read(buf) {
                Ok(count) => Ok(count),
                Err(error) => Err(zstd.input().take_failure().unwrap_or(error)),
            },
        }
    }

    /// The blob behind.
    pub(crate) fn blob(&mut self) -> &mut Blob<'a, R> {
        match self {
            Self::Plain(blob) => blob,
            Self::Gzip(gzip) => gzip.input(),
            Self::Zstd(zstd) => zstd.input(),
        }
    }
}

fn blob_failure<R: Read>(blob: &mut Blob<'_, R>, error: std::io::Error) -> Error {
    blob.take_failure().unwrap_or(Error::Blob { source: error })
}

/// A buffered input that can look further ahead than its buffer happens to hold.
pub(crate) trait Peek: std::io::BufRead {
    /// The next bytes without consuming them: at least `count` unless the input ends before.
    fn peek(&mut self, count: usize) -> std::io::Result<&[u8]>;
}

impl<R: Read> Peek for Blob<'_, R> {
    fn peek(&mut self, count: usize) -> std::io::Result<&[u8]> {
        Blob::peek(self, count)
    }
}
