//! What can go wrong with a layer.

use std::io;

use oci_manifest::{DiffId, Digest};

use crate::Problem;

/// Why a layer was refused, or could not be stored. Nothing is published in either case.
///
/// The layer itself is not named: who asked for the import knows which one it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The source of the blob failed.
    #[error("cannot read the blob")]
    Blob {
        /// The reader's own error.
        #[source]
        source: io::Error,
    },
    /// The blob has another size than its descriptor says.
    #[error("the blob has {actual} bytes where its descriptor says {expected}")]
    BlobSize {
        /// What the descriptor says.
        expected: u64,
        /// What was read; when larger than expected, reading stopped there.
        actual: u64,
    },
    /// The blob's bytes are not those of its descriptor.
    #[error("the blob's digest is {actual} where its descriptor says {expected}")]
    BlobDigest {
        /// What the descriptor says.
        expected: Digest,
        /// What was read.
        actual: Digest,
    },
    /// The uncompressed bytes are not those of the config's diff_id.
    #[error("the layer's diff_id is {actual} where the config says {expected}")]
    DiffId {
        /// What the config says.
        expected: DiffId,
        /// What was read.
        actual: DiffId,
    },
    /// The blob is not compressed the way its media type says.
    #[error("the media type says {declared} but the bytes are {found}")]
    Encoding {
        /// What the media type says.
        declared: &'static str,
        /// What the first bytes look like.
        found: &'static str,
    },
    /// The gzip stream is damaged.
    #[error("the gzip stream is damaged in member {member}")]
    Gzip {
        /// Which member of the stream, counted from 1.
        member: u64,
        /// What the decoder says.
        #[source]
        source: io::Error,
    },
    /// The gzip stream is followed by something else.
    #[error("the gzip stream is followed by bytes that are no gzip member, after member {members}")]
    GzipTrailing {
        /// How many whole members there were.
        members: u64,
    },
    /// The zstd stream is damaged.
    #[error("the zstd stream is damaged in frame {frame}")]
    Zstd {
        /// Which frame of the stream, counted from 1.
        frame: u64,
        /// What the decoder says.
        #[source]
        source: io::Error,
    },
    /// The zstd stream needs too much memory.
    #[error("a zstd frame needs a window of {window} bytes, more than the limit of {limit}")]
    ZstdWindow {
        /// What the frame's header asks for.
        window: u64,
        /// The limit.
        limit: u64,
    },
    /// The layer is larger than [`Limits`](crate::Limits) allow.
    #[error("the layer exceeds the limit of {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
    },
    /// The archive is damaged, or is none.
    #[error("the archive is damaged at byte {offset}: {problem}")]
    Archive {
        /// Where in the uncompressed layer the offending header or data begins.
        offset: u64,
        /// What is wrong.
        problem: Problem,
    },
    /// One entry cannot be accepted.
    #[error("entry \"{path}\": {problem}")]
    Entry {
        /// The entry's path as in the archive, control characters and non-UTF-8 bytes escaped.
        path: String,
        /// What is wrong with it.
        problem: Problem,
    },
    /// No label could be found.
    #[error("cannot find the label of \"{path}\"")]
    Label {
        /// The path in the tree.
        path: String,
        /// What the policy says.
        source: crate::LabelError,
    },
    /// An object is malformed.
    #[error("cannot make an object of \"{path}\"")]
    Object {
        /// The entry, or the object's name.
        path: String,
        /// What is wrong.
        source: ostree_objects::Error,
    },
    /// The repository failed.
    #[error("cannot store \"{path}\"")]
    Store {
        /// The entry, or what else was being written.
        path: String,
        /// What is wrong.
        #[source]
        source: ostree_store::Error,
    },
    /// A thread of the import could not be started.
    #[error("cannot start a thread")]
    Thread {
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// This error, of the entry or object `path` where it does not say yet which one it is about.
    pub(crate) fn of(mut self, shown: &str) -> Self {
        if let Self::Entry { path, .. } | Self::Object { path, .. } | Self::Store { path, .. } =
            &mut self
            && path.is_empty()
        {
            shown.clone_into(path);
        }
        self
    }

    /// Whether it only says that the decompressing thread stopped, whose own error says why.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self, Self::Blob { source }
            if source.get_ref().is_some_and(|why| why.is::<crate::pipe::Stopped>()))
    }
}

impl From<Problem> for Error {
    /// A problem of an entry that `Error::of` names.
    fn from(problem: Problem) -> Self {
        Self::Entry {
            path: String::new(),
            problem,
        }
    }
}
