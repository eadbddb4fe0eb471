//! What a tree, a dump or an image can be refused for.

use std::io;

use super::limits::{MAX_FILE_BYTES, MAX_INLINE_BYTES, MAX_PATH_BYTES, MAX_XATTR_BYTES};

/// Why a composefs tree, dump or image was refused, or could not be written.
///
/// An enum apart from [`crate::Error`]: a merge and an image have no failure in common.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A line of a dump is at fault.
    #[error("line {line} of the dump")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: Box<Self>,
    },

    /// A field of a dump's line is not what it should be.
    #[error("the field {field} is {problem}: {text:?}")]
    Field {
        /// Name of the field, as the format's manual page has it.
        field: &'static str,
        /// What is wrong.
        problem: &'static str,
        /// The field's text, or its beginning.
        text: String,
    },

    /// A dump does not begin with a directory `/`.
    #[error("there is no root: a dump begins with a line for the directory /")]
    NoRoot,

    /// A name that a directory cannot have.
    #[error("the name {name:?} {problem}")]
    Name {
        /// The name, or its beginning.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },

    /// Something lies below what is no directory, or is not there.
    #[error("{path:?} lies in no directory that came before it")]
    Parent {
        /// The path.
        path: String,
    },

    /// Two entries have one name.
    #[error("{path:?} is there twice")]
    Twice {
        /// The path.
        path: String,
    },

    /// A mode with an unknown file type, or unknown bits.
    #[error("the mode {mode:o} is none of a file")]
    Mode {
        /// The mode.
        mode: u32,
    },

    /// The target of a symbolic link is empty, too long or holds a NUL.
    #[error(
        "the target of a symbolic link has {length} bytes; 1 to {MAX_PATH_BYTES} are possible, none of them NUL"
    )]
    Target {
        /// Its length.
        length: usize,
    },

    /// A backing path is too long or holds a NUL.
    #[error(
        "the backing path has {length} bytes; at most {MAX_PATH_BYTES} are possible, none of them NUL"
    )]
    BackingPath {
        /// Its length.
        length: usize,
    },

    /// Content is too big to be in the image.
    #[error("{size} bytes of content are too many to be in the image (at most {MAX_INLINE_BYTES})")]
    InlineTooBig {
        /// Its length.
        size: u64,
    },

    /// A file is too big.
    #[error("a file of {size} bytes is too big for an image (at most {MAX_FILE_BYTES})")]
    FileTooBig {
        /// Its size.
        size: u64,
    },

    /// An extended attribute that an image cannot hold.
    #[error("the extended attribute {name:?} {problem}")]
    Xattr {
        /// Name of the attribute, or its beginning.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },

    /// The extended attributes of one inode are too many bytes.
    #[error(
        "with {name:?}, the extended attributes have {bytes} bytes (at most {MAX_XATTR_BYTES})"
    )]
    XattrsTooBig {
        /// The attribute that was too much.
        name: String,
        /// How many bytes there would be.
        bytes: usize,
    },

    /// A hard link whose target cannot be one.
    #[error("the hard link's target {target:?} {problem}")]
    HardLink {
        /// The target, or its beginning.
        target: String,
        /// What is wrong with it.
        problem: &'static str,
    },

    /// Text that is no fs-verity digest.
    #[error("no fs-verity digest (64 hexadecimal digits): {text:?}")]
    Digest {
        /// The text, or its beginning.
        text: String,
    },

    /// More than the format, or this implementation, can count.
    #[error("too many {what} (at most {limit})")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there can be.
        limit: u64,
    },

    /// More paths than the caller wanted to have in memory.
    #[error("too many paths (at most {limit} are wanted)")]
    TooManyPaths {
        /// How many there may be.
        limit: u64,
    },

    /// An image or dump could not be read or written.
    #[error("{action} failed")]
    Io {
        /// What was done.
        action: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// Bytes that are no image, or a damaged one.
    #[error("not a composefs image: at byte {offset}, {problem}")]
    Malformed {
        /// Where.
        offset: u64,
        /// What is wrong there.
        problem: &'static str,
    },

    /// An object of a commit could not be read.
    #[error("reading the object of /{path}")]
    Object {
        /// Path in the commit's tree, without a leading slash; empty for the root.
        path: String,
        /// What its source said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// A path of a commit cannot be in an image.
    #[error("/{path} cannot be in the image")]
    Path {
        /// Path in the commit's tree, without a leading slash.
        path: String,
        /// What is wrong with it.
        #[source]
        source: Box<Self>,
    },
}

impl Error {
    pub(super) fn at_line(self, line: usize) -> Self {
        Self::Line {
            line,
            source: Box::new(self),
        }
    }

    pub(super) fn name(name: &[u8], problem: &'static str) -> Self {
        Self::Name {
            name: shown(name),
            problem,
        }
    }

    pub(super) fn xattr(name: &[u8], problem: &'static str) -> Self {
        Self::Xattr {
            name: shown(name),
            problem,
        }
    }

    pub(super) fn hard_link(target: &[u8], problem: &'static str) -> Self {
        Self::HardLink {
            target: shown(target),
            problem,
        }
    }

    pub(super) fn malformed(offset: u64, problem: &'static str) -> Self {
        Self::Malformed { offset, problem }
    }
}

/// Bytes of an input as text for a message, cut where it gets long.
pub(super) fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 200;
    let mut text = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST)]).into_owned();
    if bytes.len() > MOST {
        text.push('…');
    }
    text
}
