#![doc = include_str!("../README.md")]

mod config;
mod dir_tree;
mod error;
mod explain;
mod file_type;
mod files;
mod fingerprint;
mod key;
mod label;
pub mod limits;
#[cfg(feature = "libselinux")]
mod oracle;
mod pattern;
mod policy;
mod prefixes;
mod rule_file;
mod rules;
mod steps;
mod substitution;
mod tree;

pub use dir_tree::DirTree;
pub use error::Error;
pub use explain::{Explanation, Rule, Substitution};
pub use files::{POLICY_DIRS, is_policy_path};
pub use fingerprint::Fingerprint;
pub use label::Label;
#[cfg(feature = "libselinux")]
pub use oracle::OraclePolicy;
pub use policy::{Engine, Policy};
pub use tree::{MemoryTree, PolicyTree, TreeError};

/// What the functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
