#![doc = include_str!("../README.md")]

pub mod compress;
mod content;
mod encapsulated;
mod error;
pub mod fault_proxy;
mod image;
mod layer;
mod layout;
mod listing;
pub mod registry;
pub mod tar;
mod tree_diff;

pub use compress::Packing;
pub use content::{Content, ContentReader};
pub use encapsulated::{Encapsulated, Encapsulation, XattrGeneration};
pub use error::Error;
pub use image::{Built, CONFIG_TYPE, INDEX_TYPE, Image, MANIFEST_TYPE};
pub use layer::{BlobData, Layer, LayerWriter};
pub use layout::Layout;
pub use listing::{Entry, Listing, Node};
pub use tree_diff::{DiffReport, TreeDiff};

/// Digest of a blob or a document.
pub use oci_manifest::Digest;
