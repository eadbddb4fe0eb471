//! File types as they stand in a mode; the numbers are Linux's.

use crate::Error;

/// The bits of a mode that say the file type.
pub const S_IFMT: u32 = 0o170_000;
/// A directory.
pub const S_IFDIR: u32 = 0o040_000;
/// A regular file.
pub const S_IFREG: u32 = 0o100_000;
/// A symbolic link.
pub const S_IFLNK: u32 = 0o120_000;

/// File type and permission bits (setuid, setgid and sticky included): nothing else may be set.
const KNOWN_BITS: u32 = S_IFMT | 0o7777;

pub(crate) fn check_directory(mode: u32) -> Result<(), Error> {
    if mode & S_IFMT == S_IFDIR && mode & !KNOWN_BITS == 0 {
        Ok(())
    } else {
        Err(Error::Mode {
            mode,
            wanted: "a directory",
        })
    }
}

pub(crate) fn check_file(mode: u32) -> Result<(), Error> {
    if matches!(mode & S_IFMT, S_IFREG | S_IFLNK) && mode & !KNOWN_BITS == 0 {
        Ok(())
    } else {
        Err(Error::Mode {
            mode,
            wanted: "a regular file or a symbolic link",
        })
    }
}
