//! composefs images of stored trees: made, mounted, and held against what a host has.

mod deploy;
mod deployment;
mod known;
mod mount;
mod prepare_root;
mod stored;
mod tree;

pub use deploy::DeployedVerity;
pub use deployment::{DEPLOYED_IMAGE, DeployedDigests, DeploymentCheck};
pub(crate) use known::KnownDigests;
pub use known::MAX_DIGEST_PATHS;
pub use mount::Mounted;
pub use ostree_store::enable_fs_verity;
pub use prepare_root::{BadPrepareRoot, ComposefsWish};
pub use tree::{CommitTree, ImageForm, KEY_COMPOSEFS_DIGEST};
