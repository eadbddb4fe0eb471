//! What can go wrong, by what the caller would do about it.

use std::io;
use std::time::Duration;

use oci_manifest::Digest;
use ostree_flatten::composefs::FsVerityDigest;
use ostree_objects::{Checksum, RepoMode};

use crate::Size;
use crate::composefs::BadPrepareRoot;
use crate::host::bound::SpaceShortage;
use crate::lock::LockMode;

/// Every failure of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The directory handed in holds no repository this crate can use.
    #[error("cannot open the ostree repository")]
    OpenRepo(#[source] ostree_store::Error),
    /// A directory on the way to the repository is missing.
    #[error("no ostree repository at {path} under the given sysroot")]
    NoRepo {
        /// Where it should be, relative to the sysroot.
        path: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// libostree refused the repository or an operation on it.
    #[error("libostree: {action}")]
    Ostree {
        /// What was asked of it.
        action: &'static str,
        /// Its message.
        #[source]
        source: ostree::glib::Error,
    },
    /// The lock file cannot be used.
    #[error("cannot lock the repository ({mode})")]
    Lock {
        /// What we wanted.
        mode: LockMode,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another program works in the repository.
    #[error(
        "the repository is in use by another program; gave up after {} s waiting for the {mode} lock",
        waited.as_secs()
    )]
    Busy {
        /// What we wanted.
        mode: LockMode,
        /// How long we waited.
        waited: Duration,
    },
    /// The image's source failed.
    #[error("reading image {reference}")]
    Source {
        /// The image, as asked for.
        reference: String,
        /// What the source said.
        #[source]
        source: Box<image_source::Error>,
    },
    /// Manifest or config are not what an image has.
    #[error("image {reference} is not usable")]
    Manifest {
        /// The image, as asked for.
        reference: String,
        /// What is wrong.
        #[source]
        source: oci_manifest::Error,
    },
    /// The reference cannot be stored as an ostree ref.
    #[error("image {reference} cannot be named in an ostree repository")]
    Ref {
        /// The image, as asked for.
        reference: String,
        /// What is wrong.
        #[source]
        source: ostree_refs::Error,
    },
    /// Two names that ostree cannot hold beside each other.
    #[error(
        "image {reference} cannot be stored beside the ref {existing}: remove that image or use a tag"
    )]
    RefCollision {
        /// The image, as asked for.
        reference: String,
        /// The ref in the way.
        existing: String,
    },
    /// A layer is not importable.
    #[error("layer {index} ({digest}) of image {reference}")]
    Layer {
        /// The image, as asked for.
        reference: String,
        /// Position in the manifest, from 0.
        index: usize,
        /// The blob's digest.
        digest: Digest,
        /// What is wrong.
        #[source]
        source: Box<ostree_layer::Error>,
    },
    /// A layer cannot be read from the source.
    #[error("layer {index} ({digest}) of image {reference}")]
    LayerSource {
        /// The image, as asked for.
        reference: String,
        /// Position in the manifest, from 0.
        index: usize,
        /// The blob's digest.
        digest: Digest,
        /// What the source said.
        #[source]
        source: Box<image_source::Error>,
    },
    /// The layers do not merge.
    #[error("merging the layers of image {reference}")]
    Merge {
        /// The image, as asked for.
        reference: String,
        /// What is wrong.
        #[source]
        source: Box<ostree_flatten::Error>,
    },
    /// The image has no SELinux policy.
    #[error("image {reference} has no SELinux policy, so that no path of it has a label")]
    NoPolicy {
        /// The image, as asked for.
        reference: String,
    },
    /// The image's SELinux policy cannot be used.
    #[error("the SELinux policy of image {reference} is not usable")]
    Policy {
        /// The image, as asked for.
        reference: String,
        /// What is wrong, with file and line.
        #[source]
        source: Box<selinux_label::Error>,
    },
    /// Objects cannot be read or written.
    #[error("object store: {action}")]
    Store {
        /// What was attempted.
        action: &'static str,
        /// What is wrong.
        #[source]
        source: ostree_store::Error,
    },
    /// The system does not say how much space is free.
    #[error("cannot ask for the free space of the repository's file system")]
    FreeSpace(#[source] io::Error),
    /// The image does not fit.
    #[error(
        "not enough space for image {reference}: its missing layers need at least {}, {} are free beside the {} that the repository keeps in reserve (core.min-free-space)", Size(*.needed_bytes), Size(*.available_bytes), Size(*.reserved_bytes)
    )]
    NoSpace {
        /// The image, as asked for.
        reference: String,
        /// Sum of the missing layers' transfer sizes: a lower bound.
        needed_bytes: u64,
        /// What may be written.
        available_bytes: u64,
        /// What the repository's configuration keeps back.
        reserved_bytes: u64,
    },
    /// None of the sources that were named for bound images is one.
    #[error(
        "bound images are to be taken from beside the host's image, which is in neither an OCI directory nor an OCI archive"
    )]
    NothingBeside,
    /// The image and what it is bound to do not fit.
    #[error("{0}")]
    SpaceForAll(Box<SpaceShortage>),
    /// The base commit of an encapsulated image refers to objects that no layer brought.
    #[error(
        "base commit {commit} of image {reference} lacks {missing} objects, the first is {first}"
    )]
    BaseIncomplete {
        /// The image, as asked for.
        reference: String,
        /// The base commit.
        commit: Checksum,
        /// How many objects.
        missing: u64,
        /// One of them.
        first: String,
    },
    /// `ostree-remote-image:` cannot vouch for this image.
    #[error(
        "{reason}: an ostree remote's signature covers only a base commit; use ostree-image-signed: or ostree-unverified-image:"
    )]
    RemoteCannotVerify {
        /// Why not.
        reason: &'static str,
    },
    /// The remote's keys did not sign the base commit.
    #[error("the keys of ostree remote {remote} do not vouch for the base commit")]
    RemoteSignature {
        /// The remote.
        remote: String,
        /// libostree's message.
        #[source]
        source: ostree::glib::Error,
    },
    /// No such image in the repository.
    #[error("image {reference} is not in the repository")]
    NotFound {
        /// The image, as asked for.
        reference: String,
    },
    /// A stored image's metadata cannot be used.
    #[error("stored image {name} (commit {commit}) cannot be read: {reason}")]
    BadStoredImage {
        /// The ref or name.
        name: String,
        /// The commit.
        commit: Checksum,
        /// What is wrong with it.
        reason: String,
    },
    /// The base commit says of itself what only we say of layers whose content we verified.
    #[error(
        "base commit {commit} of image {reference} has the metadata key {key}, which only layer commits made by this importer have"
    )]
    ReservedMetadata {
        /// The image, as asked for.
        reference: String,
        /// The base commit.
        commit: Checksum,
        /// The key.
        key: String,
    },
    /// No such commit in the repository.
    #[error("commit {commit} is not in the repository")]
    NoCommit {
        /// The commit, as asked for.
        commit: Checksum,
    },
    /// A composefs image cannot be made.
    #[error("the composefs image of {of} cannot be made")]
    Composefs {
        /// The image or commit.
        of: String,
        /// What is wrong.
        #[source]
        source: Box<ostree_flatten::composefs::Error>,
    },
    /// Contents of a mounted image are the objects themselves.
    #[error(
        "only the trees of a bare repository can be mounted: in one of mode {mode}, objects are not the files as they are"
    )]
    MountNeedsBare {
        /// The repository's mode.
        mode: RepoMode,
    },
    /// fs-verity is required and not there.
    #[error(
        "object {object} has no fs-verity, so what is read from it cannot be verified; the file system and the kernel must support fs-verity, and the repository must ask for it"
    )]
    NoVerity {
        /// One object without.
        object: String,
    },
    /// The system refuses to mount.
    #[error("cannot {action} (mounting needs root, and Linux 6.12 with erofs and overlayfs)")]
    Mount {
        /// What was attempted.
        action: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A directory whose name is none of a deployment.
    #[error("{name} is no deployment: a deployment's directory is named <commit>.<serial>")]
    NotADeployment {
        /// The directory's name.
        name: String,
    },
    /// A deployment's image cannot be read.
    #[error("the deployment's image cannot be read")]
    DeployedImage {
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A deployment's image cannot be written.
    #[error("the deployment's image cannot be written")]
    WriteDeployedImage {
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A commit's tree gives another image than its metadata names.
    #[error(
        "the tree of commit {commit} gives an image with the digest {found}, but its metadata names {expected}"
    )]
    OtherImage {
        /// The commit.
        commit: Checksum,
        /// What its metadata names.
        expected: FsVerityDigest,
        /// What its tree gives.
        found: FsVerityDigest,
    },
    /// An image's configuration of its boot cannot be used.
    #[error("{path} of commit {commit} cannot be used")]
    PrepareRoot {
        /// The commit.
        commit: Checksum,
        /// Which file.
        path: &'static str,
        /// What is wrong.
        #[source]
        source: BadPrepareRoot,
    },
    /// A checkout would go into what is there.
    #[error("{name} is there already; a checkout makes its directory")]
    CheckoutExists {
        /// The directory's name.
        name: String,
    },
    /// The system refuses a step of a checkout.
    #[error("cannot {action} the checkout {name}")]
    Checkout {
        /// What was attempted.
        action: &'static str,
        /// The directory's name.
        name: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A host's deployments, or a change of them.
    #[error(transparent)]
    Host(Box<crate::host::HostError>),
    /// The application images that a deployment is bound to.
    #[error(transparent)]
    Bound(Box<bound_images::Error>),
    /// The repository is no longer as it was when the plan was made.
    #[error("image {reference} was changed or removed since the pull was planned; plan it again")]
    PlanOutdated {
        /// The image, as asked for.
        reference: String,
    },
}

/// What a caller would do about an error; the program makes exit codes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The image, tag or file does not exist.
    NotFound,
    /// The input is malformed or unsupported.
    Invalid,
    /// Digest, signature or policy say no.
    Unverified,
    /// Another program is in the way; later it may go.
    Busy,
    /// The network or the registry failed in a way that may pass.
    Network,
    /// No space left, or the reserve would be touched.
    NoSpace,
    /// Stored content is damaged.
    Corrupt,
    /// A program that we call is missing or failed.
    Tool,
    /// Access denied: credentials or file permissions.
    Denied,
    /// The system failed otherwise.
    Io,
}

impl Kind {
    /// The kind as one word for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Invalid => "invalid",
            Self::Unverified => "unverified",
            Self::Busy => "busy",
            Self::Network => "network",
            Self::NoSpace => "no-space",
            Self::Corrupt => "corrupt",
            Self::Tool => "tool",
            Self::Denied => "denied",
            Self::Io => "io",
        }
    }
}
