//! Whether the image can fit, told before anything is transferred.

use ostree_store::Repo;
use rustix::fs::fstatvfs;

use super::LayerPlan;
use super::plan::missing_bytes;
use crate::Error;

/// Unpacked layers took 2.4 to 2.7 times their gzip size in the images measured; used for a warning only.
const USUAL_EXPANSION: u64 = 5;
const USUAL_EXPANSION_DIVISOR: u64 = 2;

/// What the missing layers need and what is free, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpaceNeed {
    /// Sum of the missing layers' transfer sizes: less than this cannot do.
    pub at_least_bytes: u64,
    /// What such layers usually take unpacked.
    pub estimated_bytes: u64,
    /// Free without the blocks that are kept for root, as `df` shows it.
    pub free_bytes: u64,
    /// What is left of that beside the repository's reserve.
    pub available_bytes: u64,
    /// The reserve (`core.min-free-space-percent`, `core.min-free-space-size`).
    pub reserved_bytes: u64,
}

impl SpaceNeed {
    pub(super) fn of(repo: &Repo, layers: &[LayerPlan]) -> Result<Self, Error> {
        let space = repo.free_space().map_err(|source| Error::Store {
            action: "ask for free space",
            source,
        })?;
        let free = fstatvfs(repo.dir()).map_err(|errno| Error::FreeSpace(errno.into()))?;
        let free_bytes = free.f_bavail.saturating_mul(free.f_frsize);
        let missing = missing_bytes(layers);
        Ok(Self {
            at_least_bytes: missing,
            estimated_bytes: missing.saturating_mul(USUAL_EXPANSION) / USUAL_EXPANSION_DIVISOR,
            free_bytes,
            available_bytes: free_bytes.saturating_sub(space.reserved_bytes),
            reserved_bytes: space.reserved_bytes,
        })
    }

    /// Whether it cannot fit: unpacking seldom makes a layer smaller, so the transfer sizes alone must.
    #[must_use]
    pub const fn is_short(&self) -> bool {
        self.at_least_bytes > self.available_bytes
    }

    /// Whether it will probably not fit.
    #[must_use]
    pub fn is_tight(&self) -> bool {
        self.estimated_bytes > self.available_bytes
    }
}
