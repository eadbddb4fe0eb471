#![doc = include_str!("../README.md")]

mod error;
mod keyfile;
mod origin;

pub use error::Error;
pub use keyfile::KeyFile;
pub use origin::{Origin, RPM_OSTREE_GROUPS};

/// What the functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
