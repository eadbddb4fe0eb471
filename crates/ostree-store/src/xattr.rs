//! Extended attributes of files and of symbolic links.

use std::os::fd::{AsFd, AsRawFd as _};

use ostree_objects::Xattrs;
use rustix::buffer::spare_capacity;
use rustix::fs::XattrFlags;
use rustix::io::Errno;

use crate::Error;

/// Linux stores at most 64 KiB of one attribute, and lists at most that much of names.
const MOST: usize = 65_536;

/// A file that is open, or a symbolic link, which cannot be.
pub(crate) enum Place<'a, D> {
    /// Open file.
    File(D),
    /// Path of a link, through the descriptor of a directory: there is no `lgetxattrat`.
    Link(&'a str),
}

/// Path for [`Place::Link`].
pub(crate) fn link_path(dir: impl AsFd, path: &str) -> String {
    format!("/proc/self/fd/{}/{path}", dir.as_fd().as_raw_fd())
}

impl<D: AsFd> Place<'_, D> {
    /// Every attribute, sorted by name.
    pub(crate) fn read(&self) -> Result<Xattrs, Errno> {
        let mut pairs = Vec::new();
        let names = grown(|buffer| match self {
            Self::File(fd) => rustix::fs::flistxattr(fd, spare_capacity(buffer)),
            Self::Link(path) => rustix::fs::llistxattr(*path, spare_capacity(buffer)),
        });
        let names = match names {
            Err(Errno::NOTSUP) => return Ok(Xattrs::new()),
            names => names?,
        };
        for name in names
            .split(|&byte| byte == 0)
            .filter(|name| !name.is_empty())
        {
            match self.get(name) {
                // Removed since it was listed.
                Err(Errno::NODATA) => {}
                value => pairs.push((name.to_vec(), value?)),
            }
        }
        Xattrs::from_pairs(pairs).map_err(|_| Errno::INVAL)
    }

    /// One attribute.
    pub(crate) fn get(&self, name: &[u8]) -> Result<Vec<u8>, Errno> {
        grown(|buffer| match self {
            Self::File(fd) => rustix::fs::fgetxattr(fd, name, spare_capacity(buffer)),
            Self::Link(path) => rustix::fs::lgetxattr(*path, name, spare_capacity(buffer)),
        })
    }

    /// Sets one attribute.
    pub(crate) fn set(&self, name: &[u8], value: &[u8]) -> Result<(), Errno> {
        match self {
            Self::File(fd) => rustix::fs::fsetxattr(fd, name, value, XattrFlags::empty()),
            Self::Link(path) => rustix::fs::lsetxattr(*path, name, value, XattrFlags::empty()),
        }
    }
}

fn grown(read: impl Fn(&mut Vec<u8>) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut buffer = Vec::with_capacity(1024);
    match read(&mut buffer) {
        Err(Errno::RANGE) => {
            buffer.reserve_exact(MOST);
            read(&mut buffer)?;
        }
        result => {
            result?;
        }
    }
    Ok(buffer)
}

/// The error of setting an attribute: a file system without room for one says the disk is full.
pub(crate) fn not_set(path: &str, name: &[u8], value: &[u8], error: Errno) -> Error {
    let too_large = matches!(error, Errno::TOOBIG | Errno::RANGE)
        || (error == Errno::NOSPC && name.len() + value.len() > 1024);
    if too_large {
        let name = String::from_utf8_lossy(name).into_owned();
        return Error::XattrTooLarge {
            name,
            length: value.len(),
        };
    }
    Error::io("set the attributes of", path, error)
}
