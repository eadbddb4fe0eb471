#![doc = include_str!("../README.md")]

mod error;
mod escape;
mod image;
mod name;

pub use error::Error;
pub use escape::{escape, unescape};
pub use image::{blob_ref, image_ref, parse_blob_ref, parse_image_ref};
pub use name::{MAX_COMPONENT_BYTES, MAX_REF_BYTES, RefName, collides};

/// Above the refs of layers: `ostree/container/blob/sha256_3A_…`, named by the digest of the blob as stored.
pub const BLOB_PREFIX: &str = "ostree/container/blob";

/// Above the refs of images: `ostree/container/image/docker_3A__2F__2F_…`.
pub const IMAGE_PREFIX: &str = "ostree/container/image";

/// Above the refs by which other tools protect commits and their layers: `ostree/container/baseimage/PROJECT/…`.
pub const BASEIMAGE_PREFIX: &str = "ostree/container/baseimage";

/// What the functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
