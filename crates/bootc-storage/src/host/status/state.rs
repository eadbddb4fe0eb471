//! The deployments of a sysroot, and which of them has which part.

use oci_manifest::{ANNOTATION_CREATED, Config, Digest};
use ostree_objects::Checksum;
use ostree_origin::Origin;

/// What a sysroot holds, in boot order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostState {
    /// As libostree lists them: what boots next comes first, so a staged one before all others.
    pub deployments: Vec<DeploymentState>,
    /// Which of them runs; none in a sysroot that this system was not booted from.
    pub booted: Option<usize>,
    /// Whether the sysroot is on a read-only medium, so that nothing can be deployed.
    pub read_only: bool,
}

/// A deployment, as far as it can be read: what is damaged about it is in `problems`, and stops nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentState {
    /// The stateroot, whose `/var` it uses.
    pub stateroot: String,
    /// The commit that it was made from.
    pub checksum: Checksum,
    /// Tells deployments of one commit apart.
    pub serial: u32,
    /// Whether it becomes bootable only at shutdown.
    pub staged: bool,
    /// Whether it is staged, but is not to become bootable at shutdown.
    pub finalization_locked: bool,
    /// Whether `/usr` is writable.
    pub unlocked: Unlocked,
    /// Whether a soft reboot (without the kernel) can lead to it.
    pub soft_reboot_capable: bool,
    /// Its origin; none if there is no such file or it cannot be read.
    pub origin: Option<Origin>,
    /// The image that its commit holds; none if it is not one, or its metadata cannot be read.
    pub image: Option<ImageState>,
    /// What the last look for updates found, where that was kept.
    pub cached_update: Option<ImageState>,
    /// What of it could not be read, in words.
    pub problems: Vec<String>,
}

/// What an image says of itself, in its manifest and config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageState {
    /// Digest of the manifest.
    pub manifest_digest: Digest,
    /// The version shown to people.
    pub version: Option<String>,
    /// When it was made: RFC 3339, in UTC.
    pub created: Option<String>,
    /// The architecture in OCI's naming; empty if the config does not say.
    pub architecture: String,
}

/// How `/usr` of a deployment was made writable, as libostree tells them apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unlocked {
    /// It was not.
    #[default]
    No,
    /// By an overlay that is gone with the next boot.
    Development,
    /// By an overlay that stays.
    Hotfix,
    /// By an overlay that is mounted read-only, for who remounts it in a mount namespace of its own.
    Transient,
}

impl HostState {
    /// The one that boots next.
    #[must_use]
    pub const fn next(&self) -> Option<usize> {
        if self.deployments.is_empty() {
            None
        } else {
            Some(0)
        }
    }

    /// The one that becomes bootable at shutdown: of the booted stateroot, or of any where none is booted.
    #[must_use]
    pub fn staged(&self) -> Option<usize> {
        self.related().find(|place| self.deployments[*place].staged)
    }

    /// The one to go back to: the first of the booted stateroot that is neither staged nor booted. None where none is booted:
    /// then nothing says which of them ran.
    #[must_use]
    pub fn rollback(&self) -> Option<usize> {
        self.booted?;
        self.related()
            .find(|place| Some(*place) != self.booted && !self.deployments[*place].staged)
    }

    /// Whether the rollback boots before the booted one does.
    #[must_use]
    pub fn is_rollback_queued(&self) -> bool {
        matches!((self.rollback(), self.booted), (Some(rollback), Some(booted)) if rollback < booted)
    }

    /// All that are not staged, booted or the rollback: pinned ones, those of other stateroots, those of a sysroot that was
    /// not booted from.
    pub fn others(&self) -> impl Iterator<Item = usize> {
        let named = [self.staged(), self.booted, self.rollback()];
        (0..self.deployments.len()).filter(move |place| !named.contains(&Some(*place)))
    }

    /// Those of the booted stateroot; all where none is booted.
    fn related(&self) -> impl Iterator<Item = usize> {
        let booted = self.booted.and_then(|place| self.deployments.get(place));
        let stateroot = booted.map(|deployment| &deployment.stateroot);
        let deployments = self.deployments.iter().enumerate();
        deployments
            .filter(move |(_, deployment)| {
                stateroot.is_none_or(|name| *name == deployment.stateroot)
            })
            .map(|(place, _)| place)
    }
}

impl ImageState {
    /// From what is stored of an image.
    #[must_use]
    pub fn new(manifest_digest: Digest, config: &Config) -> Self {
        let label = config.labels().get(ANNOTATION_CREATED);
        let created = label.map(String::as_str).or_else(|| config.created());
        Self {
            manifest_digest,
            version: config.version().map(str::to_owned),
            created: created.and_then(in_utc),
            architecture: config.architecture().to_owned(),
        }
    }
}

/// None for text that is no time: the label is free text to whoever builds the image.
fn in_utc(text: &str) -> Option<String> {
    let time = chrono::DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    Some(time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
}
