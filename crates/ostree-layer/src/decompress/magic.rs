//! Which format bytes are in, by their first ones.

use oci_manifest::Compression;

use crate::{Encoding, Error};

/// How many bytes are looked at: a tar header's magic ends at byte 263.
pub(super) const BYTES: usize = 263;

/// What the first bytes look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Magic {
    Gzip,
    Zstd,
    Xz,
    Bzip2,
    Tar,
    Unknown,
}

impl Magic {
    pub(super) fn of(head: &[u8]) -> Self {
        match head {
            _ if head.get(257..262) == Some(b"ustar") => Self::Tar,
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Bzip2,
            _ => Self::Unknown,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
            Self::Tar => "an uncompressed tar",
            Self::Unknown => "in no format that is known here",
        }
    }
}

/// How to decompress what looks like `magic` and is declared as `declared`.
pub(super) fn check(
    declared: Compression,
    encoding: Encoding,
    magic: Magic,
) -> Result<Compression, Error> {
    let found = match magic {
        Magic::Gzip => Some(Compression::Gzip),
        Magic::Zstd => Some(Compression::Zstd),
        // An old tar has no magic, and may begin with a file called `BZh1`: the archive reader decides.
        Magic::Tar | Magic::Unknown | Magic::Bzip2 => Some(Compression::None),
        Magic::Xz => None,
    };
    match (encoding, found) {
        (Encoding::Sniff, Some(found)) => Ok(found),
        (Encoding::Declared, Some(found)) if found == declared => Ok(found),
        _ => Err(Error::Encoding {
            declared: name(declared),
            found: magic.name(),
        }),
    }
}

fn name(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "uncompressed tar",
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
    }
}
