//! Metadata of directories: `(uuua(ayay))`, numbers big endian.

use crate::variant::Tuple;
use crate::{Checksum, Error, Xattrs, mode};

/// Owner, mode and attributes of a directory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DirMeta {
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Mode, `S_IFDIR` included.
    pub mode: u32,
    /// Extended attributes.
    pub xattrs: Xattrs,
}

impl DirMeta {
    /// `root:root`, 0755, no attributes: what ostree gives directories that nobody described.
    #[must_use]
    pub const fn root_default() -> Self {
        Self {
            uid: 0,
            gid: 0,
            mode: mode::S_IFDIR | 0o755,
            xattrs: Xattrs::new(),
        }
    }

    /// Checks what the serialised form takes for granted.
    ///
    /// # Errors
    ///
    /// A mode that is not a directory's.
    pub fn check(&self) -> Result<(), Error> {
        mode::check_directory(self.mode)
    }

    /// The object's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16);
        for number in [self.uid, self.gid, self.mode] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        self.xattrs.write(&mut out);
        out
    }

    /// SHA-256 of [`Self::to_bytes`].
    #[must_use]
    pub fn checksum(&self) -> Checksum {
        Checksum::of(&self.to_bytes())
    }

    /// Reads a dirmeta object.
    ///
    /// # Errors
    ///
    /// Bytes that are not the normal form; a mode that is not a directory's.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let meta = Self::read("dirmeta", bytes)?;
        meta.check()?;
        Ok(meta)
    }

    pub(crate) fn read(what: &'static str, bytes: &[u8]) -> Result<Self, Error> {
        let mut members = Tuple::new(what, bytes, 0)?;
        Ok(Self {
            uid: u32::from_be_bytes(members.fixed()?),
            gid: u32::from_be_bytes(members.fixed()?),
            mode: u32::from_be_bytes(members.fixed()?),
            xattrs: Xattrs::parse(members.last(1)?)?,
        })
    }
}
