//! When an image was made.

use crate::{Config, Manifest};

/// The annotation that says when an image was made.
pub const ANNOTATION_CREATED: &str = "org.opencontainers.image.created";

/// Seconds since 1970 of the manifest's annotation `org.opencontainers.image.created`, else of the config's `created`.
///
/// `None` when neither is there, or when the one that counts is not RFC 3339 or lies before 1970: a wrong annotation is
/// not replaced by the config's time, as ostree-ext has it.
#[must_use]
pub fn created_timestamp(manifest: &Manifest, config: &Config) -> Option<u64> {
    let annotation = manifest.annotations().get(ANNOTATION_CREATED);
    let text = annotation
        .map(String::as_str)
        .or_else(|| config.created())?;
    let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    u64::try_from(time.timestamp()).ok()
}
