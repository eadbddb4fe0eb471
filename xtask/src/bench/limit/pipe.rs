//! Bytes from one thread to another in large pieces, several streams one after the other.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

/// Large enough that the threads seldom meet, small enough to stay in the processor's cache.
const PIECE: usize = 256 * 1024;
const PIECES: usize = 4;

enum Message {
    Bytes(Vec<u8>),
    LayerEnds,
}

/// The end where bytes go in.
pub(super) struct Filler {
    full: SyncSender<Message>,
    empty: Receiver<Vec<u8>>,
}

/// The end where they come out: a reader of one layer at a time.
pub(super) struct Drainer {
    full: Receiver<Message>,
    empty: Sender<Vec<u8>>,
    piece: Vec<u8>,
    used: usize,
    at_end: bool,
}

pub(super) fn pipe() -> (Filler, Drainer) {
    let (full_in, full_out) = sync_channel(PIECES);
    let (empty_in, empty_out) = channel();
    let filler = Filler {
        full: full_in,
        empty: empty_out,
    };
    let drainer = Drainer {
        full: full_out,
        empty: empty_in,
        piece: Vec::new(),
        used: 0,
        at_end: false,
    };
    (filler, drainer)
}

impl Filler {
    /// A piece to fill, used before if there is one.
    pub(super) fn piece(&self) -> Vec<u8> {
        let mut piece = self.empty.try_recv().unwrap_or_default();
        piece.resize(PIECE, 0);
        piece
    }

    /// Whether anyone still drains.
    pub(super) fn send(&self, piece: Vec<u8>) -> bool {
        self.full.send(Message::Bytes(piece)).is_ok()
    }

    pub(super) fn end_layer(&self) -> bool {
        self.full.send(Message::LayerEnds).is_ok()
    }
}

impl Drainer {
    /// Begins with the next stream.
    pub(super) fn next_layer(&mut self) {
        self.at_end = false;
    }
}

impl Read for Drainer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.used == self.piece.len() && !self.at_end {
            match self.full.recv() {
                Ok(Message::Bytes(piece)) => {
                    // Its sender may have ended by now.
                    drop(self.empty.send(std::mem::replace(&mut self.piece, piece)));
                    self.used = 0;
                }
                Ok(Message::LayerEnds) => self.at_end = true,
                Err(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let count = (self.piece.len() - self.used).min(buffer.len());
        buffer[..count].copy_from_slice(&self.piece[self.used..self.used + count]);
        self.used += count;
        Ok(count)
    }
}
