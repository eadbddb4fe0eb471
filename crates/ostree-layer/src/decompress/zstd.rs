//! Zstd streams (RFC 8878): every frame, skippable ones passed over, large windows one at a time.

use std::io::{self, ErrorKind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation as _, OutBuffer};

use super::Peek;
use crate::Error;

/// A frame with a larger window waits for its turn: RFC 8878 asks every decoder to support 8 MiB, and more
/// than that, times the layers that are read at once, is memory a small host does not have.
const SHARED_WINDOW_BYTES: u64 = 8 * 1024 * 1024;

/// Whose turn it is, in the whole process.
static LARGE_WINDOW: Mutex<()> = Mutex::new(());

/// The longest header of a frame.
const HEADER_BYTES: usize = 18;

pub(crate) struct Zstd<B> {
    input: B,
    window_limit: u64,
    /// Frames begun.
    frame: u64,
    current: Option<Frame>,
    /// A decoder with a small window, to be used again.
    spare: Option<Decoder<'static>>,
}

struct Frame {
    decoder: Decoder<'static>,
    /// Held while a window is large; dropped after the decoder.
    turn: Option<MutexGuard<'static, ()>>,
}

/// What a frame's header says.
enum Header {
    Data { window: u64 },
    Skippable { size: u64 },
}

impl<B: Peek> Zstd<B> {
    pub(super) fn new(input: B, window_limit: u64) -> Self {
        Self {
            input,
            window_limit,
            frame: 0,
            current: None,
            spare: None,
        }
    }

    /// The input behind.
    pub(super) fn input(&mut self) -> &mut B {
        &mut self.input
    }

    /// The next bytes of the content; none at the input's end, between frames.
    pub(super) fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        loop {
            if self.current.is_none() && !self.next_frame()? {
                return Ok(0);
            }
            let count = self.run(buf)?;
            if count > 0 {
                return Ok(count);
            }
        }
    }

    /// Decode some bytes of the current frame; with none, the frame has ended.
    fn run(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let frame = self.frame;
        let damaged = |source| Error::Zstd { frame, source };
        while let Some(Frame { decoder, .. }) = &mut self.current {
            let available = self.input.fill_buf().map_err(damaged)?;
            let at_end = available.is_empty();
            let mut from = InBuffer::around(available);
            let mut to = OutBuffer::around(&mut *buf);
            let left = decoder.run(&mut from, &mut to).map_err(damaged)?;
            let (taken, made) = (from.pos(), to.pos());
            self.input.consume(taken);
            if left == 0 {
                self.end_frame();
            } else if at_end && made == 0 {
                return Err(damaged(cut()));
            }
            if made > 0 {
                return Ok(made);
            }
        }
        Ok(0)
    }

    /// Begin the next frame that holds data, if there is one.
    fn next_frame(&mut self) -> Result<bool, Error> {
        loop {
            let damaged = |source| Error::Zstd {
                frame: self.frame + 1,
                source,
            };
            let head = self.input.peek(HEADER_BYTES).map_err(damaged)?;
            if head.is_empty() {
                return Ok(false);
            }
            let header = parse_header(head).map_err(damaged)?;
            self.frame += 1;
            match header {
                Header::Skippable { size } => self.skip(8 + size)?,
                Header::Data { window } => {
                    self.current = Some(self.open(window)?);
                    return Ok(true);
                }
            }
        }
    }

    fn open(&mut self, window: u64) -> Result<Frame, Error> {
        if window > self.window_limit {
            return Err(Error::ZstdWindow {
                window,
                limit: self.window_limit,
            });
        }
        let frame = self.frame;
        let failed = |source| Error::Zstd { frame, source };
        let turn = (window > SHARED_WINDOW_BYTES)
            .then(|| LARGE_WINDOW.lock().unwrap_or_else(PoisonError::into_inner));
        let decoder = match self.spare.take() {
            Some(mut decoder) if turn.is_none() => {
                decoder.reinit().map_err(failed)?;
                decoder
            }
            _ => {
                let mut decoder = Decoder::new().map_err(failed)?;
                let log = self.window_limit.max(1024).ilog2().clamp(10, 31);
                decoder
                    .set_parameter(DParameter::WindowLogMax(log))
                    .map_err(failed)?;
                decoder
            }
        };
        Ok(Frame { decoder, turn })
    }

    fn end_frame(&mut self) {
        if let Some(Frame { decoder, turn }) = self.current.take() {
            match turn {
                None => self.spare = Some(decoder),
                Some(turn) => {
                    drop(decoder);
                    drop(turn);
                }
            }
        }
    }

    fn skip(&mut self, mut left: u64) -> Result<(), Error> {
        let frame = self.frame;
        let damaged = |source| Error::Zstd { frame, source };
        while left > 0 {
            let available = self.input.fill_buf().map_err(damaged)?.len();
            if available == 0 {
                return Err(damaged(cut()));
            }
            let count = usize::try_from(left).map_or(available, |left| left.min(available));
            self.input.consume(count);
            left -= count as u64;
        }
        Ok(())
    }
}

fn cut() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "the stream is cut off")
}

fn parse_header(head: &[u8]) -> io::Result<Header> {
    let word = |at: usize| head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    let magic = word(0).map(u32::from_le_bytes).ok_or_else(cut)?;
    match magic {
        0xfd2f_b528 => window(&head[4..]).map(|window| Header::Data { window }),
        0x184d_2a50..=0x184d_2a5f => {
            let size = word(4).map(u32::from_le_bytes).ok_or_else(cut)?;
            Ok(Header::Skippable { size: size.into() })
        }
        _ => Err(io::Error::new(
            ErrorKind::InvalidData,
            "what follows is no zstd frame",
        )),
    }
}

/// The window that a frame needs, from its header after the magic number (RFC 8878, 3.1.1.1).
fn window(header: &[u8]) -> io::Result<u64> {
    let descriptor = *header.first().ok_or_else(cut)?;
    let single_segment = descriptor & 0x20 != 0;
    if !single_segment {
        let byte = *header.get(1).ok_or_else(cut)?;
        let base = 1_u64 << (10 + (byte >> 3));
        return Ok(base + base / 8 * u64::from(byte & 7));
    }
    let dictionary_id = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let field = header.get(1 + dictionary_id..).unwrap_or_default();
    let size = match descriptor >> 6 {
        0 => field.first().map(|byte| u64::from(*byte)),
        1 => field
            .first_chunk()
            .map(|bytes| u64::from(u16::from_le_bytes(*bytes)) + 256),
        2 => field
            .first_chunk()
            .map(|bytes| u64::from(u32::from_le_bytes(*bytes))),
        _ => field.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)),
    };
    size.ok_or_else(cut)
}
