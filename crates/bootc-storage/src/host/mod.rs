//! Hosts: what is deployed, and every change of it.
//!
//! Reading ([`HostDirs`]) is ours, needs no privilege and passes over what is damaged. Changing ([`LockedHost`]) is
//! libostree's `Sysroot`, under its lock.

mod boot_entry;
pub mod bound;
mod cached_update;
mod clean_up;
mod deploy;
mod deployment;
mod error;
mod etc_labels;
mod image;
mod init;
pub mod kargs;
mod kernel;
mod lock_holder;
mod order;
mod plan;
mod read;
mod staged;
mod state;
mod stateroot;
pub mod status;
mod sysroot;
mod thaw;
mod update;
mod var;

pub use cached_update::CachedUpdate;
pub use clean_up::CleanedUp;
pub use deploy::Deployed;
pub use deployment::{Deployment, DeploymentId, Deployments, Staging};
pub use error::HostError;
pub use init::{Bootloader, InitConfig, Initialised};
pub use order::{RollbackPlan, Which};
pub use plan::{DeploymentPlan, NewDeployment};
pub use read::HostDirs;
pub use state::Status;
pub use stateroot::Stateroot;
pub use sysroot::{Host, LockedHost};
pub use update::{UpdateRequest, Updated};
