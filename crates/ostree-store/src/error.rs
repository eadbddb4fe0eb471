//! What can go wrong with a repository.

use std::io;

use ostree_objects::{Checksum, ObjectName};

/// Why a repository could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The object is not there.
    #[error("object {name} is not in the repository")]
    Missing {
        /// Its name.
        name: ObjectName,
    },
    /// The object's bytes are not those it is named for.
    #[error("object {name} is corrupt: it hashes to {found}")]
    Corrupt {
        /// Its name.
        name: ObjectName,
        /// What its bytes hash to.
        found: Checksum,
    },
    /// Text that is no fs-verity digest.
    #[error("no fs-verity digest (64 hexadecimal digits): {text:?}")]
    NoDigest {
        /// The text, or its beginning.
        text: String,
    },
    /// The object's bytes are no object of its type.
    #[error("object {name} cannot be read")]
    Malformed {
        /// Its name.
        name: ObjectName,
        /// What is wrong with it.
        #[source]
        source: ostree_objects::Error,
    },
    /// A file object of a bare-user repo without its header.
    #[error("object {name} has no attribute user.ostreemeta")]
    NoHeader {
        /// Its name.
        name: ObjectName,
    },
    /// A file, a metadata object or detached metadata was asked for under another type's name.
    #[error("object {name} is not of the type that was asked for")]
    WrongType {
        /// The name.
        name: ObjectName,
    },
    /// What was to be written is not what it was said to be.
    #[error("object {expected} was expected, but what came hashes to {found}")]
    ChecksumMismatch {
        /// The name it should have had.
        expected: ObjectName,
        /// What it hashes to.
        found: Checksum,
    },
    /// Detached metadata of one commit was written twice into one stage: which one counts?
    #[error("{name} was written twice")]
    DetachedTwice {
        /// Its name.
        name: ObjectName,
    },
    /// The content ended before the size that was announced.
    #[error("file content ended after {found} of {expected} bytes")]
    ContentCut {
        /// Bytes announced.
        expected: u64,
        /// Bytes that came.
        found: u64,
    },
    /// What was to be written is no valid object.
    #[error("this is no valid object")]
    Invalid {
        /// What is wrong with it.
        #[source]
        source: ostree_objects::Error,
    },
    /// A valid object that the repo's mode cannot hold.
    #[error("a {mode} repository cannot hold this file: {reason}")]
    Unstorable {
        /// The repo's mode.
        mode: ostree_objects::RepoMode,
        /// Why.
        reason: &'static str,
    },
    /// An extended attribute over what the file system stores.
    #[error("the file system does not store extended attribute {name} of {length} bytes")]
    XattrTooLarge {
        /// Name of the attribute.
        name: String,
        /// Length of its value, in bytes.
        length: usize,
    },
    /// Reading the content that was handed in failed; the source is what its reader said.
    #[error("the content of a file could not be read")]
    Content {
        /// The reader's error.
        #[source]
        source: io::Error,
    },
    /// Writing would leave less than the space that the repo's configuration keeps free.
    #[error(
        "not enough space: {available} bytes are free, {needed} are needed \
         and {reserved} must stay free (min-free-space)"
    )]
    NoSpace {
        /// Bytes to be written.
        needed: u64,
        /// Bytes free on the file system.
        available: u64,
        /// Bytes to be kept free.
        reserved: u64,
    },
    /// The file system is full: no blocks or no inodes.
    #[error("cannot {action} {path}: no space left on the file system")]
    DiskFull {
        /// What was tried.
        action: &'static str,
        /// Where, relative to the repo.
        path: String,
    },
    /// The disk quota is used up.
    #[error("cannot {action} {path}: the disk quota is used up")]
    Quota {
        /// What was tried.
        action: &'static str,
        /// Where, relative to the repo.
        path: String,
    },
    /// The file system is mounted read-only.
    #[error("cannot {action} {path}: the file system is read-only")]
    ReadOnly {
        /// What was tried.
        action: &'static str,
        /// Where, relative to the repo.
        path: String,
    },
    /// A bare repo stores real owners and attributes, which only root can set.
    #[error(
        "cannot {action} of {path}: a bare repository is written as root; \
         as another user use one of mode bare-user or archive"
    )]
    NeedsRoot {
        /// What was tried.
        action: &'static str,
        /// Where, relative to the repo.
        path: String,
    },
    /// fs-verity is required and not supported.
    #[error(
        "fs-verity is required for {path}, but the file system or the kernel does not support it"
    )]
    NoVerity {
        /// Which file.
        path: String,
    },
    /// Any other failure of the file system.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where, relative to the repo.
        path: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// A repo mode that is not supported.
    #[error("repositories of mode {mode:?} are not supported: {reason}")]
    UnsupportedMode {
        /// The mode, as in the repo's `config`.
        mode: String,
        /// Why not.
        reason: &'static str,
    },
    /// A value in the repo's `config` that cannot be used.
    #[error("repository config, {key}: {problem}")]
    Config {
        /// Group and key, `core.mode`.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// There is a repository already, of another mode.
    #[error("there is a repository of mode {found} already, {wanted} was asked for")]
    OtherMode {
        /// Mode of the one that is there.
        found: ostree_objects::RepoMode,
        /// Mode asked for.
        wanted: ostree_objects::RepoMode,
    },
    /// A name that no ref can have.
    #[error("{name:?} cannot be the name of a ref")]
    RefName {
        /// The name.
        name: String,
    },
    /// A ref that does not hold a checksum.
    #[error("ref {name} is broken: {problem}")]
    BrokenRef {
        /// The ref.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// An earlier write into this stage failed, so it must not be published.
    #[error("an earlier write failed, so nothing of this stage is published")]
    StageFailed,
    /// Somebody removed files of a stage that was in use.
    #[error("{missing} of {written} staged objects have vanished: something else cleaned {path}")]
    StageVanished {
        /// Objects that are gone.
        missing: u64,
        /// Objects that were written.
        written: u64,
        /// The stage, relative to the repo.
        path: String,
    },
}

/// What an [`Error`] means to a caller that decides what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Something asked for is not there.
    Missing,
    /// What is stored is damaged.
    Corrupt,
    /// What was to be written is wrong.
    Input,
    /// No space, inodes or quota, or the reserve would be touched.
    NoSpace,
    /// The repository cannot be written: read-only, or by root only.
    ReadOnly,
    /// The repository is of a kind or configuration that is not supported.
    Unsupported,
    /// The system failed.
    Io,
}

