//! A reference to a blob, a manifest or a config by digest.

use std::collections::BTreeMap;

use crate::error::{check_count, check_size, length};
use crate::{Digest, Error, Platform, limits};

/// What a manifest or an index says about something it refers to.
///
/// `PartialEq` compares everything, annotations included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// The media type, as written.
    pub media_type: String,
    /// The digest of the bytes as stored, that is compressed.
    pub digest: Digest,
    /// The size of those bytes, at most [`limits::MAX_BLOB_BYTES`].
    pub size: u64,
    /// The annotations; empty when there are none.
    pub annotations: BTreeMap<String, String>,
    /// The platform, which only descriptors of an index have.
    pub platform: Option<Platform>,
}

impl Descriptor {
    /// A descriptor without annotations and platform.
    #[must_use]
    pub fn new(media_type: impl Into<String>, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.into(),
            digest,
            size,
            annotations: BTreeMap::new(),
            platform: None,
        }
    }

    /// Check what the specification's types let through.
    pub(crate) fn from_spec(spec: &oci_spec::image::Descriptor) -> Result<Self, Error> {
        let media_type = spec.media_type().as_ref().to_owned();
        check_size(
            "media type",
            length(media_type.as_bytes()),
            limits::MAX_MEDIA_TYPE_BYTES,
        )?;
        check_size("blob", spec.size(), limits::MAX_BLOB_BYTES)?;
        Ok(Self {
            media_type,
            digest: spec.digest().as_ref().parse()?,
            size: spec.size(),
            annotations: annotations(spec.annotations().as_ref())?,
            platform: spec.platform().as_ref().map(|platform| Platform {
                os: platform.os().to_string(),
                architecture: platform.architecture().to_string(),
                variant: platform.variant().clone().filter(|v| !v.is_empty()),
            }),
        })
    }
}

/// Annotations in their order by name.
pub(crate) fn annotations(
    map: Option<&std::collections::HashMap<String, String>>,
) -> Result<BTreeMap<String, String>, Error> {
    let Some(map) = map else {
        return Ok(BTreeMap::new());
    };
    check_count("annotations", map.len(), limits::MAX_ANNOTATIONS)?;
    Ok(map.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
}
