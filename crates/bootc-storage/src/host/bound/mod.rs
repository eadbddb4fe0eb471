//! The application images that deployments are bound to: declared in their trees, pulled before they are written, kept
//! as long as they are there.

mod error;
mod prune;
mod pull;
mod sources;
mod space;
mod status;
mod tree;

use std::ffi::OsString;
use std::num::NonZeroUsize;

use bound_images::{Access, Credentials};
use cap_std::fs::Dir;
use image_source::SourceConfig;

pub use prune::BoundPruned;
pub use pull::{BoundPlan, BoundPulled, BoundTree};
pub use sources::BoundSource;
pub use space::SpaceShortage;
pub use status::{BoundImage, BoundStatus};

pub(crate) use error::kind;
pub(in crate::host) use sources::Sources;

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
    pub sources: Option<Vec<BoundSource>>,
    /// How sources are read.
    pub access: Access,
    /// How the host's own image is fetched: how often a pull is tried, and how long one may stall, is the same.
    pub source: SourceConfig,
    /// How many are pulled at once.
    pub jobs: NonZeroUsize,
}
