//! Gzip streams (RFC 1952): every member, every checksum, and nothing after the last member.
//!
//! `pigz -i` and eStargz write many members. flate2's own reader of many members reports what follows the last
//! one as a damaged header; members are walked here so that the two can be told apart.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

use crate::Error;

pub(crate) struct Gzip<B> {
    decoder: GzDecoder<Slot<B>>,
    /// Members begun.
    member: u64,
    at_end: bool,
}

impl<B: BufRead> Gzip<B> {
    /// `input` begins with a member.
    pub(super) fn new(input: B) -> Self {
        Self {
            decoder: GzDecoder::new(Slot(Some(input))),
            member: 1,
            at_end: false,
        }
    }

    /// The next bytes of the content; none at the end of the last member, which is the input's end.
    pub(super) fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        while !self.at_end {
            let member = self.member;
            let damaged = |source| Error::Gzip { member, source };
            let count = self.decoder.read(buf).map_err(damaged)?;
            if count > 0 {
                return Ok(count);
            }
            match self.decoder.get_mut().fill_buf().map_err(damaged)? {
                [] => self.at_end = true,
                [0x1f] | [0x1f, 0x8b, ..] => self.next_member(),
                _ => {
                    return Err(Error::GzipTrailing {
                        members: self.member,
                    });
                }
            }
        }
        Ok(0)
    }

    /// Begin the next member with the decoder that is there: eStargz has a member for each file.
    fn next_member(&mut self) {
        let input = self.decoder.reset(Slot(None));
        *self.decoder.get_mut() = input;
        self.member += 1;
    }
}

impl<B> Gzip<B> {
    /// The input behind.
    #[expect(
        clippy::expect_used,
        reason = "the slot is empty only inside next_member"
    )]
    pub(super) fn input(&mut self) -> &mut B {
        self.decoder
            .get_mut()
            .0
            .as_mut()
            .expect("the decoder has its input")
    }
}

/// Lets the input be taken out of the decoder while that is reset.
struct Slot<B>(Option<B>);

impl<B: BufRead> Read for Slot<B> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.as_mut().map_or(Ok(0), |input| input.read(buf))
    }
}

impl<B: BufRead> BufRead for Slot<B> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.as_mut().map_or(Ok(&[]), BufRead::fill_buf)
    }

    fn consume(&mut self, amount: usize) {
        if let Some(input) = &mut self.0 {
            input.consume(amount);
        }
    }
}
