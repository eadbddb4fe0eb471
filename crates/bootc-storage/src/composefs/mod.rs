//! composefs images of stored trees: made, mounted, and held against what a host has.

mod deployment;
mod known;
mod mount;
mod tree;

pub use deployment::{DEPLOYED_IMAGE, DeployedDigests, DeploymentCheck};
pub(crate) use known::KnownDigests;
pub use mount::Mounted;
pub use tree::{CommitTree, ImageForm, KEY_COMPOSEFS_DIGEST};
