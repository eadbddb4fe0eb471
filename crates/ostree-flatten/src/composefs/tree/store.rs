//! Names and texts of a tree, each in one piece of memory.

use super::super::{Error, xattrs::index};

/// An entry of a directory: 12 bytes, and its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) parent: u32,
    pub(super) name: u32,
    /// The inode in the lower bits; the upper two say what it is to this entry.
    target: u32,
}

const LINK: u32 = 1 << 31;
/// A link whose target is not known yet: the number is that of the waiting link.
const WAITING: u32 = 1 << 30;

/// Most inodes, and most links that wait.
pub(super) const MOST_INODES: u32 = WAITING - 1024;

impl Entry {
    pub(super) const fn own(parent: u32, name: u32, inode: u32) -> Self {
        Self {
            parent,
            name,
            target: inode,
        }
    }

    pub(super) const fn link(parent: u32, name: u32, inode: u32) -> Self {
        Self {
            parent,
            name,
            target: inode | LINK,
        }
    }

    pub(super) const fn waiting(parent: u32, name: u32, number: u32) -> Self {
        Self {
            parent,
            name,
            target: number | LINK | WAITING,
        }
    }

    pub(super) const fn inode(self) -> u32 {
        self.target & !(LINK | WAITING)
    }

    pub(super) const fn is_link(self) -> bool {
        self.target & LINK != 0
    }

    /// Number of the link that waits for its target.
    pub(super) const fn waits(self) -> Option<u32> {
        if self.target & WAITING == 0 {
            None
        } else {
            Some(self.inode())
        }
    }
}

/// Names of entries, each after its length.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(Vec<u8>);

impl Names {
    /// `name` has at most 255 bytes.
    pub(super) fn add(&mut self, name: &[u8]) -> Result<u32, Error> {
        let at = index("bytes of names", self.0.len())?;
        let length = u8::try_from(name.len()).map_err(|_| Error::name(name, TOO_LONG))?;
        self.0.push(length);
        self.0.extend_from_slice(name);
        Ok(at)
    }

    pub(super) fn get(&self, at: u32) -> &[u8] {
        let at = at as usize;
        let length = usize::from(self.0[at]);
        &self.0[at + 1..at + 1 + length]
    }

    /// How many names were added before that one.
    pub(super) fn before(&self, at: u32) -> usize {
        let mut place = 0;
        let mut count = 0;
        while place < at as usize {
            place += 1 + usize::from(self.0[place]);
            count += 1;
        }
        count
    }

    pub(super) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }
}

pub(super) const TOO_LONG: &str = "has over 255 bytes";

/// Contents, targets and backing paths, each after its length, and checksums.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts(Vec<u8>);

impl Texts {
    /// `text` has at most 65535 bytes: every caller checks a lower limit.
    pub(super) fn add(&mut self, text: &[u8]) -> Result<u32, Error> {
        let length = u16::try_from(text.len()).map_err(|_| Error::TooMany {
            what: "bytes of content, target or path",
            limit: u16::MAX.into(),
        })?;
        let at = index("bytes of content", self.0.len())?;
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0.extend_from_slice(text);
        Ok(at)
    }

    /// A text that needs no length.
    pub(super) fn add_checksum(&mut self, checksum: &[u8; 32]) -> Result<u32, Error> {
        let at = index("bytes of content", self.0.len())?;
        self.0.extend_from_slice(checksum);
        Ok(at)
    }

    pub(super) fn checksum(&self, at: u32) -> &[u8] {
        &self.0[at as usize..at as usize + 32]
    }

    pub(super) fn get(&self, at: u32) -> &[u8] {
        let at = at as usize;
        let length = usize::from(u16::from_le_bytes([self.0[at], self.0[at + 1]]));
        &self.0[at + 2..at + 2 + length]
    }

    pub(super) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }
}

const OBJECT_EXTENSION: &[u8] = b".file";

/// The checksum in a path of the form `ab/cdef….file`, where an ostree repository of the mode bare has its file
/// objects: half as many bytes to keep.
pub(super) fn object_checksum(path: &[u8]) -> Option<[u8; 32]> {
    let path = path.strip_suffix(OBJECT_EXTENSION)?;
    if path.len() != 65 || path[2] != b'/' || path.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut checksum = [0; 32];
    hex::decode_to_slice(&path[..2], &mut checksum[..1]).ok()?;
    hex::decode_to_slice(&path[3..], &mut checksum[1..]).ok()?;
    Some(checksum)
}

/// The path from whose checksum this is.
pub(super) fn object_path(checksum: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut path = Vec::with_capacity(72);
    for (number, byte) in checksum.iter().enumerate() {
        if number == 1 {
            path.push(b'/');
        }
        path.push(DIGITS[usize::from(byte >> 4)]);
        path.push(DIGITS[usize::from(byte & 15)]);
    }
    path.extend_from_slice(OBJECT_EXTENSION);
    path
}
