#![doc = include_str!("../README.md")]

pub mod auth;
pub mod policy;

mod blob;
mod command;
mod config;
mod direct;
mod document;
#[cfg(feature = "proxy")]
mod enforcement;
mod error;
mod event;
mod host_file;
mod layout;
mod oci_name;
mod open;
mod private_dir;
#[cfg(feature = "proxy")]
mod proxy;
mod retry;
mod select;
mod source;
mod spool;

pub use blob::{Blob, Encoding};
pub use config::{Auth, PolicyFile, Retry, SourceConfig};
pub use error::{ArchiveFault, Error, FailureKind};
pub use event::{CopyReason, OnEvent, SourceEvent};
pub use open::open;
pub use private_dir::sweep_abandoned;
pub use retry::classify;
pub use source::Source;
