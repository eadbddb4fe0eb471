//! Buffers on their way from the decompressing thread to the parsing one, and back to be filled again.

use std::io::{self, BufRead, Read};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};

/// Bytes of one buffer.
const BUFFER_BYTES: usize = 256 * 1024;
/// Full buffers that wait at most: enough to even out a large file's write, 1 MiB a layer.
const WAITING: usize = 4;

enum Message {
    Bytes(Vec<u8>),
    End,
}

/// The decompressing thread's end.
pub(crate) struct Filler {
    full: SyncSender<Message>,
    empty: Receiver<Vec<u8>>,
    made: usize,
}

/// The parsing thread's end.
pub(crate) struct Drainer {
    full: Receiver<Message>,
    empty: Sender<Vec<u8>>,
    current: Vec<u8>,
    at: usize,
    at_end: bool,
}

/// Both ends of a new pipe.
pub(crate) fn pipe() -> (Filler, Drainer) {
    let (full_in, full_out) = mpsc::sync_channel(WAITING);
    let (empty_in, empty_out) = mpsc::channel();
    let filler = Filler {
        full: full_in,
        empty: empty_out,
        made: 0,
    };
    let drainer = Drainer {
        full: full_out,
        empty: empty_in,
        current: Vec::new(),
        at: 0,
        at_end: false,
    };
    (filler, drainer)
}

impl Filler {
    /// A buffer to fill: one that came back, or a new one.
    pub(crate) fn buffer(&mut self) -> Vec<u8> {
        if let Ok(mut buffer) = self.empty.try_recv() {
            buffer.resize(BUFFER_BYTES, 0);
            return buffer;
        }
        self.made += 1;
        vec![0; BUFFER_BYTES]
    }

    /// Hand over a filled buffer. False: nobody reads any more.
    pub(crate) fn send(&mut self, buffer: Vec<u8>) -> bool {
        self.full.send(Message::Bytes(buffer)).is_ok()
    }

    /// Say that everything was sent. Without it the reader takes the pipe's end for a failure.
    pub(crate) fn finish(self) -> bool {
        self.full.send(Message::End).is_ok()
    }
}

/// The decompressing thread stopped before the layer's end; its own error says why.
#[derive(Debug, thiserror::Error)]
#[error("the layer's bytes stopped coming")]
pub(crate) struct Stopped;

impl BufRead for Drainer {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at == self.current.len() && !self.at_end {
            match self.full.recv() {
                Ok(Message::Bytes(buffer)) => {
                    let spent = std::mem::replace(&mut self.current, buffer);
                    self.at = 0;
                    if spent.capacity() > 0 {
                        // The other side may have finished: then nobody needs the buffer.
                        let _ = self.empty.send(spent);
                    }
                }
                Ok(Message::End) => self.at_end = true,
                Err(mpsc::RecvError) => return Err(io::Error::other(Stopped)),
            }
        }
        Ok(&self.current[self.at..])
    }

    fn consume(&mut self, amount: usize) {
        self.at = self.current.len().min(self.at + amount);
    }
}

impl Read for Drainer {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buf.len());
        buf[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::thread;

    use super::pipe;

    #[test]
    fn bytes_arrive_in_order_and_buffers_come_back() {
        let (mut filler, mut drainer) = pipe();
        let made = thread::scope(|scope| {
            let worker = scope.spawn(move || {
                for byte in 0..100 {
                    let mut buffer = filler.buffer();
                    buffer.fill(byte);
                    assert!(filler.send(buffer));
                }
                let made = filler.made;
                assert!(filler.finish());
                made
            });
            let mut bytes = Vec::new();
            drainer.read_to_end(&mut bytes).unwrap();
            assert_eq!(bytes.len(), 100 * super::BUFFER_BYTES);
            assert!(
                bytes
                    .chunks(super::BUFFER_BYTES)
                    .zip(0..)
                    .all(|(chunk, byte)| { chunk.iter().all(|have| *have == byte) })
            );
            worker.join().unwrap()
        });
        assert!(made <= super::WAITING + 3, "{made} buffers");
    }

    #[test]
    fn an_end_that_nobody_announced_is_an_error() {
        let (mut filler, mut drainer) = pipe();
        assert!(filler.send(vec![1, 2, 3]));
        drop(filler);
        let mut bytes = Vec::new();
        let error = drainer.read_to_end(&mut bytes).unwrap_err();
        assert_eq!(bytes, [1, 2, 3]);
        assert!(
            error
                .get_ref()
                .is_some_and(|why| why.is::<super::Stopped>())
        );
    }

    #[test]
    fn a_reader_that_went_away_is_noticed() {
        let (mut filler, drainer) = pipe();
        drop(drainer);
        assert!(!filler.send(vec![1]));
    }
}
