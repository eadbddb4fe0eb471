//! The one interface of all transports.

use std::fmt::Debug;

use oci_manifest::{Config, Digest, Layer, Manifest};

use crate::{Blob, Error};

/// An opened image: its manifest is here, everything else is fetched when asked for.
pub trait Source: Debug + Send + Sync {
    /// Digest of the original bytes of the selected manifest.
    ///
    /// A docker schema 2 manifest is handed out converted to OCI by skopeo; this is then the digest of the
    /// manifest as it was before, and only skopeo can have checked it.
    fn manifest_digest(&self) -> &Digest;

    /// Digest of the index that the manifest was selected from; `None` when there was none, or when the
    /// transport does not tell (a registry, asked by tag).
    fn index_digest(&self) -> Option<&Digest>;

    /// The selected manifest, as OCI.
    fn manifest(&self) -> &Manifest;

    /// The image's config, fetched now and checked against the manifest's descriptor.
    ///
    /// # Errors
    /// When it cannot be fetched, is not the one that the manifest names, is no config, or is for another
    /// platform than the one asked for.
    fn config(&self) -> Result<Config, Error>;

    /// Opens one layer. May be called from several threads at once.
    ///
    /// # Errors
    /// When the blob is missing or of another size than the manifest says, or cannot be fetched.
    fn blob(&self, layer: &Layer) -> Result<Blob, Error>;
}
