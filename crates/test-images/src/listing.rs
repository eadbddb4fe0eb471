//! [`Listing`]: the content of a layer as text.

mod parse;
mod words;

use std::str::FromStr;

use crate::{
    Content, Error,
    tar::{Dialect, TarWriter},
};

/// The entries of a layer, in their order in the tar.
///
/// One entry a line; the [crate's front page](crate) has the syntax.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The entries, in order.
    pub entries: Vec<Entry>,
}

/// One entry: a path, what it is, and its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Path as it will stand in the tar, byte for byte.
    pub path: Vec<u8>,
    /// What the entry is.
    pub node: Node,
    /// Permission bits with setuid, setgid and sticky; no file type.
    pub mode: u32,
    /// User id.
    pub uid: u64,
    /// Group id.
    pub gid: u64,
    /// Modification time, in seconds since 1970.
    pub mtime: u64,
    /// Extended attributes, in the order given.
    pub xattrs: Vec<(String, Vec<u8>)>,
}

/// What an [`Entry`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A directory.
    Dir,
    /// A regular file.
    File(Content),
    /// A symbolic link with this target.
    Symlink(Vec<u8>),
    /// A hardlink to the entry of this path.
    Hardlink(Vec<u8>),
    /// A character device.
    Char {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    Block {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
}

impl Entry {
    /// An entry with the default mode of its kind (0755, 0777 for symlinks, 0644 for the rest),
    /// owner 0:0, mtime 0, no xattrs.
    #[must_use]
    pub fn new(path: impl Into<Vec<u8>>, node: Node) -> Self {
        let mode = match node {
            Node::Dir => 0o755,
            Node::Symlink(_) => 0o777,
            _ => 0o644,
        };
        Self {
            path: path.into(),
            node,
            mode,
            uid: 0,
            gid: 0,
            mtime: 0,
            xattrs: Vec::new(),
        }
    }

    /// The marker that deletes `path` of the layers below: an empty file `.wh.NAME` beside it.
    #[must_use]
    pub fn whiteout(path: &[u8]) -> Self {
        let cut = path
            .iter()
            .rposition(|byte| *byte == b'/')
            .map_or(0, |at| at + 1);
        let (parent, name) = path.split_at(cut);
        Self::new([parent, b".wh.", name].concat(), Node::File("".into()))
    }

    /// The marker that hides what the layers below have in the directory `path` (empty: the root).
    #[must_use]
    pub fn opaque(path: &[u8]) -> Self {
        let mut marker = path.to_vec();
        if !marker.is_empty() {
            marker.push(b'/');
        }
        marker.extend_from_slice(b".wh..wh..opq");
        Self::new(marker, Node::File("".into()))
    }
}

impl Listing {
    /// Reads a listing.
    ///
    /// # Errors
    ///
    /// [`Error::Listing`], naming the line and what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        parse::listing(text)
    }

    /// The listing as a tar archive, two zero blocks at its end. The same listing gives the same
    /// bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Dialect`] for what the dialect cannot hold.
    pub fn to_tar(&self, dialect: Dialect) -> Result<Vec<u8>, Error> {
        let mut writer = TarWriter::new(Vec::new(), dialect);
        for entry in &self.entries {
            writer.entry(entry)?;
        }
        writer.finish()
    }

    /// The same listing with these lines after it.
    ///
    /// # Errors
    ///
    /// [`Error::Listing`] as [`Listing::parse`].
    pub fn and(mut self, text: &str) -> Result<Self, Error> {
        self.entries.extend(Self::parse(text)?.entries);
        Ok(self)
    }
}

impl FromStr for Listing {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}
