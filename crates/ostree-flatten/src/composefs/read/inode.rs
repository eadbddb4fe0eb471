//! The fields of one inode.

use super::{
    super::{
        Error, Mtime, Stat,
        erofs::{COMPACT_INODE, EXTENDED_INODE, S_IFMT, SLOT, XATTR_ENTRY, XATTR_HEADER},
    },
    bytes::Bytes,
};

pub(super) struct RawInode {
    pub(super) slot: u64,
    /// Where it is in the image.
    pub(super) at: u64,
    pub(super) layout: u16,
    pub(super) type_bits: u16,
    pub(super) stat: Stat,
    pub(super) size: u64,
    /// Block address, device number, or form of chunks.
    pub(super) word: u32,
    pub(super) xattrs_at: u64,
    /// Where its attributes end.
    pub(super) end: u64,
}

impl RawInode {
    pub(super) fn read(
        bytes: &Bytes<'_>,
        inodes_at: u64,
        slot: u64,
        base_time: Mtime,
    ) -> Result<Self, Error> {
        const CUT: &str = "an inode lies beyond the end";
        let at = slot
            .checked_mul(SLOT)
            .and_then(|at| at.checked_add(inodes_at))
            .ok_or_else(|| Error::malformed(u64::MAX, CUT))?;
        let compact = bytes.get(at, COMPACT_INODE, CUT)?;
        let format = Bytes::u16(compact, 0);
        if format >> 4 != 0 {
            return Err(Error::malformed(at, "an inode has an unknown form"));
        }
        let mode = Bytes::u16(compact, 4);
        let (raw, length) = if format & 1 == 0 {
            (compact, COMPACT_INODE)
        } else {
            (bytes.get(at, EXTENDED_INODE, CUT)?, EXTENDED_INODE)
        };
        let (nlink, size, uid, gid, mtime) = if format & 1 == 0 {
            let short = |at| u32::from(Bytes::u16(raw, at));
            let size = Bytes::u32(raw, 8).into();
            (short(6), size, short(24), short(26), base_time)
        } else {
            let word = |at| Bytes::u32(raw, at);
            let mtime = Mtime {
                seconds: Bytes::u64(raw, 32).cast_signed(),
                nanoseconds: word(40),
            };
            (word(44), Bytes::u64(raw, 8), word(24), word(28), mtime)
        };
        let xattr_bytes = match Bytes::u16(raw, 2) {
            0 => 0,
            units => XATTR_HEADER + (u64::from(units) - 1) * XATTR_ENTRY,
        };
        Ok(Self {
            slot,
            at,
            layout: format >> 1,
            type_bits: mode & S_IFMT,
            stat: Stat {
                permissions: mode & 0o7777,
                uid,
                gid,
                nlink,
                mtime,
            },
            size,
            word: Bytes::u32(raw, 16),
            xattrs_at: at + length,
            end: at + length + xattr_bytes,
        })
    }
}
