#![doc = include_str!("../README.md")]

pub mod auth;
pub mod policy;

mod archive_file;
mod blob;
mod command;
mod config;
mod direct;
mod docker_archive;
mod document;
#[cfg(feature = "proxy")]
mod enforcement;
mod error;
mod error_text;
mod event;
mod fault;
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
pub use error::Error;
pub use event::{CopyReason, OnEvent, SourceEvent};
pub use fault::{ArchiveFault, FailureKind};
pub use open::open;
pub use private_dir::sweep_abandoned;
pub use retry::classify;
pub use source::Source;