impl Error {
    /// The error's kind.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Missing { .. } => ErrorKind::Missing,
            Self::Corrupt { .. }
            | Self::Malformed { .. }
            | Self::NoHeader { .. }
            | Self::BrokenRef { .. } => ErrorKind::Corrupt,
            Self::WrongType { .. }
            | Self::ChecksumMismatch { .. }
            | Self::DetachedTwice { .. }
            | Self::ContentCut { .. }
            | Self::Content { .. }
            | Self::Invalid { .. }
            | Self::Unstorable { .. }
            | Self::XattrTooLarge { .. }
            | Self::NoDigest { .. }
            | Self::RefName { .. } => ErrorKind::Input,
            Self::NoSpace { .. } | Self::DiskFull { .. } | Self::Quota { .. } => ErrorKind::NoSpace,
            Self::ReadOnly { .. } | Self::NeedsRoot { .. } => ErrorKind::ReadOnly,
            Self::UnsupportedMode { .. }
            | Self::Config { .. }
            | Self::OtherMode { .. }
            | Self::NoVerity { .. } => ErrorKind::Unsupported,
            Self::Io { .. } | Self::StageFailed | Self::StageVanished { .. } => ErrorKind::Io,
        }
    }

    /// An error of the system, put where it belongs by its number.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<String>,
        source: impl Into<io::Error>,
    ) -> Self {
        let (path, source) = (path.into(), source.into());
        match source
            .raw_os_error()
            .map(rustix::io::Errno::from_raw_os_error)
        {
            Some(rustix::io::Errno::NOSPC) => Self::DiskFull { action, path },
            Some(rustix::io::Errno::DQUOT) => Self::Quota { action, path },
            Some(rustix::io::Errno::ROFS) => Self::ReadOnly { action, path },
            _ => Self::Io {
                action,
                path,
                source,
            },
        }
    }
}
