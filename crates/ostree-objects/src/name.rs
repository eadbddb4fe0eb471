//! Kinds of objects, kinds of repositories, and where an object lies.

use std::fmt;
use std::str::FromStr;

use crate::{Checksum, Error};

/// How a repository stores file objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RepoMode {
    /// As themselves, owner, mode and extended attributes included; written as root. The mode of hosts.
    Bare,
    /// Content as itself, owner, mode and attributes in `user.ostreemeta`; written by anyone.
    BareUser,
    /// Compressed, with a header in front; the mode of servers.
    Archive,
}

impl RepoMode {
    /// The text in a repo's `config`, as `ostree init` writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::BareUser => "bare-user",
            Self::Archive => "archive-z2",
        }
    }
}

impl fmt::Display for RepoMode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

impl FromStr for RepoMode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "bare" => Ok(Self::Bare),
            "bare-user" => Ok(Self::BareUser),
            "archive" | "archive-z2" => Ok(Self::Archive),
            _ => Err(Error::Unknown {
                what: "repo mode",
                text: text.to_owned(),
            }),
        }
    }
}

/// The kinds of objects that are read or written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectType {
    /// A regular file or a symbolic link.
    File,
    /// The entries of a directory.
    DirTree,
    /// Owner, mode and attributes of a directory.
    DirMeta,
    /// A commit.
    Commit,
    /// Detached metadata of a commit: named by the commit, not by its own bytes.
    CommitMeta,
}

impl ObjectType {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::File,
        Self::DirTree,
        Self::DirMeta,
        Self::Commit,
        Self::CommitMeta,
    ];

    /// The word ostree uses for it, which is also the file name's extension (in an archive repo
    /// file objects end in `filez` instead).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::DirTree => "dirtree",
            Self::DirMeta => "dirmeta",
            Self::Commit => "commit",
            Self::CommitMeta => "commitmeta",
        }
    }

    /// Extension of the loose file in a repo of that mode.
    #[must_use]
    pub const fn extension(self, mode: RepoMode) -> &'static str {
        match (self, mode) {
            (Self::File, RepoMode::Archive) => "filez",
            _ => self.as_str(),
        }
    }

    /// The kind that an extension stands for in a repo of that mode.
    #[must_use]
    pub fn from_extension(extension: &str, mode: RepoMode) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.extension(mode) == extension)
    }
}

impl fmt::Display for ObjectType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

impl FromStr for ObjectType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| Error::Unknown {
                what: "object type",
                text: text.to_owned(),
            })
    }
}

/// Checksum and kind: what one object is called, `<checksum>.<type>` as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName {
    /// SHA-256 of the object (of the commit, for detached metadata).
    pub checksum: Checksum,
    /// The kind.
    pub object_type: ObjectType,
}

impl ObjectName {
    /// A name from its parts.
    #[must_use]
    pub const fn new(checksum: Checksum, object_type: ObjectType) -> Self {
        Self {
            checksum,
            object_type,
        }
    }

    /// Name of a file object.
    #[must_use]
    pub const fn file(checksum: Checksum) -> Self {
        Self::new(checksum, ObjectType::File)
    }

    /// Name of a dirtree.
    #[must_use]
    pub const fn dirtree(checksum: Checksum) -> Self {
        Self::new(checksum, ObjectType::DirTree)
    }

    /// Name of a dirmeta.
    #[must_use]
    pub const fn dirmeta(checksum: Checksum) -> Self {
        Self::new(checksum, ObjectType::DirMeta)
    }

    /// Name of a commit.
    #[must_use]
    pub const fn commit(checksum: Checksum) -> Self {
        Self::new(checksum, ObjectType::Commit)
    }

    /// Where the object lies below `objects/`: `ab/cdef….file`.
    #[must_use]
    pub fn loose_path(&self, mode: RepoMode) -> String {
        let extension = self.object_type.extension(mode);
        self.checksum.with_hex(|hex| {
            let (first, rest) = hex.split_at(2);
            let mut path = String::with_capacity(hex.len() + 2 + extension.len());
            path.push_str(first);
            path.push('/');
            path.push_str(rest);
            path.push('.');
            path.push_str(extension);
            path
        })
    }

    /// The reverse of [`Self::loose_path`]; `None` for any other path.
    #[must_use]
    pub fn from_loose_path(path: &str, mode: RepoMode) -> Option<Self> {
        let (first, rest) = path.split_once('/')?;
        let (rest, extension) = rest.split_once('.')?;
        if first.len() != 2 {
            return None;
        }
        let object_type = ObjectType::from_extension(extension, mode)?;
        let checksum = format!("{first}{rest}").parse().ok()?;
        Some(Self {
            checksum,
            object_type,
        })
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.checksum, self.object_type)
    }
}

impl FromStr for ObjectName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (checksum, object_type) = text.split_once('.').ok_or_else(|| Error::Unknown {
            what: "object name",
            text: text.to_owned(),
        })?;
        Ok(Self {
            checksum: checksum.parse()?,
            object_type: object_type.parse()?,
        })
    }
}
