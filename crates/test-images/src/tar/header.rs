//! One 512-byte tar header, any field settable to any bytes.

use super::BLOCK;

/// The type flag of a header (POSIX ustar, and the GNU and PAX extensions).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// `0`: a regular file.
    File,
    /// `1`: a hardlink to an entry of the same archive.
    Hardlink,
    /// `2`: a symbolic link.
    Symlink,
    /// `3`: a character device.
    Char,
    /// `4`: a block device.
    Block,
    /// `5`: a directory.
    Dir,
    /// `6`: a named pipe.
    Fifo,
    /// `x`: PAX records for the next entry.
    Pax,
    /// `g`: PAX records for all entries that follow.
    PaxGlobal,
    /// `L`: the next entry's long name, as GNU tar writes it.
    GnuLongName,
    /// `K`: the next entry's long link target, as GNU tar writes it.
    GnuLongLink,
    /// `S`: a sparse file in GNU tar's old format.
    GnuSparse,
    /// Any other flag byte.
    Other(u8),
}

impl Kind {
    /// The byte that stands in the header.
    #[must_use]
    pub fn flag(self) -> u8 {
        match self {
            Self::File => b'0',
            Self::Hardlink => b'1',
            Self::Symlink => b'2',
            Self::Char => b'3',
            Self::Block => b'4',
            Self::Dir => b'5',
            Self::Fifo => b'6',
            Self::Pax => b'x',
            Self::PaxGlobal => b'g',
            Self::GnuLongName => b'L',
            Self::GnuLongLink => b'K',
            Self::GnuSparse => b'S',
            Self::Other(flag) => flag,
        }
    }
}

/// A header under construction. The checksum is computed by [`Header::to_bytes`], unless
/// [`Header::checksum`] set it.
///
/// Numbers that do not fit their octal field are written base-256, as GNU tar does; no method
/// judges what it is given.
#[derive(Clone, Debug)]
pub struct Header {
    bytes: [u8; BLOCK],
    checksum: Option<Vec<u8>>,
}

impl Header {
    /// A ustar header of this kind: mode 0644 (directories 0755), owner 0:0, size 0, mtime 0. A
    /// name over 100 bytes is cut: give it by [`RawTar::gnu_long_name`](super::RawTar) or PAX.
    #[must_use]
    pub fn new(kind: Kind, name: impl AsRef<[u8]>) -> Self {
        let mut header = Self {
            bytes: [0; BLOCK],
            checksum: None,
        };
        header.bytes[156] = kind.flag();
        header.bytes[257..265].copy_from_slice(b"ustar\x0000");
        let mode = if kind == Kind::Dir { 0o755 } else { 0o644 };
        header.name(name).mode(mode).owner(0, 0).size(0).mtime(0)
    }

    /// Sets the name field, cut to its 100 bytes.
    #[must_use]
    pub fn name(self, name: impl AsRef<[u8]>) -> Self {
        self.text(0, 100, name.as_ref())
    }

    /// Sets the ustar prefix field (155 bytes), which readers put before the name with a `/`.
    #[must_use]
    pub fn prefix(self, prefix: impl AsRef<[u8]>) -> Self {
        self.text(345, 155, prefix.as_ref())
    }

    /// Sets the link target field, cut to its 100 bytes.
    #[must_use]
    pub fn link(self, target: impl AsRef<[u8]>) -> Self {
        self.text(157, 100, target.as_ref())
    }

    /// Sets the mode field.
    #[must_use]
    pub fn mode(self, mode: u32) -> Self {
        self.number(100, 8, u64::from(mode))
    }

    /// Sets user and group id.
    #[must_use]
    pub fn owner(self, uid: u64, gid: u64) -> Self {
        self.number(108, 8, uid).number(116, 8, gid)
    }

    /// Sets the size field: what the header claims, whatever body follows.
    #[must_use]
    pub fn size(self, size: u64) -> Self {
        self.number(124, 12, size)
    }

    /// Sets the modification time, in seconds since 1970.
    #[must_use]
    pub fn mtime(self, seconds: u64) -> Self {
        self.number(136, 12, seconds)
    }

    /// Sets the device numbers.
    #[must_use]
    pub fn device(self, major: u32, minor: u32) -> Self {
        self.number(329, 8, u64::from(major))
            .number(337, 8, u64::from(minor))
    }

    /// Marks the header as GNU tar's (`ustar  `), which gives the bytes from 345 on their GNU
    /// meaning (sparse maps among them).
    #[must_use]
    pub fn gnu_magic(self) -> Self {
        self.bytes_at(257, b"ustar  \0")
    }

    /// Writes any bytes at any offset (clipped to the block).
    #[must_use]
    pub fn bytes_at(mut self, offset: usize, bytes: &[u8]) -> Self {
        for (place, byte) in self.bytes.iter_mut().skip(offset).zip(bytes) {
            *place = *byte;
        }
        self
    }

    /// Sets the checksum field verbatim (8 bytes), in place of the right one.
    #[must_use]
    pub fn checksum(mut self, field: &[u8]) -> Self {
        self.checksum = Some(field.to_vec());
        self
    }

    /// The finished block.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; BLOCK] {
        let mut bytes = self.bytes;
        let field = self.checksum.clone().unwrap_or_else(|| {
            bytes[148..156].fill(b' ');
            let sum: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
            format!("{sum:06o}\0 ").into_bytes()
        });
        bytes[148..156].fill(0);
        for (place, byte) in bytes[148..156].iter_mut().zip(field) {
            *place = byte;
        }
        bytes
    }

    fn text(mut self, offset: usize, width: usize, text: &[u8]) -> Self {
        let field = &mut self.bytes[offset..offset + width];
        field.fill(0);
        for (place, byte) in field.iter_mut().zip(text) {
            *place = *byte;
        }
        self
    }

    pub(crate) fn number(self, offset: usize, width: usize, value: u64) -> Self {
        self.text(offset, width, &number_field(width, value))
    }
}

/// A number as it stands in a field: octal digits, or base-256 when they do not suffice (the first
/// bit says so; the rest is the number, big end first).
pub(super) fn number_field(width: usize, value: u64) -> Vec<u8> {
    let digits = width - 1;
    let octal = format!("{value:0digits$o}");
    if octal.len() <= digits {
        return octal.into_bytes();
    }
    let mut field = vec![0; width];
    for (place, byte) in field.iter_mut().rev().zip(value.to_be_bytes().iter().rev()) {
        *place = *byte;
    }
    field[0] |= 0x80;
    field
}
