//! The header of a file object, in its three serialised forms.

use crate::variant::{Tuple, close_tuple, push_text, text};
use crate::{DirMeta, Error, Xattrs, mode};

/// Bytes in front of a serialised header: its length (big endian) and four zeros.
pub const HEADER_PREFIX_BYTES: usize = 8;

/// Largest header that is read, in bytes. A path has at most 4 KiB and Linux stores at most 64 KiB
/// of one attribute.
pub const MAX_HEADER_BYTES: usize = 16 * 1024 * 1024;

/// Owner, mode, target and attributes of a regular file or symbolic link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileHeader {
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Mode, the file type included: `S_IFREG` or `S_IFLNK`.
    pub mode: u32,
    /// Target of a symbolic link, verbatim; `None` for a regular file.
    pub symlink_target: Option<String>,
    /// Extended attributes.
    pub xattrs: Xattrs,
}

/// Length of the serialised header that follows this prefix.
///
/// # Errors
///
/// A length of zero or over [`MAX_HEADER_BYTES`].
pub fn header_length(prefix: [u8; HEADER_PREFIX_BYTES]) -> Result<usize, Error> {
    let [a, b, c, d, ..] = prefix;
    let length = u32::from_be_bytes([a, b, c, d]);
    match usize::try_from(length) {
        Ok(0) => Err(Error::Cut {
            what: "file header",
            needed: 1,
            available: 0,
        }),
        Ok(length) if length <= MAX_HEADER_BYTES => Ok(length),
        _ => Err(Error::TooLong {
            what: "file header",
            length: u64::from(length),
            limit: MAX_HEADER_BYTES as u64,
        }),
    }
}

impl FileHeader {
    /// Header of a regular file; `permissions` without file type.
    #[must_use]
    pub fn regular(uid: u32, gid: u32, permissions: u32, xattrs: Xattrs) -> Self {
        let mode = mode::S_IFREG | (permissions & 0o7777);
        Self {
            uid,
            gid,
            mode,
            symlink_target: None,
            xattrs,
        }
    }

    /// Header of a symbolic link, with the mode that Linux gives every one: 0777.
    #[must_use]
    pub fn symlink(uid: u32, gid: u32, target: String, xattrs: Xattrs) -> Self {
        Self {
            uid,
            gid,
            mode: mode::S_IFLNK | 0o777,
            symlink_target: Some(target),
            xattrs,
        }
    }

    /// True for a symbolic link.
    #[must_use]
    pub const fn is_symlink(&self) -> bool {
        self.mode & mode::S_IFMT == mode::S_IFLNK
    }

    /// Checks what the serialised form takes for granted.
    ///
    /// # Errors
    ///
    /// A mode of another file type or with unknown bits, a target on a regular file, a link
    /// without one, a NUL in it.
    pub fn check(&self) -> Result<(), Error> {
        mode::check_file(self.mode)?;
        match &self.symlink_target {
            Some(target) if target.contains('\0') => Err(Error::Nul {
                what: "symlink target",
            }),
            // An empty target is a link that no kernel makes.
            Some(target) if target.is_empty() => Err(Error::SymlinkTarget),
            target if target.is_some() != self.is_symlink() => Err(Error::SymlinkTarget),
            _ => Ok(()),
        }
    }

