//! Manifests and configs: checked against their digest before they are parsed.

use oci_manifest::{Algorithm, Config, Descriptor, Digest, Document, Hasher, Manifest, Platform};

use crate::Error;

/// The digest of some bytes by the algorithm of another digest.
pub(crate) fn digest_like(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}

/// Refuses bytes that are not what `expected` says; `what` is for the message.
pub(crate) fn check_digest(
    bytes: &[u8],
    expected: &Digest,
    what: impl FnOnce() -> String,
) -> Result<(), Error> {
    let found = digest_like(expected.algorithm(), bytes);
    if found == *expected {
        return Ok(());
    }
    Err(Error::DigestMismatch {
        what: what(),
        expected: expected.clone(),
        found,
    })
}

/// Parses a manifest that must be one, and no index.
pub(crate) fn parse_manifest(bytes: &[u8], image: &str) -> Result<Manifest, Error> {
    match parse_document(bytes, image, "manifest")? {
        Document::Manifest(manifest) => Ok(manifest),
        Document::Index(_) => Err(Error::InvalidReference {
            reference: image.to_owned(),
            reason: "an index came in place of a manifest",
        }),
    }
}

/// Parses a manifest or an index.
pub(crate) fn parse_document(bytes: &[u8], image: &str, what: &str) -> Result<Document, Error> {
    oci_manifest::parse_document(bytes).map_err(|source| Error::Document {
        what: what.to_owned(),
        image: image.to_owned(),
        source,
    })
}

/// Checks a config against its descriptor and the wanted platform, and parses it.
pub(crate) fn checked_config(
    bytes: &[u8],
    descriptor: &Descriptor,
    image: &str,
    platform: &Platform,
) -> Result<Config, Error> {
    let what = || format!("the config {} of {image}", descriptor.digest);
    let found = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if found != descriptor.size {
        return Err(Error::SizeMismatch {
            what: what(),
            expected: descriptor.size,
            found,
        });
    }
    check_digest(bytes, &descriptor.digest, what)?;
    let refused = |source| Error::Document {
        what: format!("config {}", descriptor.digest),
        image: image.to_owned(),
        source,
    };
    let config = Config::parse(bytes).map_err(refused)?;
    config.check_platform(platform).map_err(refused)?;
    Ok(config)
}
