//! Pulling an image: a plan that touches nothing, then its application.

mod apply;
mod blob;
mod config;
mod forecast;
mod labelled;
mod layer_state;
mod merge;
mod peek;
mod plan;
mod space;
mod stored_before;
mod transfer;
mod verify_base;
mod waiting;
mod workers;

pub use apply::{Pulled, StoredReport};
pub use config::{Compat, ComposefsDigest, Labels, PullConfig, default_jobs};
pub use forecast::ExpectedPolicy;
pub use labelled::LabelReport;
pub use layer_state::{LayerPlan, LayerState};
pub(crate) use peek::Foretold;
pub use plan::PullPlan;
pub use space::SpaceNeed;
