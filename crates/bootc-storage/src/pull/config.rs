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

/// Whether files get SELinux labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Labels {
    /// Those of the policy in the image.
    #[default]
    OfPolicy,
    /// None: no policy is looked for, derived layers have no labels, and a base keeps those that it has. For hosts that
    /// run without SELinux.
    Off,
}

/// Whether the merge commit names its composefs image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ComposefsDigest {
    /// By its fs-verity digest, unless other programs' rules hold.
    #[default]
    Named,
    /// Not at all, and no digests of files are computed. For hosts that do not verify what they boot.
    Off,
}

/// Everything a pull can be told.
#[derive(Debug)]
pub struct PullConfig {
    /// How the source is opened.
    pub source: SourceConfig,
    /// Whose merge rules hold.
    pub compat: Compat,
    /// Whether files get labels.
    pub labels: Labels,
    /// Whether the merge commit names its composefs image.
    pub composefs_digest: ComposefsDigest,
    /// How many layers are fetched and imported at once.
    pub jobs: NonZeroUsize,
    /// Bounds on what a layer may hold.
    pub limits: Limits,
}

impl PullConfig {
    /// Whether the merge commit names its composefs image: other programs' commits do not.
    pub(super) fn names_composefs_image(&self) -> bool {
        self.compat == Compat::None && self.composefs_digest == ComposefsDigest::Named
    }

    /// What tells the merge commit from one that the defaults give; empty for these.
    pub(super) fn rules(&self) -> String {
        let compat = (self.compat == Compat::OstreeExt).then_some("compat.ostree-ext");
        let labels = (self.labels == Labels::Off).then_some("no-labels");
        let digest = (self.compat == Compat::None && self.composefs_digest == ComposefsDigest::Off)
            .then_some("no-composefs-digest");
        let others: Vec<_> = [compat, labels, digest].into_iter().flatten().collect();
        others.join(".")
    }
}

/// As many layers at once as there are processors, at least four (some wait for the network or the disk while others
/// work), at most eight.
#[must_use]
pub fn default_jobs() -> NonZeroUsize {
    let processors = std::thread::available_parallelism().map_or(4, NonZeroUsize::get);
    NonZeroUsize::new(processors.clamp(4, 8)).unwrap_or(NonZeroUsize::MIN)
}
