//! The fs-verity digest of a stream: SHA-256, blocks of 4 KiB, no salt.
//!
//! The file's blocks are hashed, the hashes packed 128 to a block, these hashed, and so on up to one block, whose
//! hash is the root. The digest is that of a 256-byte descriptor with the file's size and root hash
//! (Linux, `Documentation/filesystems/fsverity.rst`).

use std::{fmt, io, mem, str::FromStr};

use sha256_pair::{Sha256, update_both};

use crate::Error;
use crate::content_hasher::each_read;

const BLOCK: usize = 4096;
const ZEROS: [u8; BLOCK] = [0; BLOCK];

/// The digest by which Linux knows a file with fs-verity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FsVerityDigest([u8; 32]);

impl FsVerityDigest {
    /// A digest from its 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Digest of whole content.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        let mut hasher = FsVerityHasher::new();
        hasher.update(content);
        hasher.finish()
    }

    /// Digest of what `content` gives until its end.
    ///
    /// # Errors
    ///
    /// Those of `content`.
    pub fn of_reader(content: impl io::Read) -> io::Result<Self> {
        let mut hasher = FsVerityHasher::new();
        each_read(content, |bytes| hasher.update(bytes))?;
        Ok(hasher.finish())
    }
}

impl fmt::Display for FsVerityDigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&hex::encode(self.0))
    }
}

impl fmt::Debug for FsVerityDigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "FsVerityDigest({self})")
    }
}

impl FromStr for FsVerityDigest {
    type Err = Error;

    /// Reads 64 hexadecimal digits of either case.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| Error::NoDigest {
            text: text.chars().take(80).collect(),
        })?;
        Ok(Self(bytes))
    }
}

/// Hashes a stream as it passes; needs some hundred bytes for each level of the tree, of which there are nine
/// at most.
#[derive(Debug, Clone, Default)]
pub struct FsVerityHasher {
    size: u64,
    /// From the content upwards: the block that is being filled.
    levels: Vec<Block>,
}

#[derive(Debug, Clone, Default)]
struct Block {
    hasher: Sha256,
    filled: usize,
    /// Blocks of this level that are full and hashed.
    finished: u64,
    /// Hash of the last of them.
    last: [u8; 32],
}

impl Block {
    fn finish(&mut self) -> [u8; 32] {
        self.hasher.update(&ZEROS[self.filled..]);
        self.filled = 0;
        self.finished += 1;
        self.last = mem::take(&mut self.hasher).finish();
        self.last
    }

    /// What was hashed is part of it; the hash of the block if that fills it.
    fn grow(&mut self, by: usize) -> Option<[u8; 32]> {
        self.filled += by;
        (self.filled == BLOCK).then(|| self.finish())
    }
}

impl FsVerityHasher {
    /// A hasher that saw nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.each_piece(bytes, Sha256::update);
    }

    /// Takes the next bytes, which are also the next ones of `other`.
    pub(crate) fn update_beside(&mut self, bytes: &[u8], other: &mut Sha256) {
        self.each_piece(bytes, |block, piece| {
            update_both((block, piece), (other, piece));
        });
    }

    /// Hashes what fits into the content's open block, and so on.
    fn each_piece(&mut self, mut bytes: &[u8], mut hash: impl FnMut(&mut Sha256, &[u8])) {
        while !bytes.is_empty() {
            let block = self.level(0);
            let (piece, later) = bytes.split_at(bytes.len().min(BLOCK - block.filled));
            hash(&mut block.hasher, piece);
            let full = block.grow(piece.len());
            self.size += piece.len() as u64;
            if let Some(hash) = full {
                self.put_hash(1, hash);
            }
            bytes = later;
        }
    }

    /// Adds the hash of a block to the level above; what it fills there goes up.
    fn put_hash(&mut self, level: usize, hash: [u8; 32]) {
        let mut above = Some(hash);
        for level in level.. {
            let Some(hash) = above else { return };
            let block = self.level(level);
            block.hasher.update(&hash);
            above = block.grow(hash.len());
        }
    }

    fn level(&mut self, level: usize) -> &mut Block {
        if self.levels.len() == level {
            self.levels.push(Block::default());
        }
        &mut self.levels[level]
    }

    /// The digest of all bytes taken.
    #[must_use]
    pub fn finish(mut self) -> FsVerityDigest {
        // The root of a file without bytes is all zero.
        let mut root = [0; 32];
        let mut level = 0;
        while let Some(block) = self.levels.get_mut(level) {
            let open = block.filled > 0;
            root = if open { block.finish() } else { block.last };
            // The one block of a level is the root; its hash may lie in the level above, where nothing follows.
            if block.finished == 1 {
                break;
            }
            if open {
                self.put_hash(level + 1, root);
            }
            level += 1;
        }
        let mut descriptor = [0; 256];
        descriptor[0] = 1; // version
        descriptor[1] = 1; // SHA-256
        descriptor[2] = 12; // the block size's logarithm
        descriptor[8..16].copy_from_slice(&self.size.to_le_bytes());
        descriptor[16..48].copy_from_slice(&root);
        let mut hasher = Sha256::new();
        hasher.update(&descriptor);
        FsVerityDigest(hasher.finish())
    }
}
