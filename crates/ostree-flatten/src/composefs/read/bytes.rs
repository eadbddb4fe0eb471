//! The image's bytes: never read beyond their end, and no more of them taken than there are.

use super::{
    super::{
        Error,
        erofs::{BLOCK, LAYOUT_INLINE, LAYOUT_PLAIN},
    },
    inode::RawInode,
};

pub(super) struct Bytes<'a> {
    image: &'a [u8],
    /// How many bytes of content, entries and attributes may still be taken. In an image as it should be none are
    /// in two places, so that the image's length is enough.
    left: u64,
}

impl<'a> Bytes<'a> {
    pub(super) fn new(image: &'a [u8]) -> Self {
        Self {
            image,
            left: image.len() as u64,
        }
    }

    /// Bytes that are looked at.
    pub(super) fn get(
        &self,
        at: u64,
        length: u64,
        problem: &'static str,
    ) -> Result<&'a [u8], Error> {
        let range = || {
            let start = usize::try_from(at).ok()?;
            let end = start.checked_add(usize::try_from(length).ok()?)?;
            self.image.get(start..end)
        };
        range().ok_or_else(|| Error::malformed(at, problem))
    }

    /// Bytes that are taken, so that no one else may.
    pub(super) fn take(
        &mut self,
        at: u64,
        length: u64,
        problem: &'static str,
    ) -> Result<&'a [u8], Error> {
        let bytes = self.get(at, length, problem)?;
        let left = self.left.checked_sub(length);
        self.left = left.ok_or_else(|| Error::malformed(at, "bytes are used more than once"))?;
        Ok(bytes)
    }

    /// All bytes of content that lies in blocks, or in blocks and a tail; none of the two is empty then.
    pub(super) fn pieces(&mut self, inode: &RawInode) -> Result<(&'a [u8], &'a [u8]), Error> {
        const CUT: &str = "content lies beyond the end";
        let blocks_at = u64::from(inode.word) * BLOCK;
        match inode.layout {
            LAYOUT_PLAIN => Ok((self.take(blocks_at, inode.size, CUT)?, &[])),
            LAYOUT_INLINE => {
                let tail = inode.size % BLOCK;
                let whole = inode.size - tail;
                if tail == 0 || inode.end % BLOCK + tail > BLOCK {
                    return Err(Error::malformed(
                        inode.at,
                        "the tail of content is not in one block",
                    ));
                }
                let blocks = if whole == 0 {
                    &[][..]
                } else {
                    self.take(blocks_at, whole, CUT)?
                };
                Ok((blocks, self.take(inode.end, tail, CUT)?))
            }
            _ => Err(Error::malformed(
                inode.at,
                "content is in a form that composefs does not use",
            )),
        }
    }

    pub(super) fn u16(bytes: &[u8], at: usize) -> u16 {
        u16::from_le_bytes([bytes[at], bytes[at + 1]])
    }

    pub(super) fn u32(bytes: &[u8], at: usize) -> u32 {
        u32::from(Self::u16(bytes, at)) | u32::from(Self::u16(bytes, at + 2)) << 16
    }

    pub(super) fn u64(bytes: &[u8], at: usize) -> u64 {
        u64::from(Self::u32(bytes, at)) | u64::from(Self::u32(bytes, at + 4)) << 32
    }
}
