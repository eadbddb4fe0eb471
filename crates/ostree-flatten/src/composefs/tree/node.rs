//! What a node is, as callers see it and as a tree keeps it.

use std::borrow::Cow;

use super::super::{
    FsVerityDigest,
    erofs::{S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG, S_IFSOCK},
};

/// Time of last change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mtime {
    /// Seconds since 1970.
    pub seconds: i64,
    /// Nanoseconds after them.
    pub nanoseconds: u32,
}

/// What all nodes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Permission bits, with setuid, setgid and sticky; no file type.
    pub permissions: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Number of names. It is kept as stated, whatever names there are, except for directories, whose number an
    /// image computes.
    pub nlink: u32,
    /// Time of last change.
    pub mtime: Mtime,
}

impl Stat {
    /// `root:root`, one name, 1970.
    #[must_use]
    pub const fn root(permissions: u16) -> Self {
        Self {
            permissions,
            uid: 0,
            gid: 0,
            nlink: 1,
            mtime: Mtime {
                seconds: 0,
                nanoseconds: 0,
            },
        }
    }
}

/// What a node is.
///
/// The `size` of what has no content is only ever what a dump states; an image does not keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind<'a> {
    /// A directory.
    Directory {
        /// Its stated size.
        size: u64,
    },
    /// A regular file whose content is in the image; every empty file is one.
    Inline {
        /// The content.
        content: Cow<'a, [u8]>,
    },
    /// A regular file whose content is elsewhere.
    Backed {
        /// Bytes of content, more than 0.
        size: u64,
        /// Where the content is, below the directory of backing files. Without it the file has a size and no
        /// more.
        path: Option<Cow<'a, [u8]>>,
        /// fs-verity digest of the content, for Linux to check.
        digest: Option<FsVerityDigest>,
    },
    /// A symbolic link.
    Symlink {
        /// Where it leads.
        target: &'a [u8],
    },
    /// A character device. Number 0 is overlayfs's whiteout, and written in an escaped form.
    CharDevice {
        /// Device number.
        rdev: u32,
        /// Its stated size.
        size: u64,
    },
    /// A block device.
    BlockDevice {
        /// Device number.
        rdev: u32,
        /// Its stated size.
        size: u64,
    },
    /// A named pipe.
    Fifo {
        /// Its stated size.
        size: u64,
    },
    /// A socket.
    Socket {
        /// Its stated size.
        size: u64,
    },
}

impl Kind<'_> {
    /// A directory of unstated size.
    pub const DIRECTORY: Self = Self::Directory { size: 0 };

    /// A regular file without content.
    pub const EMPTY_FILE: Self = Self::Inline {
        content: Cow::Borrowed(&[]),
    };

    /// The file type as it stands in a mode.
    #[must_use]
    pub const fn type_bits(&self) -> u16 {
        match self {
            Self::Fifo { .. } => S_IFIFO,
            Self::CharDevice { .. } => S_IFCHR,
            Self::Directory { .. } => S_IFDIR,
            Self::BlockDevice { .. } => S_IFBLK,
            Self::Inline { .. } | Self::Backed { .. } => S_IFREG,
            Self::Symlink { .. } => S_IFLNK,
            Self::Socket { .. } => S_IFSOCK,
        }
    }

    /// The size: of the content, of the target, or as stated.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Inline { content } => content.len() as u64,
            Self::Symlink { target } => target.len() as u64,
            Self::Directory { size }
            | Self::Backed { size, .. }
            | Self::CharDevice { size, .. }
            | Self::BlockDevice { size, .. }
            | Self::Fifo { size }
            | Self::Socket { size } => *size,
        }
    }

    /// True for overlayfs's whiteout.
    #[must_use]
    pub const fn is_whiteout(&self) -> bool {
        matches!(self, Self::CharDevice { rdev: 0, .. })
    }
}

/// A node in memory: 24 bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inode {
    pub(super) size: u64,
    /// Number of what it has in common with others.
    pub(super) common: u32,
    /// The entry at which the inode has its place; none for the root.
    pub(super) entry: u32,
    /// First entry of a directory; place of the content, target or backing path in the texts.
    pub(super) data: u32,
    /// Number of entries of a directory; device number; digest, counted from 1.
    pub(super) extra: u32,
}

/// What many inodes have in common: files of a system have some hundred different ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Common {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) nlink: u32,
    /// List of attributes.
    pub(super) xattrs: u32,
    pub(super) permissions: u16,
    pub(super) kind: InodeKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum InodeKind {
    Directory,
    Inline,
    Backed,
    /// The backing path is that of an ostree file object, of which the text is the checksum.
    BackedByObject,
    Symlink,
    CharDevice,
    BlockDevice,
    Fifo,
    Socket,
}

impl InodeKind {
    pub(super) const fn type_bits(self) -> u16 {
        match self {
            Self::Fifo => S_IFIFO,
            Self::CharDevice => S_IFCHR,
            Self::Directory => S_IFDIR,
            Self::BlockDevice => S_IFBLK,
            Self::Inline | Self::Backed | Self::BackedByObject => S_IFREG,
            Self::Symlink => S_IFLNK,
            Self::Socket => S_IFSOCK,
        }
    }
}

impl Common {
    pub(super) const fn stat(&self, mtime: Mtime) -> Stat {
        Stat {
            permissions: self.permissions,
            uid: self.uid,
            gid: self.gid,
            nlink: self.nlink,
            mtime,
        }
    }
}
