//! Small helpers over system calls.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::Error;

/// Opens for reading; nothing is followed, since no object of these is ever a link.
pub(crate) fn open_read(dir: impl AsFd, path: &str) -> Result<Option<OwnedFd>, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    absent(rustix::fs::openat(dir, path, flags, Mode::empty()))
}

/// Opens a directory.
pub(crate) fn open_dir(dir: impl AsFd, path: &str) -> Result<Option<OwnedFd>, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::DIRECTORY;
    absent(rustix::fs::openat(dir, path, flags, Mode::empty()))
}

/// Status of the name itself, links not followed.
pub(crate) fn stat(dir: impl AsFd, path: &str) -> Result<Option<Stat>, Errno> {
    absent(rustix::fs::statat(dir, path, AtFlags::SYMLINK_NOFOLLOW))
}

/// `ENOENT` as `None`.
pub(crate) fn absent<T>(result: Result<T, Errno>) -> Result<Option<T>, Errno> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes a directory unless it is there; true when it was made.
pub(crate) fn mkdir(dir: impl AsFd, path: &str, mode: u32) -> Result<bool, Errno> {
    match rustix::fs::mkdirat(dir, path, Mode::from_bits_retain(mode)) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(error) => Err(error),
    }
}

/// All bytes of a file of at most `limit` bytes.
pub(crate) fn read_bounded(fd: OwnedFd, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut file = File::from(fd);
    let size = file.metadata()?.len();
    if size > limit {
        return Ok(None);
    }
    // As many as there are, in one call: there is no end to be looked for.
    let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
    file.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

/// Sizes of the kernel are never negative.
pub(crate) fn size_of(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or_default()
}

/// Fills `buffer` or says how far it came.
pub(crate) fn read_exactly(reader: &mut dyn io::Read, buffer: &mut [u8]) -> Result<usize, Error> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(Error::Content { source }),
        }
    }
    Ok(filled)
}
