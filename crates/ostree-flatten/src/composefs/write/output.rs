//! Where an image goes: through the hasher into the caller's sink, in large pieces.

use std::io::Write;

use super::super::{Error, FsVerityDigest, FsVerityHasher};

const PIECE: usize = 64 * 1024;

/// Bytes of the image, from its start on.
#[derive(Debug)]
pub(super) struct Output<W> {
    sink: W,
    hasher: FsVerityHasher,
    waiting: Vec<u8>,
    passed_on: u64,
}

impl<W: Write> Output<W> {
    pub(super) fn new(sink: W) -> Self {
        Self {
            sink,
            hasher: FsVerityHasher::new(),
            waiting: Vec::with_capacity(PIECE * 2),
            passed_on: 0,
        }
    }

    /// How many bytes were written.
    pub(super) fn position(&self) -> u64 {
        self.passed_on + self.waiting.len() as u64
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() < PIECE {
            return Ok(());
        }
        self.pass_on()
    }

    fn pass_on(&mut self) -> Result<(), Error> {
        self.hasher.update(&self.waiting);
        self.sink.write_all(&self.waiting).map_err(failed)?;
        self.passed_on += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }

    /// Writes zeros up to a position that is at most a block away.
    pub(super) fn pad_to(&mut self, position: u64) -> Result<(), Error> {
        let zeros = [0; 4096];
        while self.position() < position {
            let count = usize::try_from(position - self.position()).unwrap_or(usize::MAX);
            self.put(&zeros[..count.min(zeros.len())])?;
        }
        Ok(())
    }

    /// Writes zeros up to a multiple of `unit`.
    pub(super) fn align(&mut self, unit: u64) -> Result<(), Error> {
        self.pad_to(self.position().next_multiple_of(unit))
    }

    /// Size and digest of the whole.
    pub(super) fn finish(mut self) -> Result<(u64, FsVerityDigest), Error> {
        self.pass_on()?;
        self.sink.flush().map_err(failed)?;
        Ok((self.passed_on, self.hasher.finish()))
    }
}

fn failed(source: std::io::Error) -> Error {
    Error::Io {
        action: "writing the image",
        source,
    }
}
