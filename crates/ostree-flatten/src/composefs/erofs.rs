//! The numbers of the EROFS format and of composefs's use of it, for writer and reader.
//!
//! From Linux, `fs/erofs/erofs_fs.h`, and libcomposefs, `lcfs-erofs.h` and `lcfs-internal.h`. All integers are
//! little endian. An image is
//!
//! ```text
//! 0      header of composefs: magic, version 1, flags, format; 16 bytes of zero
//! 1024   EROFS superblock, 128 bytes
//! 1152   inodes, each at a multiple of 32, with its attributes and the tail of its content
//!        shared attributes, each at a multiple of 4
//!        blocks of 4096 bytes: directories, targets and contents that do not fit behind their inode
//! ```

pub(super) const BLOCK: u64 = 4096;
pub(super) const BLOCK_BITS: u8 = 12;
/// Inodes are numbered by their place in units of this many bytes.
pub(super) const SLOT: u64 = 32;

pub(super) const HEADER_MAGIC: u32 = 0xd078_629a;
pub(super) const HEADER_VERSION: u32 = 1;
/// Flag of the header: some inode has a POSIX ACL.
pub(super) const HEADER_HAS_ACL: u32 = 1;

pub(super) const SUPER_AT: u64 = 1024;
pub(super) const SUPER_BYTES: u64 = 128;
pub(super) const SUPER_MAGIC: u32 = 0xe0f5_e1e2;
/// Compatible features: times of inodes are of last change; attributes have a filter of names.
pub(super) const FEATURES: u32 = 0x2 | 0x4;

/// Incompatible features that are read: files in chunks, which libcomposefs uses without saying so.
pub(super) const KNOWN_INCOMPATIBLE: u32 = 0x4;

pub(super) const COMPACT_INODE: u64 = 32;
pub(super) const EXTENDED_INODE: u64 = 64;

/// How content is stored, as an inode says it.
pub(super) const LAYOUT_PLAIN: u16 = 0;
/// The last, partial block lies behind the inode.
pub(super) const LAYOUT_INLINE: u16 = 2;
/// Content in chunks, of which composefs lists holes only.
pub(super) const LAYOUT_CHUNKS: u16 = 4;

/// Address of a chunk that is a hole.
pub(super) const HOLE: u32 = u32::MAX;
/// Largest logarithm of blocks in a chunk.
pub(super) const MOST_CHUNK_BITS: u32 = 31;
/// Chunks that an inode lists at most, in composefs.
pub(super) const MOST_CHUNKS: u64 = 1024;

pub(super) const DIRENT: usize = 12;

/// Header in front of the attributes of an inode: filter, number of shared ones.
pub(super) const XATTR_HEADER: u64 = 12;
/// In front of each attribute: length of name, its prefix, length of value.
pub(super) const XATTR_ENTRY: u64 = 4;
/// Added to a prefix's number, seeds the hash of a name for the filter.
pub(super) const FILTER_SEED: u32 = 0x25bb_e08f;

/// Prefixes of names that are stored as a number; the reader knows one that the writer does not use.
pub(super) const XATTR_PREFIXES: [(u8, &[u8]); 6] = [
    (1, b"user."),
    (2, b"system.posix_acl_access"),
    (3, b"system.posix_acl_default"),
    (4, b"trusted."),
    (6, b"security."),
    (5, b"lustre."),
];
pub(super) const WRITTEN_PREFIXES: usize = 5;

/// Number of the prefix and rest of an attribute's name.
pub(super) fn split_xattr_name(name: &[u8]) -> (u8, &[u8]) {
    XATTR_PREFIXES
        .iter()
        .take(WRITTEN_PREFIXES)
        .find_map(|(number, prefix)| Some((*number, name.strip_prefix(*prefix)?)))
        .unwrap_or((0, name))
}

/// What overlayfs reads; composefs images are its lower layers.
pub(super) mod overlay {
    pub(in super::super) const PREFIX: &[u8] = b"trusted.overlay.";
    /// In front of what was found with the prefix above and is content, not for overlayfs.
    pub(in super::super) const ESCAPED_PREFIX: &[u8] = b"trusted.overlay.overlay.";
    pub(in super::super) const METACOPY: &[u8] = b"trusted.overlay.metacopy";
    pub(in super::super) const REDIRECT: &[u8] = b"trusted.overlay.redirect";
    pub(in super::super) const OPAQUE: &[u8] = b"trusted.overlay.opaque";
    pub(in super::super) const ESCAPED_WHITEOUT: &[u8] = b"trusted.overlay.overlay.whiteout";
    pub(in super::super) const ESCAPED_WHITEOUTS: &[u8] = b"trusted.overlay.overlay.whiteouts";
    pub(in super::super) const ESCAPED_OPAQUE: &[u8] = b"trusted.overlay.overlay.opaque";
    pub(in super::super) const USER_WHITEOUT: &[u8] = b"user.overlay.whiteout";
    pub(in super::super) const USER_WHITEOUTS: &[u8] = b"user.overlay.whiteouts";
    pub(in super::super) const USER_OPAQUE: &[u8] = b"user.overlay.opaque";
    /// In front of the digest in a metacopy attribute: version, length, flags, SHA-256.
    pub(in super::super) const METACOPY_HEADER: [u8; 4] = [0, 36, 0, 1];
}

pub(super) const ACL_NAMES: [&[u8]; 2] = [b"system.posix_acl_access", b"system.posix_acl_default"];

/// The bits of a mode that say the file type, and what they say; Linux's numbers.
pub(super) const S_IFMT: u16 = 0o170_000;
pub(super) const S_IFIFO: u16 = 0o010_000;
pub(super) const S_IFCHR: u16 = 0o020_000;
pub(super) const S_IFDIR: u16 = 0o040_000;
pub(super) const S_IFBLK: u16 = 0o060_000;
pub(super) const S_IFREG: u16 = 0o100_000;
pub(super) const S_IFLNK: u16 = 0o120_000;
pub(super) const S_IFSOCK: u16 = 0o140_000;

/// Number of a file type in a directory entry.
pub(super) const fn dirent_type(type_bits: u16) -> u8 {
    match type_bits {
        S_IFREG => 1,
        S_IFDIR => 2,
        S_IFCHR => 3,
        S_IFBLK => 4,
        S_IFIFO => 5,
        S_IFSOCK => 6,
        S_IFLNK => 7,
        _ => 0,
    }
}
