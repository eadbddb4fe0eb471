//! A streaming tar reader for hostile input.
//!
//! It reads v7, ustar, GNU and pax archives block by block, never looks for the next header in what is damaged,
//! and follows libarchive's reading (bsdtar 3.6) where archivers differ, or refuses. The `tar` crate gives the
//! header's layout; its `Archive` is not used, since it hides sparse files and trailing bytes.

mod content;
mod entry;
mod extended;
mod header;
mod map;
mod number;
mod pax;
mod sparse;
mod xattr;

use std::io::BufRead;

use self::content::Body;
pub(crate) use self::content::Content;
pub(crate) use self::entry::{Entry, Kind};
use self::extended::Extended;
use self::header::{BLOCK, Block, Format};
use crate::{Error, Limits, Problem, Warning};

fn damaged(offset: u64, problem: Problem) -> Error {
    Error::Archive { offset, problem }
}

/// An archive that is being read.
pub(crate) struct Archive<'a, R> {
    input: R,
    limits: &'a Limits,
    /// Bytes of the archive read so far.
    offset: u64,
    entries: u64,
    holes: u64,
    format: Seen,
    body: Body,
    /// A header that was read ahead.
    pending: Option<[u8; BLOCK]>,
    /// Why reading an entry's content failed.
    failure: Option<Error>,
    warnings: Vec<Warning>,
    warned_of_global: bool,
}

/// What the headers so far say about the archive as a whole, as libarchive keeps it: it decides whether a hard
/// link may have content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Nothing,
    Old,
    Gnu,
    Ustar,
    Pax,
}

impl<'a, R: BufRead> Archive<'a, R> {
    pub(crate) fn new(input: R, limits: &'a Limits) -> Self {
        Self {
            input,
            limits,
            offset: 0,
            entries: 0,
            holes: 0,
            format: Seen::Nothing,
            body: Body::default(),
            pending: None,
            failure: None,
            warnings: Vec::new(),
            warned_of_global: false,
        }
    }

