//! The blob as it comes: counted, hashed and held against its descriptor.

use std::io::{self, BufRead, ErrorKind, Read};

use oci_manifest::{Descriptor, Digest, Hasher};

use crate::Error;

/// Read from the source at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// What the descriptor promises.
struct Promise {
    digest: Digest,
    size: u64,
    hasher: Hasher,
}

/// A blob under verification, read through a buffer of its own.
///
/// A decoder in between turns every error into one of its own. So a failure of the source is kept here, and
/// [`take_failure`](Self::take_failure) tells it from a damaged stream.
pub(crate) struct Blob<'a, R> {
    source: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Where the bytes begin, up to `end`, that are not in the hash yet: they wait for company.
    unhashed: usize,
    at_end: bool,
    read: u64,
    promise: Option<Promise>,
    on_bytes: &'a (dyn Fn(u64) + Sync),
    failure: Option<Error>,
}

impl<'a, R: Read> Blob<'a, R> {
    /// `descriptor`: what the bytes must be; `None` where it is not of these bytes.
    pub(crate) fn new(
        source: R,
        descriptor: Option<&Descriptor>,
        on_bytes: &'a (dyn Fn(u64) + Sync),
    ) -> Self {
        let promise = descriptor.map(|descriptor| Promise {
            digest: descriptor.digest.clone(),
            size: descriptor.size,
            hasher: descriptor.digest.hasher(),
        });
        Self {
            source,
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            unhashed: 0,
            at_end: false,
            read: 0,
            promise,
            on_bytes,
            failure: None,
        }
    }

    /// Bytes read from the source so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.read
    }

    /// The next bytes without consuming them: at least `count` unless the blob ends before.
    pub(crate) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.end - self.start < count && !self.at_end {
            self.hash();
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
                self.unhashed = self.end;
            }
            self.read_more()?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// Why the source failed, if it did.
    pub(crate) fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    /// Read at most `most` further bytes in the hope of reaching the blob's end, to learn whether it is what
    /// was promised.
    pub(crate) fn run_out(&mut self, most: u64) -> Option<Error> {
        let left = match &self.promise {
            Some(promise) => promise.size.saturating_sub(self.read),
            None => return None,
        };
        if left > most {
            return None;
        }
        while !self.at_end {
            self.hash();
            (self.start, self.end, self.unhashed) = (0, 0, 0);
            if self.read_more().is_err() {
                let failure = self.failure.take();
                // A source may refuse the end after the last byte: then the bytes speak for themselves.
                if self.promise.as_ref().is_some_and(|p| p.size == self.read) {
                    return self.verify().err();
                }
                // A source that fails now is not why the import failed, but a wrong size may be.
                return failure.filter(|why| matches!(why, Error::BlobSize { .. }));
            }
        }
        self.verify().err()
    }

    /// Hash bytes of another stream together with those of the blob that wait.
    pub(crate) fn hash_beside(&mut self, other: &mut Hasher, bytes: &[u8]) {
        let waiting = &self.buffer[self.unhashed..self.end];
        match &mut self.promise {
            Some(promise) => Hasher::update_both((other, bytes), (&mut promise.hasher, waiting)),
            None => other.update(bytes),
        }
        self.unhashed = self.end;
    }

    /// Hash what waits alone: its place is needed.
    fn hash(&mut self) {
        if let Some(promise) = &mut self.promise {
            promise.hasher.update(&self.buffer[self.unhashed..self.end]);
        }
        self.unhashed = self.end;
    }

    /// Whether the blob, read to its end, is what was promised.
    pub(crate) fn verify(&mut self) -> Result<(), Error> {
        self.hash();
        let Some(promise) = self.promise.take() else {
            return Ok(());
        };
        if self.read != promise.size {
            return Err(Error::BlobSize {
                expected: promise.size,
                actual: self.read,
            });
        }
        let actual = promise.hasher.finish();
        if actual != promise.digest {
            return Err(Error::BlobDigest {
                expected: promise.digest,
                actual,
            });
        }
        Ok(())
    }

    /// Fill what is free at the buffer's end.
    fn read_more(&mut self) -> io::Result<()> {
        let count = loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(count) => break count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => return Err(self.fail(Error::Blob { source })),
            }
        };
        if count == 0 {
            self.at_end = true;
            return Ok(());
        }
        self.read += count as u64;
        (self.on_bytes)(count as u64);
        if let Some(promise) = &self.promise
            && self.read > promise.size
        {
            let expected = promise.size;
            return Err(self.fail(Error::BlobSize {
                expected,
                actual: self.read,
            }));
        }
        self.end += count;
        Ok(())
    }

    fn fail(&mut self, why: Error) -> io::Error {
        self.failure = Some(why);
        io::Error::other("the blob failed")
    }
}

impl<R: Read> Read for Blob<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buf.len());
        buf[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Blob<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.peek(1)
    }

    fn consume(&mut self, amount: usize) {
        self.start = self.end.min(self.start + amount);
    }
}
