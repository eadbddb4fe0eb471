//! How much of a document is believed: one table, each line with its reason and a test.
//!
//! Manifests, indexes and configs come from whoever serves the image, and are read whole into memory.
//! What crosses a limit is refused with [`Error::TooLarge`](crate::Error::TooLarge),
//! [`Error::TooMany`](crate::Error::TooMany) or [`Error::TooDeep`](crate::Error::TooDeep); nothing is cut short.

/// Bytes of a manifest or an index, checked before parsing. 4 MiB, as in containers/image and the registries.
pub const MAX_MANIFEST_BYTES: u64 = 4 << 20;

/// Bytes of an image config, checked before parsing, and before fetching by the size in the manifest.
pub const MAX_CONFIG_BYTES: u64 = 4 << 20;

/// Levels of nested arrays and objects. Real documents have 5; `serde_json` values end at 128.
pub const MAX_JSON_DEPTH: u64 = 64;

/// Layers of one image, and diff_ids of one config. Each becomes a ref and a commit; overlayfs ends at 500.
pub const MAX_LAYERS: u64 = 1000;

/// Entries of an index. Real ones have tens: platforms, each with an attestation.
pub const MAX_INDEX_ENTRIES: u64 = 4096;

/// Entries of a config's history, empty layers included.
pub const MAX_HISTORY: u64 = 10_000;

/// Labels of a config.
pub const MAX_LABELS: u64 = 10_000;

/// Bytes of one label, name and value together.
pub const MAX_LABEL_BYTES: u64 = 1 << 20;

/// Annotations of one descriptor, of a manifest or of an index.
pub const MAX_ANNOTATIONS: u64 = 10_000;

/// Bytes of a media type: RFC 6838 allows 127 for each half.
pub const MAX_MEDIA_TYPE_BYTES: u64 = 255;

/// Bytes of a blob that a descriptor may claim: 1 TiB, so that sums over an image never overflow.
pub const MAX_BLOB_BYTES: u64 = 1 << 40;

/// Bytes of an image reference as text; paths end at 4096 too.
pub const MAX_REFERENCE_BYTES: u64 = 4096;