    /// The framed `(uuuusa(ayay))` in front of the content in the stream that is checksummed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        framed(|out| {
            let start = out.len();
            self.write_rest(out, start);
        })
    }

    /// The framed `(tuuuusa(ayay))` at the start of a `.filez`; `size` is that of the content.
    #[must_use]
    pub fn archive_header(&self, size: u64) -> Vec<u8> {
        framed(|out| {
            let start = out.len();
            out.extend_from_slice(&size.to_be_bytes());
            self.write_rest(out, start);
        })
    }

    /// The `(uuua(ayay))` in the attribute `user.ostreemeta` of a bare-user repo.
    #[must_use]
    pub fn to_ostreemeta(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16);
        for number in [self.uid, self.gid, self.mode] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        self.xattrs.write(&mut out);
        out
    }

    fn write_rest(&self, out: &mut Vec<u8>, start: usize) {
        let device = 0;
        for number in [self.uid, self.gid, self.mode, device] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        push_text(out, self.symlink_target.as_deref().unwrap_or_default());
        let target_end = out.len() - start;
        self.xattrs.write(out);
        close_tuple(out, start, &[target_end]);
    }

    /// Reads a framed `(uuuusa(ayay))`; gives the header and how many bytes it took.
    ///
    /// # Errors
    ///
    /// Bytes that are cut or not the normal form, values that [`Self::check`] refuses.
    pub fn parse(bytes: &[u8]) -> Result<(Self, usize), Error> {
        let variant = unframed(bytes)?;
        let header = Self::read_rest(Tuple::new("file header", variant, 1)?)?;
        Ok((header, HEADER_PREFIX_BYTES + variant.len()))
    }

    /// Reads the framed `(tuuuusa(ayay))` of a `.filez`; gives the header, the size of the content
    /// and how many bytes the header took.
    ///
    /// # Errors
    ///
    /// As [`Self::parse`].
    pub fn parse_archive(bytes: &[u8]) -> Result<(Self, u64, usize), Error> {
        let variant = unframed(bytes)?;
        let mut members = Tuple::new("archive file header", variant, 1)?;
        let size = u64::from_be_bytes(members.fixed()?);
        let header = Self::read_rest(members)?;
        Ok((header, size, HEADER_PREFIX_BYTES + variant.len()))
    }

    /// Reads a `user.ostreemeta`. It has no symlink target: for a symbolic link that is the
    /// content of the object's file, and `symlink_target` is left `None` for the caller to fill.
    ///
    /// # Errors
    ///
    /// Bytes that are not the normal form; a mode of neither a regular file nor a link.
    pub fn parse_ostreemeta(bytes: &[u8]) -> Result<Self, Error> {
        let DirMeta {
            uid,
            gid,
            mode,
            xattrs,
        } = DirMeta::read("user.ostreemeta", bytes)?;
        mode::check_file(mode)?;
        Ok(Self {
            uid,
            gid,
            mode,
            symlink_target: None,
            xattrs,
        })
    }

    fn read_rest(mut members: Tuple<'_>) -> Result<Self, Error> {
        let uid = u32::from_be_bytes(members.fixed()?);
        let gid = u32::from_be_bytes(members.fixed()?);
        let mode = u32::from_be_bytes(members.fixed()?);
        let rdev = u32::from_be_bytes(members.fixed()?);
        if rdev != 0 {
            return Err(Error::DeviceNumber { rdev });
        }
        let target = text("symlink target", members.variable(1)?)?;
        let xattrs = Xattrs::parse(members.last(1)?)?;
        let symlink_target = (!target.is_empty()).then(|| target.to_owned());
        let header = Self {
            uid,
            gid,
            mode,
            symlink_target,
            xattrs,
        };
        header.check()?;
        Ok(header)
    }
}

fn framed(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    out.resize(HEADER_PREFIX_BYTES, 0);
    write(&mut out);
    // Headers over 4 GiB would need attributes that no file system stores.
    let length = u32::try_from(out.len() - HEADER_PREFIX_BYTES).unwrap_or(u32::MAX);
    out[..4].copy_from_slice(&length.to_be_bytes());
    out
}

fn unframed(bytes: &[u8]) -> Result<&[u8], Error> {
    const WHAT: &str = "file header";
    let cut = |needed: usize| Error::Cut {
        what: WHAT,
        needed: needed as u64,
        available: bytes.len() as u64,
    };
    let (prefix, rest) = bytes
        .split_first_chunk::<HEADER_PREFIX_BYTES>()
        .ok_or_else(|| cut(HEADER_PREFIX_BYTES))?;
    let length = header_length(*prefix)?;
    if prefix[4..] != [0; 4] {
        return Err(Error::Variant {
            what: WHAT,
            problem: "padding is not zero",
            offset: 4,
        });
    }
    rest.get(..length)
        .ok_or_else(|| cut(HEADER_PREFIX_BYTES + length))
}
