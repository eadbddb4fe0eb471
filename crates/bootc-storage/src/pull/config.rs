//! How a pull is done.

use std::num::NonZeroUsize;

use image_source::SourceConfig;
use ostree_layer::Limits;

/// Whose merge rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compat {
    /// Ours: OCI's.
    None,
    /// ostree-ext's: a lower layer's directory metadata is kept, and `/var` goes where that program and the
    /// running libostree have it. The merged tree's checksum equals theirs.
    OstreeExt,
}

/// Everything a pull can be told.
#[derive(Debug)]
pub struct PullConfig {
    /// How the source is opened.
    pub source: SourceConfig,
    /// Whose merge rules hold.
    pub compat: Compat,
    /// How many layers are fetched and imported at once.
    pub jobs: NonZeroUsize,
    /// Bounds on what a layer may hold.
    pub limits: Limits,
}

/// As many layers at once as there are processors, at least four (some wait for the network or the disk while others
/// work), at most eight.
#[must_use]
pub fn default_jobs() -> NonZeroUsize {
    let processors = std::thread::available_parallelism().map_or(4, NonZeroUsize::get);
    NonZeroUsize::new(processors.clamp(4, 8)).unwrap_or(NonZeroUsize::MIN)
}
