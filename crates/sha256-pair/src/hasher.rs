//! Streams: bytes of any number, in blocks.

use std::fmt;

use crate::blocks::{Block, State, compress, compress_both};

const BLOCK: usize = size_of::<Block>();
/// At the end of the last block: the stream's length in bits.
const LENGTH: usize = 8;

/// The first 32 bits of the fractional parts of the square roots of the first eight primes (FIPS 180-4, 5.3.3).
const START: State = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// Hashes one stream; two of them can be fed together by [`update_both`].
#[derive(Clone)]
pub struct Sha256 {
    state: State,
    /// What came after the last whole block.
    open: Block,
    filled: usize,
    /// Bytes taken so far.
    length: u64,
}

impl Sha256 {
    /// A hasher that has taken nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: START,
            open: [0; BLOCK],
            filled: 0,
            length: 0,
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.take(bytes).finish();
    }

    /// The hash of all that was taken.
    #[must_use]
    pub fn finish(mut self) -> [u8; 32] {
        let bits = self.length.wrapping_mul(8);
        // A one bit, zeros, and the length at the end of a block.
        let zeros = (2 * BLOCK - 1 - LENGTH - self.filled) % BLOCK;
        let mut padding = [0; 2 * BLOCK];
        padding[0] = 0x80;
        padding[1 + zeros..1 + zeros + LENGTH].copy_from_slice(&bits.to_be_bytes());
        self.update(&padding[..1 + zeros + LENGTH]);
        let mut hash = [0; 32];
        for (bytes, word) in hash.chunks_exact_mut(4).zip(self.state) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        hash
    }

    /// The whole blocks that the next bytes give; what is left of them is kept.
    fn take<'a>(&'a mut self, mut bytes: &'a [u8]) -> Blocks<'a> {
        self.length = self.length.wrapping_add(bytes.len() as u64);
        let mut first = None;
        if self.filled > 0 {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - self.filled));
            self.open[self.filled..self.filled + now.len()].copy_from_slice(now);
            self.filled += now.len();
            bytes = later;
            if self.filled == BLOCK {
                first = Some(self.open);
                self.filled = 0;
            }
        }
        let (blocks, rest) = bytes.as_chunks();
        if !rest.is_empty() {
            self.open[..rest.len()].copy_from_slice(rest);
            self.filled = rest.len();
        }
        Blocks {
            state: &mut self.state,
            first,
            others: blocks,
        }
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Sha256").finish_non_exhaustive()
    }
}

/// Takes the next bytes of two streams; they may be of different lengths.
pub fn update_both(one: (&mut Sha256, &[u8]), other: (&mut Sha256, &[u8])) {
    let mut one = one.0.take(one.1);
    let mut other = other.0.take(other.1);
    loop {
        let count = one.at_hand().min(other.at_hand());
        if count == 0 {
            break;
        }
        one.with_next(count, |state, blocks| {
            other.with_next(count, |other_state, other_blocks| {
                compress_both([state, other_state], [blocks, other_blocks]);
            });
        });
    }
    one.finish();
    other.finish();
}

/// Whole blocks of a stream that are not yet in its state.
struct Blocks<'a> {
    state: &'a mut State,
    /// One that began with bytes of before.
    first: Option<Block>,
    others: &'a [Block],
}

impl Blocks<'_> {
    /// How many lie one after the other.
    fn at_hand(&self) -> usize {
        if self.first.is_some() {
            1
        } else {
            self.others.len()
        }
    }

    /// Hands on the next `count` blocks, of those [at hand](Self::at_hand).
    fn with_next(&mut self, count: usize, compress: impl FnOnce(&mut State, &[Block])) {
        if let Some(first) = self.first.take() {
            return compress(self.state, &[first]);
        }
        let (now, later) = self.others.split_at(count);
        self.others = later;
        compress(self.state, now);
    }

    fn finish(mut self) {
        if self.first.is_some() {
            self.with_next(1, compress);
        }
        self.with_next(self.others.len(), compress);
    }
}
