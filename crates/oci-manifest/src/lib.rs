#![doc = include_str!("../README.md")]

mod compression;
mod config;
mod descriptor;
mod digest;
mod document;
mod error;
mod index;
mod layout;
pub mod limits;
mod manifest;
mod platform;
mod reference;
mod shape;
mod timestamp;

pub use compression::Compression;
pub use config::{Config, History};
pub use descriptor::Descriptor;
pub use digest::{Algorithm, DiffId, Digest, Hasher};
pub use document::{Document, parse_document};
pub use error::Error;
pub use index::Index;
pub use layout::{LABEL_FINAL_DIFFID, Layer, Layout, Role};
pub use manifest::Manifest;
pub use platform::Platform;
pub use reference::{
    BootcImageReference, BootcSignature, ImageReference, OstreeImageReference, SignatureSource,
    Transport,
};
pub use timestamp::{ANNOTATION_CREATED, created_timestamp};

/// What the functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
