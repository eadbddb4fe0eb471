//! Which kind of document some bytes are.

use crate::error::quote;
use crate::shape::{self, Shape};
use crate::{Error, Index, Manifest, limits};

/// Media types of an image manifest.
const MANIFEST_TYPES: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// Media types of an image index.
const INDEX_TYPES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

/// Docker's first schema; also `…v1+prettyjws`.
const SCHEMA1_TYPES: &str = "application/vnd.docker.distribution.manifest.v1+";

/// The artifact manifest that image-spec 1.1 had in its release candidates.
const ARTIFACT_TYPE: &str = "application/vnd.oci.artifact.manifest.v1+json";

/// The keys by which documents are told apart and read.
const KEYS: [&str; 11] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "annotations",
    "subject",
    "blobs",
    "fsLayers",
    "history",
];

/// What a registry, or the `index.json` of an OCI directory, serves under a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// One image.
    Manifest(Manifest),
    /// Images for several platforms, or of several names.
    Index(Index),
}

/// Parse a manifest or an index, whichever it is. OCI documents and Docker's second schema are accepted.
///
/// # Errors
/// Over [`limits::MAX_MANIFEST_BYTES`] (checked before parsing) or another limit; not UTF-8 or not JSON; a document
/// that is both kinds; Docker schema 1; a manifest of an artifact and not of an image; a wrong digest or size.
pub fn parse_document(bytes: &[u8]) -> Result<Document, Error> {
    let (text, kind) = examine(bytes)?;
    Ok(match kind {
        Kind::Manifest => Document::Manifest(Manifest::from_text(text)?),
        Kind::Index => Document::Index(Index::from_text(text)?),
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Manifest,
    Index,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Index => "index",
        }
    }
}

/// Check everything that does not need the typed parser, for one expected kind.
pub(crate) fn examine_as(bytes: &[u8], expected: Kind) -> Result<&str, Error> {
    let (text, kind) = examine(bytes)?;
    if kind != expected {
        return Err(Error::WrongDocument {
            expected: expected.name(),
            found: kind.name(),
        });
    }
    Ok(text)
}

/// Whether a descriptor's media type is that of a manifest or an index.
pub(crate) fn is_document_type(media_type: &str) -> bool {
    MANIFEST_TYPES.contains(&media_type) || INDEX_TYPES.contains(&media_type)
}

fn examine(bytes: &[u8]) -> Result<(&str, Kind), Error> {
    let text = shape::text_of("manifest", bytes, limits::MAX_MANIFEST_BYTES)?;
    let shape = shape::shape("manifest", text, &KEYS)?;
    let kind = kind_of(&shape)?;
    match shape.number("schemaVersion") {
        Some(2) | None => Ok((text, kind)),
        Some(found) => Err(Error::SchemaVersion { found }),
    }
}

fn kind_of(shape: &Shape) -> Result<Kind, Error> {
    let media_type = shape.text("mediaType");
    if media_type.is_some_and(|m| m.starts_with(SCHEMA1_TYPES))
        || shape.has("fsLayers")
        || shape.number("schemaVersion") == Some(1)
    {
        return Err(Error::Schema1);
    }
    if media_type == Some(ARTIFACT_TYPE) || shape.has("blobs") {
        let found = format!(
            "artifact manifest of type {}",
            quote(shape.text("artifactType").unwrap_or(""))
        );
        return Err(Error::NotAnImage { found });
    }
    let as_manifest = shape.has("layers") || shape.has("config");
    let as_index = shape.has("manifests");
    if as_manifest && as_index {
        return Err(Error::BothIndexAndManifest);
    }
    let mismatch = |media_type: &str, missing| {
        Err(Error::MediaTypeMismatch {
            media_type: quote(media_type),
            missing,
        })
    };
    match media_type {
        Some(m) if MANIFEST_TYPES.contains(&m) && !as_manifest => mismatch(m, "layers"),
        Some(m) if INDEX_TYPES.contains(&m) && !as_index => mismatch(m, "manifests"),
        Some(m) if !is_document_type(m) => Err(Error::UnsupportedDocument {
            media_type: quote(m),
        }),
        _ if as_manifest => Ok(Kind::Manifest),
        _ if as_index => Ok(Kind::Index),
        _ => Err(Error::UnknownDocument),
    }
}
