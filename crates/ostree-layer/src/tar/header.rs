//! One 512-byte header block.

use tar::Header;

use super::number;
use crate::Problem;

/// Bytes of a block.
pub(super) const BLOCK: usize = 512;

/// Which archiver's fields a header has, by its magic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// No magic: 7th edition Unix.
    V7,
    /// `ustar` and a NUL, or anything else that begins with `ustar`: POSIX, star.
    Ustar,
    /// `ustar` and two blanks: GNU, without a prefix field.
    Gnu,
}

/// A header whose checksum is right.
pub(super) struct Block(Header);

impl Block {
    /// The block's header; `None` for a block of zeros, which ends an archive.
    pub(super) fn parse(block: &[u8; BLOCK]) -> Result<Option<Self>, Problem> {
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let mut header = Header::new_old();
        header.as_mut_bytes().copy_from_slice(block);
        let block = Self(header);
        if !block.checksum_is_right() {
            return Err(Problem::Checksum);
        }
        Ok(Some(block))
    }

    /// The sum of all bytes with the checksum's own taken as blanks, unsigned as POSIX says or signed as some
    /// old archivers did it.
    fn checksum_is_right(&self) -> bool {
        let field = &self.0.as_old().cksum;
        // Nothing else may be in it, not even after its end.
        if !field
            .iter()
            .all(|byte| matches!(byte, 0 | b' ' | b'0'..=b'7'))
        {
            return false;
        }
        let Ok(expected) = number::field(field, "checksum") else {
            return false;
        };
        let mut bytes = *self.0.as_bytes();
        bytes[148..156].fill(b' ');
        let unsigned: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
        let signed: i64 = bytes.iter().map(|byte| i64::from(byte.cast_signed())).sum();
        expected == unsigned || u64::try_from(signed) == Ok(expected)
    }

    pub(super) fn flag(&self) -> u8 {
        self.0.as_old().linkflag[0]
    }

    pub(super) fn format(&self) -> Format {
        let bytes = self.0.as_bytes();
        if &bytes[257..265] == b"ustar  \0" {
            Format::Gnu
        } else if &bytes[257..262] == b"ustar" {
            Format::Ustar
        } else {
            Format::V7
        }
    }

    /// The name, with its prefix where the format has one.
    pub(super) fn name(&self) -> Vec<u8> {
        let name = until_nul(&self.0.as_old().name);
        let prefix = match self.format() {
            Format::Ustar => until_nul(&self.0.as_bytes()[345..500]),
            Format::V7 | Format::Gnu => &[],
        };
        match prefix {
            [] => name.to_vec(),
            [.., b'/'] => [prefix, name].concat(),
            _ => [prefix, b"/", name].concat(),
        }
    }

    pub(super) fn link(&self) -> Vec<u8> {
        until_nul(&self.0.as_old().linkname).to_vec()
    }

    pub(super) fn mode(&self) -> Result<u32, Problem> {
        let mode = number::field(&self.0.as_old().mode, "mode")?;
        // Old archivers store the file type too; only the permissions are wanted.
        u32::try_from(mode & 0o7777).map_err(|_| Problem::OutOfRange { field: "mode" })
    }

    pub(super) fn uid(&self) -> Result<u64, Problem> {
        number::field(&self.0.as_old().uid, "uid")
    }

    pub(super) fn gid(&self) -> Result<u64, Problem> {
        number::field(&self.0.as_old().gid, "gid")
    }

    pub(super) fn size(&self) -> Result<u64, Problem> {
        number::field(&self.0.as_old().size, "size")
    }

    /// Checked, though nothing here needs the time: garbage in it means garbage around it.
    pub(super) fn check_mtime(&self) -> Result<(), Problem> {
        number::signed(&self.0.as_old().mtime, "mtime").map(drop)
    }

    /// Whether the device numbers, read as zero when they cannot be read, are 0:0.
    pub(super) fn device_is_zero(&self) -> bool {
        let bytes = self.0.as_bytes();
        [&bytes[329..337], &bytes[337..345]]
            .iter()
            .all(|field| number::field(field, "device").unwrap_or_default() == 0)
    }

    /// Whether this may be the first header of an archive: its type is a letter or a digit, and in its numbers
    /// only padding follows the digits. libarchive looks this closely at the first header only.
    pub(super) fn may_be_first(&self) -> bool {
        let flag = self.flag();
        let old = self.0.as_old();
        let devices = &self.0.as_bytes()[329..345];
        let fields: [&[u8]; 7] = [
            &old.mode,
            &old.uid,
            &old.gid,
            &old.size,
            &old.mtime,
            &devices[..8],
            &devices[8..],
        ];
        (flag == 0 || flag.is_ascii_alphanumeric())
            && fields.iter().all(|field| number::is_padded(field))
    }

    /// GNU: the size of a sparse file with its holes, where the field is used.
    pub(super) fn real_size(&self) -> Result<Option<u64>, Problem> {
        let field = &self.0.as_bytes()[483..495];
        if field[0] == 0 {
            return Ok(None);
        }
        number::field(field, "real size").map(Some)
    }

    /// GNU: the four extents of a sparse file that are in the header, and whether more follow.
    pub(super) fn sparse(&self) -> (&[u8], bool) {
        let bytes = self.0.as_bytes();
        (&bytes[386..482], bytes[482] != 0)
    }
}

fn until_nul(field: &[u8]) -> &[u8] {
    let length = field
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(field.len());
    &field[..length]
}
