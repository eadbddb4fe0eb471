//! The content of one entry: stored data, holes as zeros.

use std::io::{self, BufRead, Read};

use super::header::BLOCK;
use super::sparse::Extent;
use super::{Archive, damaged};
use crate::{Error, Problem};

/// What is left of the current entry's content.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// Stored bytes not yet read.
    stored: u64,
    /// Bytes after them, up to the next block.
    padding: u64,
    /// Bytes of the content, holes included.
    size: u64,
    /// Where in the content reading is.
    at: u64,
    extent: Extent,
    extents: std::vec::IntoIter<Extent>,
    /// Stored runs that must be zeros.
    zeros: Vec<Extent>,
}

impl Body {
    /// `stored` bytes, of which `content` are the entry's content as they are.
    pub(super) fn plain(stored: u64, content: u64) -> Self {
        Self {
            stored,
            padding: padding(stored),
            size: content,
            extent: Extent {
                start: 0,
                length: content,
            },
            ..Self::default()
        }
    }

    /// `stored` bytes, to be spread over `size` bytes.
    pub(super) fn sparse(stored: u64, size: u64, extents: Vec<Extent>) -> Self {
        let mut extents = extents.into_iter();
        Self {
            stored,
            padding: padding(stored),
            size,
            extent: extents.next().unwrap_or(Extent {
                start: size,
                length: 0,
            }),
            extents,
            ..Self::default()
        }
    }

    pub(super) fn with_zeros(self, zeros: Vec<Extent>) -> Self {
        Self { zeros, ..self }
    }

    /// How many bytes of the archive are left of this entry, and how many of padding follow them; afterwards none.
    pub(super) fn take_stored(&mut self) -> (u64, u64) {
        let left = (self.stored, self.padding);
        *self = Self::default();
        left
    }

    /// Whether `bytes`, at `self.at`, are zero where they must be.
    fn zeros_are_zero(&self, bytes: &[u8]) -> bool {
        let end = self.at + bytes.len() as u64;
        let first = self
            .zeros
            .partition_point(|run| run.start + run.length <= self.at);
        self.zeros[first..]
            .iter()
            .take_while(|run| run.start < end)
            .all(|run| {
                let from = run.start.max(self.at) - self.at;
                let to = (run.start + run.length).min(end) - self.at;
                match (usize::try_from(from), usize::try_from(to)) {
                    (Ok(from), Ok(to)) => bytes[from..to].iter().all(|byte| *byte == 0),
                    _ => false,
                }
            })
    }
}

/// Bytes from `length` to the next block.
pub(super) fn padding(length: u64) -> u64 {
    length.next_multiple_of(BLOCK as u64) - length
}

/// Reads the content of the archive's current entry.
pub(crate) struct Content<'c, 'a, R>(pub(super) &'c mut Archive<'a, R>);

impl<R: BufRead> Read for Content<'_, '_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read_content(buf).map_err(|error| {
            self.0.failure = Some(error);
            io::Error::other("the layer failed")
        })
    }
}

impl<R: BufRead> Archive<'_, R> {
    fn read_content(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        if buf.is_empty() || self.body.at >= self.body.size {
            return Ok(0);
        }
        let body = &mut self.body;
        while body.extent.start + body.extent.length <= body.at {
            body.extent = body.extents.next().unwrap_or(Extent {
                start: body.size,
                length: u64::MAX - body.size,
            });
        }
        let in_hole = body.at < body.extent.start;
        let run = match in_hole {
            true => body.extent.start - body.at,
            false => body.extent.start + body.extent.length - body.at,
        };
        let count = usize::try_from(run).map_or(buf.len(), |run| run.min(buf.len()));
        if in_hole {
            buf[..count].fill(0);
            body.at += count as u64;
            return Ok(count);
        }
        let at = self.offset;
        let count = self.read_some(&mut buf[..count])?;
        if count == 0 {
            return Err(damaged(at, Problem::CutOff));
        }
        if !self.body.zeros_are_zero(&buf[..count]) {
            return Err(damaged(
                at,
                Problem::Sparse {
                    what: "a hole holds data",
                },
            ));
        }
        self.body.at += count as u64;
        self.body.stored -= count as u64;
        Ok(count)
    }
}
