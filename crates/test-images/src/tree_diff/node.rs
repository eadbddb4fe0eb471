//! What is at a path of a tree on disk.

use std::{
    fs, io,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{FileTypeExt as _, MetadataExt as _},
    },
    path::Path,
};

use rustix::{
    fs::{lgetxattr, llistxattr, major, minor},
    io::Errno,
};

use crate::{Entry, Error, Node};

/// An entry on disk; the content of a regular file is not in it.
pub(super) struct Found {
    pub(super) entry: Entry,
    pub(super) size: u64,
    /// Device and inode, for what is no directory and has several names.
    pub(super) shared_inode: Option<(u64, u64)>,
    pub(super) inode: (u64, u64),
}

impl Found {
    /// What is there; `None` for a socket.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Error> {
        let fault = |source| Error::Read {
            path: path.to_owned(),
            source,
        };
        let meta = fs::symlink_metadata(path).map_err(fault)?;
        let kind = meta.file_type();
        let node = if kind.is_dir() {
            Node::Dir
        } else if kind.is_file() {
            Node::File("".into())
        } else if kind.is_symlink() {
            let target = fs::read_link(path).map_err(fault)?;
            Node::Symlink(target.as_os_str().as_bytes().to_vec())
        } else if kind.is_char_device() {
            Node::Char {
                major: major(meta.rdev()),
                minor: minor(meta.rdev()),
            }
        } else if kind.is_block_device() {
            Node::Block {
                major: major(meta.rdev()),
                minor: minor(meta.rdev()),
            }
        } else if kind.is_fifo() {
            Node::Fifo
        } else {
            return Ok(None);
        };
        let inode = (meta.dev(), meta.ino());
        let mut entry = Entry::new("", node);
        entry.mode = meta.mode() & 0o7777;
        entry.uid = u64::from(meta.uid());
        entry.gid = u64::from(meta.gid());
        entry.mtime = u64::try_from(meta.mtime()).unwrap_or(0);
        entry.xattrs = xattrs(path).map_err(fault)?;
        Ok(Some(Self {
            entry,
            size: meta.len(),
            shared_inode: (!kind.is_dir() && meta.nlink() > 1).then_some(inode),
            inode,
        }))
    }

    /// As [`Found::read`]; `None` also when nothing is there.
    pub(super) fn read_optional(path: &Path) -> Result<Option<Self>, Error> {
        match Self::read(path) {
            Err(Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other,
        }
    }
}

/// All xattrs, sorted by name. A file system without xattrs has none.
fn xattrs(path: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    // The kernel's limits: 64 KiB for the list of names, 64 KiB for one value.
    let mut list = vec![0; 64 * 1024];
    let length = match llistxattr(path, &mut list[..]) {
        Ok(length) => length,
        Err(Errno::NOTSUP) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut found = Vec::new();
    for name in list[..length]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
    {
        let mut value = vec![0; 64 * 1024];
        let length = lgetxattr(path, name, &mut value[..])?;
        value.truncate(length);
        found.push((String::from_utf8_lossy(name).into_owned(), value));
    }
    found.sort();
    Ok(found)
}
