//! What a host has deployed: the facts, and the form in which bootc prints them.

pub mod bootc_v1;
mod state;

pub use state::{DeploymentState, HostState, ImageState, Unlocked};
