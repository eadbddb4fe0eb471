//! What happens during a command, as facts; drawing them is the caller's business.

use std::sync::Arc;

use image_source::SourceEvent;
use ostree_flatten::Replaced;
use ostree_layer::Report;
use ostree_objects::Checksum;

use crate::lock::LockMode;
use crate::pull::{LayerPlan, PullPlan};

/// Who is told what happens. Called from several threads, also while a source retries; should return quickly.
pub type Observer = Arc<dyn Fn(Event<'_>) + Send + Sync>;

/// A stretch of work that reads no layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The source is opened, manifest and config are read.
    Manifest,
    /// Layers are read, verified and stored.
    Layers,
    /// The base commit is checked for missing objects.
    VerifyBase,
    /// Layer trees are merged and the merge commit is written.
    Merge,
    /// Labels that are not those of the image's own policy are set right. [`Phase::Merge`] comes again after it
    /// where there were any.
    Labels,
    /// Refs are written and brought to disk.
    Publish,
    /// Refs and objects that nothing needs are removed.
    Prune,
    /// Objects are read and hashed again.
    Check,
    /// What a deployment is bound to is pulled.
    BoundImages,
    /// A deployment is checked out and written.
    Deploy,
}

/// One fact. Byte counts are of compressed bytes, as transferred.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A phase begins; the phase before it has ended. [`Phase::Layers`] comes again after [`Phase::VerifyBase`] where
    /// layers on top of the base have to be fetched.
    Phase(Phase),
    /// Someone else holds the repository lock.
    WaitingForLock {
        /// What we want to do.
        mode: LockMode,
    },
    /// Someone else changes the deployments.
    WaitingForSysroot {
        /// Who, where the system tells.
        holder: Option<&'a str>,
    },
    /// The source tells of itself: tries again, spools, verifies.
    Source(&'a SourceEvent),
    /// The plan is made; what follows carries it out.
    Planned(&'a PullPlan),
    /// A layer's transfer begins.
    LayerStarted(&'a LayerPlan),
    /// More bytes of a layer have been read.
    LayerBytes {
        /// Position in the manifest.
        index: usize,
        /// How many bytes since the last such event.
        delta: u64,
    },
    /// A layer is verified, on disk, and has its ref.
    LayerStored {
        /// The layer.
        layer: &'a LayerPlan,
        /// Its commit.
        commit: &'a Checksum,
        /// What the import noticed.
        report: &'a Report,
    },
    /// A stored layer was taken for one of the manifest's: its content is the same and verified though its digest is another
    /// ([`LayerState::SameContent`](crate::pull::LayerState::SameContent)), or another pull has stored it meanwhile
    /// ([`LayerState::Present`](crate::pull::LayerState::Present)).
    LayerReused {
        /// The layer as the manifest names it.
        layer: &'a LayerPlan,
        /// Its commit.
        commit: &'a Checksum,
    },
    /// Staging directories of writers that died were removed.
    Swept {
        /// How many directories.
        dirs: u64,
    },
    /// What happens to a bound image.
    Bound(&'a bound_images::Event),
    /// Something odd that does not stop the command.
    Warning(Warning<'a>),
}

/// Oddities worth telling.
#[derive(Debug)]
#[non_exhaustive]
pub enum Warning<'a> {
    /// A ref, image or layer that cannot be read was passed over.
    Unreadable {
        /// The ref's name.
        name: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// An upper layer's directory took the place of a lower layer's symlink or file.
    ReplacedByDirectory {
        /// What was replaced by what.
        fact: &'a Replaced,
    },
    /// Both `/etc` and `/usr/etc` hold files; a deployment of this image will be refused.
    BothEtc,
    /// The tree has more than [`MAX_DIGEST_PATHS`](crate::composefs::MAX_DIGEST_PATHS) paths: its merge commit names no
    /// digest of its composefs image.
    NoImageDigest,
    /// Estimated space may not suffice.
    TightSpace {
        /// What the layers take at least, unpacked and on disk.
        estimated_bytes: u64,
        /// What is free.
        available_bytes: u64,
    },
}
