//! Everything that can go wrong while an image is opened or read.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use oci_manifest::Digest;

use crate::error_text::{StderrTail, Tags};
use crate::fault::{ArchiveFault, FailureKind};

/// Why an image could not be opened or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A descriptor calls a document what it is not.
    #[error("the media type of {what} is {declared}, but it is {found}")]
    KindMismatch {
        /// The document.
        what: String,
        /// The media type in the descriptor.
        declared: String,
        /// What the document is.
        found: &'static str,
    },
    /// The part after the transport cannot name an image.
    #[error("{reference} names no image: {reason}")]
    InvalidReference {
        /// The reference as given.
        reference: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file could not be opened or read.
    #[error("cannot {action} {path}")]
    Io {
        /// The verb: open, read, create.
        action: &'static str,
        /// The file, as the user would name it.
        path: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The directory or archive holds no OCI layout.
    #[error("{path} is no OCI layout: {reason}")]
    NotALayout {
        /// The directory or archive.
        path: String,
        /// What is missing or wrong.
        reason: &'static str,
    },
    /// `oci-layout` names a version that is not known.
    #[error("{path} has the OCI layout version {found:?}; only 1.0.0 is known")]
    LayoutVersion {
        /// The directory or archive.
        path: String,
        /// What it says.
        found: String,
    },
    /// The layout has no image of that name.
    #[error("{path} has no image tagged {tag:?}; {}", Tags(.tags))]
    NoSuchTag {
        /// The directory or archive.
        path: String,
        /// What was asked for.
        tag: String,
        /// What there is.
        tags: Vec<String>,
    },
    /// The layout's index lists no manifest of that digest.
    #[error("{path} has no manifest {digest} in its index")]
    NoSuchDigest {
        /// The directory or archive.
        path: String,
        /// What was asked for.
        digest: Digest,
    },
    /// More than one image fits; which one is meant cannot be guessed.
    #[error("{path} holds {count} images that fit; name one as path:tag ({})", Tags(.tags))]
    Ambiguous {
        /// The directory or archive.
        path: String,
        /// How many fit.
        count: usize,
        /// What there is.
        tags: Vec<String>,
    },
    /// The layout's index lists nothing.
    #[error("{path} holds no image")]
    NoImage {
        /// The directory or archive.
        path: String,
    },
    /// Indexes that refer to indexes, too many deep.
    #[error("{path}: more than {limit} indexes inside each other")]
    NestedTooDeep {
        /// The directory or archive.
        path: String,
        /// The limit.
        limit: usize,
    },
    /// A manifest, index or config that cannot be used.
    #[error("cannot use the {what} of {image}")]
    Document {
        /// Manifest, index or config, with its digest where it is known.
        what: String,
        /// The image.
        image: String,
        /// The parser's reason.
        #[source]
        source: oci_manifest::Error,
    },
    /// A file that is read into memory is larger than is allowed.
    #[error("{what} has {size} bytes; at most {limit} are read")]
    TooLarge {
        /// The document.
        what: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Content is not what its digest says.
    #[error("{what} is damaged: its digest is {found}, expected {expected}")]
    DigestMismatch {
        /// The document, and the file it was read from.
        what: String,
        /// The digest by which it was asked for.
        expected: Digest,
        /// The digest of what came.
        found: Digest,
    },
    /// Content has another size than its descriptor says.
    #[error("{what} has {found} bytes, its descriptor says {expected}")]
    SizeMismatch {
        /// The document or blob, and the file it was read from.
        what: String,
        /// Bytes by the descriptor.
        expected: u64,
        /// Bytes found.
        found: u64,
    },
    /// A file that the image needs is not in the layout.
    #[error("{path} lacks {file}, which the image needs")]
    BlobMissing {
        /// The directory or archive.
        path: String,
        /// The file inside.
        file: String,
    },
    /// An archive that cannot be used.
    #[error("cannot use the archive {path}: {fault}")]
    Archive {
        /// The archive.
        path: String,
        /// What is wrong with it.
        fault: ArchiveFault,
    },
    /// A program that is needed is not installed.
    #[error(
        "{program} is not installed, it is needed for {needed_for}; install the package {package}"
    )]
    ToolMissing {
        /// The program.
        program: PathBuf,
        /// What it is needed for.
        needed_for: String,
        /// The Debian and Fedora package that has it.
        package: &'static str,
    },
    /// A program that is too old.
    #[error("{program} {found} is too old for {needed_for}: it needs {needed}")]
    ToolTooOld {
        /// The program.
        program: PathBuf,
        /// Its version, or its protocol's.
        found: String,
        /// What it was needed for.
        needed_for: String,
        /// The version that would do.
        needed: String,
    },
    /// A program ended with an error, or could not be run.
    #[error("{program} {} failed ({status}){}", .args.join(" "), StderrTail(.stderr))]
    ToolFailed {
        /// The program.
        program: PathBuf,
        /// Its arguments; never credentials.
        args: Vec<String>,
        /// Its exit status in words.
        status: String,
        /// The last lines it wrote to stderr.
        stderr: String,
    },
    /// The transport (through skopeo) reported an error.
    #[error("cannot fetch {what} of {image}: {message}")]
    Transport {
        /// Manifest, config or blob digest.
        what: String,
        /// The image.
        image: String,
        /// What sort of failure it is.
        kind: FailureKind,
        /// The transport's own words.
        message: String,
    },
    /// No byte came for the whole stall timeout.
    #[error("{what} of {image} stalled: no byte for {} s", .timeout.as_secs_f32())]
    Stalled {
        /// Manifest, config or blob digest.
        what: String,
        /// The image.
        image: String,
        /// The timeout.
        timeout: Duration,
    },
    /// The reader's other end ended without a result.
    #[error("the transfer of {what} of {image} was ended")]
    Ended {
        /// Manifest, config or blob digest.
        what: String,
        /// The image.
        image: String,
    },
    /// A signed image was asked for, and there is no policy to check it against.
    #[error(
        "{image} must be verified, and there is no containers policy file; write /etc/containers/policy.json"
    )]
    PolicyMissing {
        /// The image.
        image: String,
    },
    /// `$CONTAINERS_POLICY_JSON` names a file that is not there.
    #[error("the containers policy file {path} does not exist")]
    PolicyNotFound {
        /// The path in the variable.
        path: PathBuf,
    },
    /// The policy file is no policy.
    #[error("the containers policy file {path} cannot be used: {reason}")]
    PolicyInvalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The policy accepts everything, so it verifies nothing.
    #[error("{path} has the default `insecureAcceptAnything`; refusing to call {image} verified")]
    PolicyAcceptsAnything {
        /// The file.
        path: PathBuf,
        /// The image.
        image: String,
    },
    /// The policy refused the image.
    #[error("{policy} refuses {image}: {message}")]
    PolicyRejected {
        /// The policy file.
        policy: PathBuf,
        /// The image.
        image: String,
        /// skopeo's own words.
        message: String,
    },
    /// skopeo's policy checks cannot address an image by this form of reference.
    #[error("{image} cannot be verified by digest on this transport; name it by tag")]
    UnverifiableReference {
        /// The image.
        image: String,
    },
    /// Built without the feature that this transport needs.
    #[error("{image} needs the cargo feature `proxy`, and this build lacks it")]
    TransportUnavailable {
        /// The image.
        image: String,
    },
}