    /// The next entry; what is left of the one before is passed over. `None` at the archive's end.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, Error> {
        self.skip_body()?;
        let mut extended = Extended::default();
        loop {
            let at = self.offset;
            let Some(block) = self.read_header()? else {
                return match extended.needs_entry() {
                    true => Err(damaged(at, Problem::NoEntry)),
                    false => Ok(None),
                };
            };
            match block.flag() {
                b'g' => {
                    self.format = Seen::Pax;
                    let body = self.read_extension(at, &block, &mut extended)?;
                    self.warn_of_global(&body);
                }
                b'x' | b'X' => {
                    self.format = Seen::Pax;
                    let body = self.read_extension(at, &block, &mut extended)?;
                    let pax = pax::Pax::parse(&body, self.limits);
                    let added = pax.and_then(|pax| extended.add_pax(pax));
                    added.map_err(|problem| damaged(at, problem))?;
                }
                b'L' => {
                    let body = self.read_extension(at, &block, &mut extended)?;
                    extended.add_long_name(&body);
                }
                b'K' => {
                    let body = self.read_extension(at, &block, &mut extended)?;
                    extended.add_long_link(&body);
                }
                // A volume's name says nothing about an entry.
                b'V' => extended
                    .count(self.limits)
                    .map_err(|problem| damaged(at, problem))?,
                b'A' => return Err(damaged(at, Problem::AccessControlList)),
                _ => return self.read_entry(at, &block, extended).map(Some),
            }
        }
    }

    /// The content of the entry that [`next`](Self::next) gave last.
    pub(crate) fn content(&mut self) -> Content<'_, 'a, R> {
        Content(self)
    }

    /// Why a read of [`content`](Self::content) failed, which its `io::Error` cannot say.
    pub(crate) fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    /// How many entries there were so far.
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    /// Oddities since the last call.
    pub(crate) fn take_warnings(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings)
    }

    /// After the archive's end: read what follows, so that every byte is verified. Says how many bytes there
    /// are from the first one that is not zero.
    ///
    /// GNU tar, bsdtar and Go stop at the end of the archive, whatever follows.
    pub(crate) fn finish(mut self) -> Result<u64, Error> {
        let mut trailing = 0;
        loop {
            let available = self
                .input
                .fill_buf()
                .map_err(|source| Error::Blob { source })?;
            let count = available.len();
            if count == 0 {
                return Ok(trailing);
            }
            if trailing > 0 {
                trailing += count as u64;
            } else if let Some(first) = available.iter().position(|byte| *byte != 0) {
                trailing = (count - first) as u64;
            }
            self.input.consume(count);
        }
    }

    /// The next header; `None` at the end of the archive, marked by a block of zeros or not at all.
    fn read_header(&mut self) -> Result<Option<Block>, Error> {
        let at = self.offset;
        let block = match self.pending.take() {
            Some(block) => block,
            None => {
                let mut block = [0; BLOCK];
                match self.read_full(&mut block)? {
                    0 => {
                        if at > 0 {
                            self.warnings.push(Warning::NoEndMark);
                        }
                        return Ok(None);
                    }
                    BLOCK => block,
                    _ => return Err(damaged(at, Problem::CutOff)),
                }
            }
        };
        let block = Block::parse(&block).map_err(|problem| damaged(at, problem))?;
        if at == 0 && block.as_ref().is_some_and(|block| !block.may_be_first()) {
            return Err(damaged(at, Problem::NotFirst));
        }
        Ok(block)
    }

    /// The body of an extended header.
    fn read_extension(
        &mut self,
        at: u64,
        block: &Block,
        extended: &mut Extended,
    ) -> Result<Vec<u8>, Error> {
        let limit = self.limits.extended_header_bytes;
        let size = extended.count(self.limits).and_then(|()| block.size());
        let size = match size {
            Ok(size) if size <= limit => size,
            Ok(size) => return Err(damaged(at, Problem::HeaderTooLarge { size, limit })),
            Err(problem) => return Err(damaged(at, problem)),
        };
        let length = usize::try_from(size).unwrap_or(usize::MAX);
        let mut body = vec![0; length.next_multiple_of(BLOCK)];
        if self.read_full(&mut body)? < body.len() {
            return Err(damaged(at, Problem::CutOff));
        }
        body.truncate(length);
        Ok(body)
    }

    fn warn_of_global(&mut self, body: &[u8]) {
        // One is enough to say that there are some.
        if self.warned_of_global {
            return;
        }
        if let Some(keyword) = pax::global_keyword(body) {
            let keyword = crate::show::show(keyword);
            self.warnings.push(Warning::GlobalHeader { keyword });
            self.warned_of_global = true;
        }
    }

    /// Fill `buf` as far as the input goes.
    fn read_full(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let mut filled = 0;
        while filled < buf.len() {
            let count = self.read_some(&mut buf[filled..])?;
            if count == 0 {
                break;
            }
            filled += count;
        }
        Ok(filled)
    }

    fn read_some(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let available = self
            .input
            .fill_buf()
            .map_err(|source| Error::Blob { source })?;
        let count = available.len().min(buf.len());
        buf[..count].copy_from_slice(&available[..count]);
        self.input.consume(count);
        self.offset += count as u64;
        Ok(count)
    }

    /// Pass over `left` bytes; false if the input ends before.
    fn skip(&mut self, mut left: u64) -> Result<bool, Error> {
        while left > 0 {
            let available = self
                .input
                .fill_buf()
                .map_err(|source| Error::Blob { source })?
                .len();
            if available == 0 {
                return Ok(false);
            }
            let count = usize::try_from(left).map_or(available, |left| left.min(available));
            self.input.consume(count);
            self.offset += count as u64;
            left -= count as u64;
        }
        Ok(true)
    }

    fn skip_body(&mut self) -> Result<(), Error> {
        let at = self.offset;
        let (stored, padding) = self.body.take_stored();
        if !self.skip(stored)? {
            return Err(damaged(at, Problem::CutOff));
        }
        // Without its padding the last entry is whole all the same: `umoci insert` (0.4.7) writes none, and Go reads on.
        self.skip(padding).map(drop)
    }

    /// After a hard link's header that has a size, read on: whether the archive ends here or another entry's
    /// header follows, and so the size means nothing.
    fn header_follows(&mut self) -> Result<bool, Error> {
        let mut block = [0; BLOCK];
        if self.read_full(&mut block)? < BLOCK {
            return Ok(false);
        }
        self.pending = Some(block);
        Ok(match Block::parse(&block) {
            Ok(None) => true,
            Ok(Some(block)) => block.format() != Format::V7,
            Err(_) => false,
        })
    }
}

#[cfg(test)]
mod tests;
