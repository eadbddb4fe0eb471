//! Everything that can go wrong while an image is opened or read.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use oci_manifest::Digest;

/// Why an image could not be opened or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
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

/// What sort of failure a transport reported; decides whether it is worth another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// Connection refused or reset, unexpected end, timeout, 429, 5xx: may pass.
    Transient,
    /// Credentials are missing or wrong (401, 403, denied).
    Auth,
    /// No such image, tag or blob (404, manifest unknown).
    NotFound,
    /// The containers policy refused it.
    Policy,
    /// Content does not fit its digest or size.
    Integrity,
    /// Anything else.
    Permanent,
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

    /// The sort of failure, where a transport reported one.
    pub fn failure_kind(&self) -> Option<FailureKind> {
        match self {
            Self::Transport { kind, .. } => Some(*kind),
            Self::PolicyRejected { .. } => Some(FailureKind::Policy),
            Self::DigestMismatch { .. } | Self::SizeMismatch { .. } => Some(FailureKind::Integrity),
            Self::Stalled { .. } => Some(FailureKind::Transient),
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

/// At most this many tags are listed in an error.
const MAX_TAGS_SHOWN: usize = 20;

/// The tags of a layout, for an error message.
struct Tags<'a>(&'a [String]);

impl fmt::Display for Tags<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("it has no tags");
        }
        f.write_str("its tags: ")?;
        for (i, tag) in self.0.iter().take(MAX_TAGS_SHOWN).enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            // Tags are the image's own words: control characters must not reach a terminal.
            write!(f, "{}", tag.escape_debug())?;
        }
        match self.0.len().checked_sub(MAX_TAGS_SHOWN) {
            Some(more) if more > 0 => write!(f, " and {more} more"),
            _ => Ok(()),
        }
    }
}

/// What a program wrote last, for an error message.
struct StderrTail<'a>(&'a str);

impl fmt::Display for StderrTail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.trim();
        if text.is_empty() {
            f.write_str(" and said nothing")
        } else {
            write!(f, ": {text}")
        }
    }
}
