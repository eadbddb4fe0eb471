#![doc = include_str!("../README.md")]

mod error;
mod explain;
mod files;
mod fingerprint;
mod label;
pub mod limits;
mod policy;
mod tree;

pub use error::Error;
pub use explain::{Explanation, Rule, Substitution};
pub use files::{POLICY_DIRS, is_policy_path};
pub use fingerprint::Fingerprint;
pub use label::Label;
pub use policy::Policy;
pub use tree::{DirTree, MemoryTree, PolicyTree, TreeError};

/// What the functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
