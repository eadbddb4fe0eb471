//! The fs-verity digest of a stream: SHA-256, blocks of 4 KiB, no salt.
//!
//! The file's blocks are hashed, the hashes packed 128 to a block, these hashed, and so on up to one block, whose
//! hash is the root. The digest is that of a 256-byte descriptor with the file's size and root hash
//! (Linux, `Documentation/filesystems/fsverity.rst`).

use std::{fmt, io, str::FromStr};

use sha2::{Digest as _, Sha256};

use crate::Error;

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
    pub fn of_reader(mut content: impl io::Read) -> io::Result<Self> {
        let mut hasher = FsVerityHasher::new();
        let mut buffer = vec![0; 16 * BLOCK];
        loop {
            match content.read(&mut buffer) {
                Ok(0) => return Ok(hasher.finish()),
                Ok(count) => hasher.update(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
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
        self.last = self.hasher.finalize_reset().into();
        self.last
    }
}

impl FsVerityHasher {
    /// A hasher that saw nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let filled = self.levels.first().map_or(0, |block| block.filled);
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - filled));
            self.size += now.len() as u64;
            self.put(0, now);
            bytes = later;
        }
    }

    /// Adds to the open block of a level, in which there is room; what it finishes goes up.
    fn put(&mut self, level: usize, bytes: &[u8]) {
        let mut level = level;
        let mut hash;
        let mut bytes = bytes;
        loop {
            if self.levels.len() == level {
                self.levels.push(Block::default());
            }
            let block = &mut self.levels[level];
            block.hasher.update(bytes);
            block.filled += bytes.len();
            if block.filled < BLOCK {
                return;
            }
            hash = block.finish();
            bytes = &hash;
            level += 1;
        }
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
                self.put(level + 1, &root);
            }
            level += 1;
        }
        let mut descriptor = [0; 256];
        descriptor[0] = 1; // version
        descriptor[1] = 1; // SHA-256
        descriptor[2] = 12; // the block size's logarithm
        descriptor[8..16].copy_from_slice(&self.size.to_le_bytes());
        descriptor[16..48].copy_from_slice(&root);
        FsVerityDigest(Sha256::digest(descriptor).into())
    }
}
