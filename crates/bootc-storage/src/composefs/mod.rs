//! composefs images of stored trees: made, mounted, and held against what a host has.

mod deployment;
mod mount;
mod tree;

pub use deployment::{DEPLOYED_IMAGE, DeployedDigests, DeploymentCheck};
pub use mount::Mounted;
pub use tree::{CommitTree, FileDigests, KEY_COMPOSEFS_DIGEST};
