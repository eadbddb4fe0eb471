//! What is in a file: bytes given, or bytes made from a seed.

use std::io::{self, Read};

/// The bytes of a regular file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// `size` bytes that look random, the same for the same `seed` on every machine; they do not
    /// compress, and a longer file begins with the bytes of a shorter one.
    Random {
        /// Length in bytes.
        size: u64,
        /// Start of the sequence.
        seed: u64,
    },
}

impl Content {
    /// Length in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Random { size, .. } => *size,
        }
    }

    /// Reads the bytes; random ones are made as they are read.
    #[must_use]
    pub fn reader(&self) -> ContentReader<'_> {
        match self {
            Self::Bytes(bytes) => ContentReader(Source::Bytes(bytes)),
            Self::Random { size, seed } => ContentReader(Source::Random {
                left: *size,
                state: *seed,
                word: [0; 8],
                used: 8,
            }),
        }
    }

    /// All bytes in memory.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // The reader reads memory: it cannot fail.
        let _ = self.reader().read_to_end(&mut bytes);
        bytes
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::Bytes(text.as_bytes().to_vec())
    }
}

/// Reads a [`Content`].
#[derive(Debug)]
pub struct ContentReader<'a>(Source<'a>);

#[derive(Debug)]
enum Source<'a> {
    Bytes(&'a [u8]),
    Random {
        left: u64,
        state: u64,
        word: [u8; 8],
        used: usize,
    },
}

impl Read for ContentReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Source::Bytes(bytes) => bytes.read(buffer),
            Source::Random {
                left,
                state,
                word,
                used,
            } => {
                let wanted = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(buffer.len());
                for byte in &mut buffer[..wanted] {
                    if *used == word.len() {
                        *word = next_word(state).to_le_bytes();
                        *used = 0;
                    }
                    *byte = word[*used];
                    *used += 1;
                }
                *left -= wanted as u64;
                Ok(wanted)
            }
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): one addition and a finaliser a word.
fn next_word(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut word = *state;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_content_is_reproducible_and_of_its_size() {
        let short = Content::Random { size: 13, seed: 7 }.to_vec();
        let long = Content::Random { size: 100, seed: 7 }.to_vec();
        assert_eq!(short.len(), 13);
        assert_eq!(short, long[..13]);
        assert_ne!(long, Content::Random { size: 100, seed: 8 }.to_vec());
    }

    #[test]
    fn the_first_word_is_splitmix64s() {
        // Published test value of SplitMix64 for the seed 1234567.
        let bytes = Content::Random {
            size: 8,
            seed: 1_234_567,
        }
        .to_vec();
        let mut word = [0; 8];
        word.copy_from_slice(&bytes);
        assert_eq!(u64::from_le_bytes(word), 6_457_827_717_110_365_317);
    }
}
