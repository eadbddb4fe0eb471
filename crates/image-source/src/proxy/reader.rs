//! Blobs as plain blocking readers.

use std::io::{self, Read};
use std::sync::Arc;

use oci_manifest::Digest;

use crate::Error;
use crate::retry::Budget;

use super::worker::{Transfer, Worker};
use super::{Pool, from_io};

/// One transfer of a blob.
pub(super) struct BlobReader {
    pool: Arc<Pool>,
    digest: Digest,
    transfer: Option<(Transfer, Worker)>,
    chunk: Vec<u8>,
    used: usize,
}

impl BlobReader {
    pub(super) fn open(pool: &Arc<Pool>, digest: &Digest, size: u64) -> Result<Self, Error> {
        let worker = pool.take()?;
        let transfer = worker.blob(digest, size)?;
        Ok(Self {
            pool: Arc::clone(pool),
            digest: digest.clone(),
            transfer: Some((transfer, worker)),
            chunk: Vec::new(),
            used: 0,
        })
    }

    /// Waits for the next chunk. At the checked end, the process is free for the next blob; after an error it is
    /// ended.
    fn fill(&mut self) -> io::Result<()> {
        let Some((transfer, worker)) = self.transfer.take() else {
            return Ok(());
        };
        match transfer.chunks.recv() {
            Ok(Ok(chunk)) if chunk.is_empty() => self.pool.give_back(worker),
            Ok(Ok(chunk)) => {
                self.chunk = chunk;
                self.used = 0;
                self.transfer = Some((transfer, worker));
            }
            Ok(Err(error)) => return Err(error.into_io()),
            Err(_) => {
                let image = self.pool.target.shown.clone();
                return Err(Error::Ended {
                    what: self.digest.to_string(),
                    image,
                }
                .into_io());
            }
        }
        Ok(())
    }
}

impl Read for BlobReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.used == self.chunk.len() {
            self.chunk.clear();
            self.used = 0;
            self.fill()?;
        }
        let available = &self.chunk[self.used..];
        let read = available.len().min(buf.len());
        buf[..read].copy_from_slice(&available[..read]);
        self.used += read;
        Ok(read)
    }
}

/// A blob whose broken transfers are begun anew, and what had been delivered is skipped. Different bytes the second
/// time are found by the digest, which is of all that was delivered.
pub(super) struct RetryingReader {
    pool: Arc<Pool>,
    digest: Digest,
    size: u64,
    budget: Budget,
    current: Option<BlobReader>,
    delivered: u64,
    /// Failed for good: every later read fails, too.
    failed: bool,
}

impl RetryingReader {
    /// Opens the blob; what fails right at the start fails here.
    pub(super) fn open(pool: &Arc<Pool>, digest: &Digest, size: u64) -> Result<Self, Error> {
        let mut reader = Self {
            pool: Arc::clone(pool),
            digest: digest.clone(),
            size,
            budget: Budget::new(&pool.config.retry),
            current: None,
            delivered: 0,
            failed: false,
        };
        while let Err(error) = reader.reopen() {
            reader.spend(error)?;
        }
        Ok(reader)
    }

    fn spend(&mut self, error: Error) -> Result<(), Error> {
        self.budget
            .spend(error, &self.pool.on_event, &self.digest.to_string())
    }

    /// Begins the transfer, and skips what was delivered before.
    fn reopen(&mut self) -> Result<(), Error> {
        let mut blob = BlobReader::open(&self.pool, &self.digest, self.size)?;
        let what = || format!("{} of {}", self.digest, self.pool.target.shown);
        let skipped = io::copy(&mut (&mut blob).take(self.delivered), &mut io::sink())
            .map_err(|error| from_io(error, what()))?;
        if skipped != self.delivered {
            return Err(Error::SizeMismatch {
                what: what(),
                expected: self.size,
                found: skipped,
            });
        }
        self.current = Some(blob);
        Ok(())
    }

    fn next(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        if self.current.is_none() {
            self.reopen()?;
        }
        let Some(blob) = &mut self.current else {
            return Ok(0);
        };
        blob.read(buf).map_err(|error| {
            from_io(
                error,
                format!("{} of {}", self.digest, self.pool.target.shown),
            )
        })
    }
}

impl Read for RetryingReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.failed {
            let image = self.pool.target.shown.clone();
            return Err(Error::Ended {
                what: self.digest.to_string(),
                image,
            }
            .into_io());
        }
        loop {
            match self.next(buf) {
                Ok(read) => {
                    self.delivered = self
                        .delivered
                        .saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
                    return Ok(read);
                }
                Err(error) => {
                    self.current = None;
                    if let Err(error) = self.spend(error) {
                        self.failed = true;
                        return Err(error.into_io());
                    }
                }
            }
        }
    }
}
