//! The application images that deployments are bound to: declared in their trees, pulled before they are written, kept
//! as long as they are there.

mod error;
mod prune;
mod pull;
mod status;
mod tree;

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::time::Duration;

use bound_images::{Credentials, Source};
use cap_std::fs::Dir;

pub use prune::BoundPruned;
pub use pull::{BoundPlan, BoundPulled, BoundTree};
pub use status::{BoundImage, BoundStatus};

pub(crate) use error::kind;

/// How bound images are pulled, and where programs run.
#[derive(Debug)]
pub struct BoundConfig {
    /// `/run` of the machine that this program runs on.
    pub run: Dir,
    /// For registries.
    pub credentials: Credentials,
    /// `CONTAINERS_REGISTRIES_CONF` of the environment.
    pub registries_conf: Option<OsString>,
    /// Where images are taken from, in order; none to have that follow from where the host's image comes from.
    pub sources: Option<Vec<Source>>,
    /// How many are pulled at once.
    pub jobs: NonZeroUsize,
    /// How often a pull is tried that failed in a way that may pass.
    pub attempts: u32,
    /// The wait after the first failure; it doubles.
    pub first_delay: Duration,
}
