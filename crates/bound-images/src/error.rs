//! What can go wrong, by what the caller would do about it.

use std::io;

use oci_manifest::Digest;

use crate::TreeError;
use crate::limits::{MAX_ENTRIES, MAX_UNIT_BYTES};

/// Every failure of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The tree cannot be read.
    #[error("cannot read {path} of the image")]
    Tree {
        /// Where in the tree.
        path: String,
        /// Why.
        #[source]
        source: TreeError,
    },
    /// A declaration is against the rules.
    #[error("bound image declaration {path}")]
    Declaration {
        /// Where in the tree; what is no text in it is replaced.
        path: String,
        /// Against which.
        #[source]
        fault: DeclarationFault,
    },
    /// The system refuses.
    #[error("cannot {action}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A program is not installed.
    #[error("the program {program} is not installed, and {needed_for}")]
    ProgramMissing {
        /// Its name.
        program: &'static str,
        /// What it is needed for.
        needed_for: &'static str,
    },
    /// A program is not as it has to be.
    #[error("{found} is too old: {needed} or newer is needed")]
    ProgramTooOld {
        /// Name and version.
        found: String,
        /// Name and version.
        needed: &'static str,
    },
    /// A program failed at something that is not an image's fault.
    #[error("{program} {arguments} failed ({status}): {stderr}")]
    ProgramFailed {
        /// Its name.
        program: &'static str,
        /// What it was asked.
        arguments: String,
        /// How it ended.
        status: String,
        /// The last of what it said.
        stderr: String,
    },
    /// A program's answer is not understood.
    #[error("{program} {arguments} answered something else than it should")]
    Answer {
        /// Its name.
        program: &'static str,
        /// What it was asked.
        arguments: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// An image cannot be pulled.
    #[error("bound image {reference} cannot be pulled: {message}")]
    Pull {
        /// The image.
        reference: String,
        /// What is to be done about it.
        kind: PullFailure,
        /// What podman said.
        message: String,
    },
    /// What was pulled is not what was asked for.
    #[error("bound image {reference} is not in the storage after its pull")]
    NotStored {
        /// The image.
        reference: String,
    },
    /// An image is not what was recorded.
    #[error(
        "bound image {reference} should have the digest {expected}, and no image in the storage has it"
    )]
    Missing {
        /// The image.
        reference: String,
        /// What was recorded.
        expected: Digest,
    },
    /// A lock record cannot be used.
    #[error("lock record {name} cannot be used")]
    Record {
        /// Its file's name.
        name: String,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// The policy has no answer for a path of the storage.
    #[error("no SELinux label for {path}")]
    Label {
        /// The path.
        path: String,
        /// Why.
        #[source]
        source: Box<selinux_label::Error>,
    },
}

/// What would be done about a failed pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PullFailure {
    /// The registry does not have it.
    NotFound,
    /// Credentials are missing or not accepted.
    Denied,
    /// The containers policy does not accept it, or it is not what its digest says.
    Unverified,
    /// No space is left.
    NoSpace,
    /// The network or the registry, in a way that may pass.
    Transient,
    /// Anything else.
    Other,
}

/// Which rule a declaration breaks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeclarationFault {
    /// What should hold the links is a file, or a link that leads to no directory of the tree.
    #[error("it is not a directory, nor a link to one inside the tree")]
    NoDirectory,
    /// Too many entries.
    #[error("the directory has more than {MAX_ENTRIES} entries")]
    TooMany,
    /// A file's name is no text.
    #[error("the name is not UTF-8")]
    NameNotUtf8,
    /// Names are shown to people.
    #[error("the name has control characters")]
    NameControlCharacter,
    /// Only links declare images.
    #[error("it is not a symbolic link; link to a .image or .container file")]
    NotALink,
    /// The link leads nowhere in the tree, or round in a circle.
    #[error("the link leads to nothing inside the image")]
    Dangling,
    /// The link leads to something that is no file.
    #[error("the link does not lead to a regular file")]
    NotAFile,
    /// The link's name has another extension.
    #[error("the link's name ends in neither .image nor .container")]
    Extension,
    /// The unit is too large.
    #[error("{path} has more than {MAX_UNIT_BYTES} bytes")]
    TooLarge {
        /// The unit or a drop-in.
        path: String,
    },
    /// The unit is none.
    #[error("{path}")]
    Unit {
        /// The unit or a drop-in.
        path: String,
        /// What is wrong.
        #[source]
        fault: UnitFault,
    },
    /// No image is named.
    #[error("it has no Image= in [{section}]")]
    NoImage {
        /// The section.
        section: &'static str,
    },
    /// Bound images are pulled with the host's credentials.
    #[error("AuthFile= is not supported; the host's credentials are used")]
    AuthFile,
    /// Nothing is known here of what specifiers stand for.
    #[error("Image={value} has a systemd specifier ({specifier}); only %% is supported")]
    Specifier {
        /// The value.
        value: String,
        /// The specifier.
        specifier: String,
    },
    /// A `%` with nothing after it.
    #[error("Image={value} ends in an unfinished specifier")]
    UnfinishedSpecifier {
        /// The value.
        value: String,
    },
    /// The image is not a usable reference.
    #[error("Image={value}")]
    Reference {
        /// The value.
        value: String,
        /// What is wrong.
        #[source]
        fault: ReferenceFault,
    },
    /// The image is that of another unit, which is not bound.
    #[error("Image={unit} means another unit, which is not among the bound images")]
    OtherUnit {
        /// The unit.
        unit: String,
    },
}

/// Why a file is no unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnitFault {
    /// It is no text.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// Text has none.
    #[error("it has control characters")]
    ControlCharacter,
    /// A line is not what a unit has.
    #[error("line {line} is neither a [Section] nor a Key=Value in one")]
    Syntax {
        /// From 1.
        line: usize,
    },
}

/// Why a reference to an image cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceFault {
    /// It is no reference.
    #[error(transparent)]
    Name(oci_manifest::Error),
    /// Which registry a short name means, each host configures.
    #[error(
        "{name} does not say which registry it is in; write it with one, as in docker.io/library/NAME"
    )]
    NoRegistry {
        /// The repository.
        name: String,
    },
}

impl Error {
    /// The same command may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Pull {
                kind: PullFailure::Transient,
                ..
            }
        )
    }
}