impl Error {
    /// Whether the same request may succeed a little later.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Transport {
                kind: FailureKind::Transient,
                ..
            } | Self::Stalled { .. }
        )
    }

    /// The sort of failure, where it is one of those that a caller may want to tell apart.
    pub fn failure_kind(&self) -> Option<FailureKind> {
        match self {
            Self::Transport { kind, .. } => Some(*kind),
            Self::Stalled { .. } => Some(FailureKind::Transient),
            Self::PolicyRejected { .. }
            | Self::PolicyMissing { .. }
            | Self::PolicyNotFound { .. }
            | Self::PolicyInvalid { .. }
            | Self::PolicyAcceptsAnything { .. }
            | Self::UnverifiableReference { .. } => Some(FailureKind::Policy),
            Self::DigestMismatch { .. } | Self::SizeMismatch { .. } | Self::BlobMissing { .. } => {
                Some(FailureKind::Integrity)
            }
            Self::NoSuchTag { .. } | Self::NoSuchDigest { .. } | Self::NoImage { .. } => {
                Some(FailureKind::NotFound)
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some(FailureKind::NotFound)
            }
            _ => None,
        }
    }

    /// Wraps the error for `Read`.
    #[cfg(feature = "proxy")]
    pub(crate) fn into_io(self) -> io::Error {
        let kind = match &self {
            Self::Stalled { .. } => io::ErrorKind::TimedOut,
            Self::DigestMismatch { .. } | Self::SizeMismatch { .. } => io::ErrorKind::InvalidData,
            Self::Io { source, .. } => source.kind(),
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, self)
    }
}
