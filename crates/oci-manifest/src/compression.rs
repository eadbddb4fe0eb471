//! How a layer's tar is packed.

use crate::Error;
use crate::error::quote;

/// The packing that a layer's media type declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// A plain tar.
    None,
    /// gzip, of one member or many.
    Gzip,
    /// zstd, of one frame or many; zstd:chunked is this too.
    Zstd,
}

impl Compression {
    /// The packing for a layer's media type: OCI's and Docker's tar, plain, gzip or zstd.
    ///
    /// # Errors
    /// [`Error::ForeignLayer`] for layers that are not distributed with their image, [`Error::EncryptedLayer`], and
    /// [`Error::UnsupportedLayer`] for everything else.
    pub fn from_media_type(media_type: &str) -> Result<Self, Error> {
        match media_type {
            "application/vnd.oci.image.layer.v1.tar"
            | "application/vnd.docker.image.rootfs.diff.tar" => Ok(Self::None),
            "application/vnd.oci.image.layer.v1.tar+gzip"
            | "application/vnd.docker.image.rootfs.diff.tar.gzip" => Ok(Self::Gzip),
            "application/vnd.oci.image.layer.v1.tar+zstd"
            | "application/vnd.docker.image.rootfs.diff.tar.zstd" => Ok(Self::Zstd),
            other => Err(refusal(other)),
        }
    }
}

fn refusal(media_type: &str) -> Error {
    let quoted = quote(media_type);
    if media_type.ends_with("+encrypted") {
        Error::EncryptedLayer { media_type: quoted }
    } else if media_type.starts_with("application/vnd.oci.image.layer.nondistributable.")
        || media_type.starts_with("application/vnd.docker.image.rootfs.foreign.")
    {
        Error::ForeignLayer { media_type: quoted }
    } else {
        Error::UnsupportedLayer { media_type: quoted }
    }
}
