//! What a composefs image can hold. The numbers are libcomposefs's (`lcfs-writer.h`, `lcfs-internal.h`) unless
//! said otherwise; each is checked, nothing is cut to fit.

/// Longest name of a directory entry, in bytes.
pub const MAX_NAME_BYTES: usize = 255;

/// Longest target of a symbolic link and longest backing path, in bytes: Linux's `PATH_MAX` without its NUL.
pub const MAX_PATH_BYTES: usize = 4095;

/// Most content that a file can have in the image itself, in bytes.
pub const MAX_INLINE_BYTES: usize = 5000;

/// Largest file with content outside of the image, in bytes: 1024 chunks of EROFS's largest chunk, 2^43 bytes.
pub const MAX_FILE_BYTES: u64 = 1024 << 43;

/// Longest name of an extended attribute, in bytes.
pub const MAX_XATTR_NAME_BYTES: usize = 255;

/// Most bytes of extended attributes that one inode may be given: half of what EROFS can store, the rest is for
/// what the writer adds. Counted as libcomposefs does: 12 once, and 7 with each name and value.
pub const MAX_XATTR_BYTES: usize = 32767;

/// Most bytes of extended attributes that an inode of an image is read with, counted in the same way.
pub(super) const MAX_READ_XATTR_BYTES: usize = 65535;

/// Most bytes of a dump's line after its fixed fields.
pub(super) const MAX_XATTR_TEXT_BYTES: usize = 65535;

/// Most attributes of one inode that refer to the shared ones; EROFS counts them in 7 bits.
pub(super) const MAX_SHARED_XATTRS: u32 = 128;
