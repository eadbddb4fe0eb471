//! Refs of blobs and of images.

use oci_manifest::{Digest, ImageReference};

use crate::{BLOB_PREFIX, Error, IMAGE_PREFIX, RefName, escape, unescape};

/// The ref of the commit that holds a layer, by the digest of the layer's blob as the manifest names it (compressed),
/// never by its diff_id.
///
/// # Errors
/// None today; the lengths of all digests fit.
pub fn blob_ref(digest: &Digest) -> Result<RefName, Error> {
    below(BLOB_PREFIX, &digest.to_string())
}

/// The ref of an image's merge commit. The reference's text form names it, so always `docker://` for a registry; what
/// vouches for the image does not count. Give the [canonical](ImageReference::canonical) reference.
///
/// # Errors
/// A name that is empty or has NUL; a part that ostree or the file system does not take: one that begins with `-`,
/// one of more than 255 bytes once escaped, a ref longer than a path.
pub fn image_ref(image: &ImageReference) -> Result<RefName, Error> {
    if image.name.is_empty() {
        return Err(Error::Empty);
    }
    below(IMAGE_PREFIX, &image.to_string())
}

/// The digest of a blob's ref.
///
/// # Errors
/// Not below [`BLOB_PREFIX`], or no digest there.
pub fn parse_blob_ref(name: &str) -> Result<Digest, Error> {
    let text = inner(BLOB_PREFIX, name)?;
    text.parse().map_err(|source| Error::NoDigest {
        name: name.to_owned(),
        source,
    })
}

/// The reference of an image's ref.
///
/// # Errors
/// Not below [`IMAGE_PREFIX`], or no reference there.
pub fn parse_image_ref(name: &str) -> Result<ImageReference, Error> {
    let text = inner(IMAGE_PREFIX, name)?;
    text.parse().map_err(|source| Error::NoReference {
        name: name.to_owned(),
        source,
    })
}

fn below(prefix: &str, text: &str) -> Result<RefName, Error> {
    format!("{prefix}/{}", escape(text)?).parse()
}

fn inner(prefix: &'static str, name: &str) -> Result<String, Error> {
    let rest = name
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('/'));
    unescape(rest.ok_or_else(|| Error::Prefix {
        name: name.to_owned(),
        prefix,
    })?)
}
