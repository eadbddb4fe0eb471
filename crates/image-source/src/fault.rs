//! Sorts of failure, inside the errors.

use std::fmt;

/// What is wrong with an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArchiveFault {
    /// A header's checksum does not fit, or it is no tar at all.
    BadHeader {
        /// Offset of the header in bytes.
        offset: u64,
    },
    /// An entry reaches beyond the end of the file.
    Truncated {
        /// The entry.
        name: String,
    },
    /// Too many entries.
    TooManyEntries {
        /// The limit.
        limit: usize,
    },
    /// An extended header is too large.
    HeaderTooLarge {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Compressed by a method that is not read.
    Compression {
        /// Its name.
        name: &'static str,
    },
    /// Decompressing would fill the file system.
    NoSpace {
        /// Bytes available where temporary files are put.
        available: u64,
    },
}

impl fmt::Display for ArchiveFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadHeader { offset } => write!(f, "no tar header at byte {offset}"),
            Self::Truncated { name } => write!(f, "it is cut short inside {name:?}"),
            Self::TooManyEntries { limit } => write!(f, "it has more than {limit} entries"),
            Self::HeaderTooLarge { size, limit } => {
                write!(
                    f,
                    "an extended header has {size} bytes, at most {limit} are read"
                )
            }
            Self::Compression { name } => {
                write!(f, "it is compressed with {name}; unpack it first")
            }
            Self::NoSpace { available } => {
                write!(
                    f,
                    "decompressing it leaves only {available} bytes free for temporary files"
                )
            }
        }
    }
}

/// What sort of failure it is; decides whether it is worth another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// Connection refused or reset, unexpected end, timeout, 429, 5xx: may pass.
    Transient,
    /// No host has the registry's name: a matter of the network, and the same for as long as nobody changes something.
    Unreachable,
    /// Credentials are missing or wrong (401, 403, denied).
    Auth,
    /// No such image, tag, blob or file (404, manifest unknown).
    NotFound,
    /// The containers policy refused it, or there is none that could vouch for it.
    Policy,
    /// Content is missing, or does not fit its digest or size.
    Integrity,
    /// Anything else.
    Permanent,
}
