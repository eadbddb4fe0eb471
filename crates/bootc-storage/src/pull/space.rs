//! Whether the image can fit, told before anything is transferred.

use ostree_store::Repo;

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
    /// Free for us: beside the repository's reserve.
    pub available_bytes: u64,
    /// The reserve (`core.min-free-space-percent`, `core.min-free-space-size`).
    pub reserved_bytes: u64,
}

impl SpaceNeed {
    pub(super) fn of(repo: &Repo, layers: &[LayerPlan]) -> Result<Self, Error> {
        let free = repo.free_space().map_err(|source| Error::Store {
            action: "ask for free space",
            source,
        })?;
        let missing = missing_bytes(layers);
        Ok(Self {
            at_least_bytes: missing,
            estimated_bytes: missing.saturating_mul(USUAL_EXPANSION) / USUAL_EXPANSION_DIVISOR,
            available_bytes: free.usable_bytes(),
            reserved_bytes: free.reserved_bytes,
        })
    }

    /// Unpacking seldom makes a layer smaller, so the transfer sizes alone must fit.
    pub(super) fn check(&self, reference: &str) -> Result<(), Error> {
        if self.at_least_bytes > self.available_bytes {
            return Err(Error::NoSpace {
                reference: reference.to_owned(),
                needed_bytes: self.at_least_bytes,
                available_bytes: self.available_bytes,
                reserved_bytes: self.reserved_bytes,
            });
        }
        Ok(())
    }

    /// Whether it will probably not fit.
    #[must_use]
    pub fn is_tight(&self) -> bool {
        self.estimated_bytes > self.available_bytes
    }
}
