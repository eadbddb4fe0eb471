//! What can be wrong with a document or a reference.

use crate::{Digest, Platform};

/// Why a document or a reference was refused.
///
/// Text that came from outside is shown escaped and cut to a line, so that a message can go to a terminal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A document or a reference has more bytes than [`limits`](crate::limits) allow.
    #[error("{what} of {size} bytes is larger than the limit of {limit} bytes")]
    TooLarge {
        /// What was measured.
        what: &'static str,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A document has more of something than [`limits`](crate::limits) allow.
    #[error("{count} {what} are more than the limit of {limit}")]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        count: u64,
        /// How many there may be.
        limit: u64,
    },
    /// The JSON nests deeper than [`MAX_JSON_DEPTH`](crate::limits::MAX_JSON_DEPTH).
    #[error("{what} nests deeper than {limit} levels of JSON")]
    TooDeep {
        /// The document.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// A document is not UTF-8.
    #[error("{what} is not UTF-8")]
    NotUtf8 {
        /// The document.
        what: &'static str,
        /// Where it is not.
        source: std::str::Utf8Error,
    },
    /// A document is not JSON, or not of the form the specification asks for.
    #[error("{what} cannot be parsed: {detail}")]
    Json {
        /// The document.
        what: &'static str,
        /// The parser's words, escaped, with line and column.
        detail: String,
    },
    /// A key stands twice at the top of a document, or in two spellings: readers would disagree.
    #[error("{what} has the key {key} twice, or in an unusual case that readers take differently")]
    AmbiguousKey {
        /// The document.
        what: &'static str,
        /// The key, quoted.
        key: String,
    },
    /// One document reads as an index and as a manifest (CVE-2021-41190).
    #[error("document is both an image index and an image manifest")]
    BothIndexAndManifest,
    /// A manifest of Docker's first schema, which names no config and no diff_ids.
    #[error(
        "manifest is of Docker schema 1, which is not supported: push the image again with a newer tool"
    )]
    Schema1,
    /// A manifest, but of an artifact (signature, bill of materials, chart …).
    #[error("not an image: {found}")]
    NotAnImage {
        /// What tells.
        found: String,
    },
    /// A document whose media type is no manifest's and no index's.
    #[error("unsupported media type {media_type} of a manifest")]
    UnsupportedDocument {
        /// The media type, quoted.
        media_type: String,
    },
    /// The media type says one thing, the keys another.
    #[error("document calls itself {media_type} but has no {missing:?}")]
    MediaTypeMismatch {
        /// The media type, quoted.
        media_type: String,
        /// The key that such a document has.
        missing: &'static str,
    },
    /// Neither a manifest nor an index.
    #[error("neither an image manifest nor an image index: no \"layers\", no \"manifests\"")]
    UnknownDocument,
    /// A manifest where an index was expected, or the other way round.
    #[error("found an image {found} where an image {expected} was expected")]
    WrongDocument {
        /// What was asked for.
        expected: &'static str,
        /// What the bytes are.
        found: &'static str,
    },
    /// `schemaVersion` is not 2.
    #[error("unsupported schemaVersion {found}")]
    SchemaVersion {
        /// The version found.
        found: u64,
    },
    /// A manifest without layers.
    #[error("no layers in manifest")]
    NoLayers,
    /// One of a document's descriptors is wrong.
    #[error("{part} {position}")]
    Descriptor {
        /// Of which list: `layer`, `config`, `manifest`, `diff_id`.
        part: &'static str,
        /// Position in the list, from 0.
        position: usize,
        /// What is wrong with it.
        source: Box<Self>,
    },
    /// Not a digest.
    #[error("invalid digest {text}: {reason}")]
    InvalidDigest {
        /// The text, quoted.
        text: String,
        /// Why not.
        reason: &'static str,
    },
    /// A layer that is not to be distributed with its image, and hence cannot be fetched like the others.
    #[error("non-distributable (foreign) layer of type {media_type} is not supported")]
    ForeignLayer {
        /// The media type, quoted.
        media_type: String,
    },
    /// An encrypted layer.
    #[error("encrypted layer of type {media_type} is not supported")]
    EncryptedLayer {
        /// The media type, quoted.
        media_type: String,
    },
    /// A layer of a type that is no tar we can read.
    #[error("unhandled layer type {media_type}")]
    UnsupportedLayer {
        /// The media type, quoted.
        media_type: String,
    },
    /// The config does not list one diff_id for each layer.
    #[error("manifest has {layers} layers but config has {diff_ids} diff_ids")]
    DiffIdCount {
        /// Layers of the manifest.
        layers: usize,
        /// diff_ids of the config.
        diff_ids: usize,
    },
    /// The label names a last base layer that the config does not list.
    #[error("missing ostree.final-diffid {diff_id} in the diff_ids of the config")]
    FinalDiffIdMissing {
        /// The label's value, quoted.
        diff_id: String,
    },
    /// The label names a diff_id beyond the layers of the manifest.
    #[error("diffid position {position} exceeds layer count {layers}")]
    FinalDiffIdOutOfRange {
        /// Position of the diff_id in the config, from 0.
        position: usize,
        /// Layers of the manifest.
        layers: usize,
    },
    /// A layer of the ostree base stands in the image again where it cannot be what it was.
    #[error(
        "multiple entries for {digest}: layer {first} of the ostree base is repeated as layer {again}"
    )]
    RepeatedBaseLayer {
        /// The blob.
        digest: Digest,
        /// Its first position.
        first: usize,
        /// Its other position.
        again: usize,
    },
    /// One blob is said to unpack to two different things.
    #[error("layers {first} and {again} are one blob {digest} but have different diff_ids")]
    ContradictoryDiffIds {
        /// The blob.
        digest: Digest,
        /// Its first position.
        first: usize,
        /// Its other position.
        again: usize,
    },
    /// The config describes a root file system that is not made of layers.
    #[error("unsupported rootfs type {found} in config")]
    RootFsType {
        /// The type, quoted.
        found: String,
    },
    /// The config has no `rootfs`.
    #[error("config has no \"rootfs\"")]
    NoRootFs,
    /// No entry of the index fits.
    #[error("no image for platform {wanted} in the index; it has: {available}")]
    NoPlatform {
        /// The platform asked for.
        wanted: Box<Platform>,
        /// The platforms there are.
        available: String,
    },
    /// The image is for another platform.
    #[error("image has platform {found}; expected {expected}")]
    WrongPlatform {
        /// What the config says, quoted.
        found: String,
        /// What was expected.
        expected: Box<Platform>,
    },
    /// Not a platform.
    #[error(
        "invalid platform {text}: expected os/architecture or os/architecture/variant, such as linux/arm64"
    )]
    InvalidPlatform {
        /// The text, quoted.
        text: String,
    },
    /// A reference without a transport.
    #[error("missing ':' in {text}")]
    MissingColon {
        /// The text, quoted.
        text: String,
    },
    /// An unknown transport.
    #[error(
        "invalid transport {word}: expected registry, docker://, oci, oci-archive, docker-archive, \
         containers-storage, dir or docker-daemon"
    )]
    InvalidTransport {
        /// The word, quoted.
        word: String,
    },
    /// `docker:` without the slashes.
    #[error("missing // in docker:// in {text}")]
    MissingSlashes {
        /// The text, quoted.
        text: String,
    },
    /// Nothing after the transport.
    #[error("invalid empty name in {text}")]
    EmptyName {
        /// The text, quoted.
        text: String,
    },
    /// `ostree-remote-image:` or `ostree-remote-registry:` without a remote.
    #[error(
        "missing second ':' in {text}: expected the name of an ostree remote, then ':' and the image"
    )]
    MissingSecondColon {
        /// The text, quoted.
        text: String,
    },
    /// Not one of the five schemes of an ostree image reference.
    #[error("invalid ostree image reference scheme {scheme}")]
    InvalidScheme {
        /// The scheme, quoted.
        scheme: String,
    },
    /// Not a signature source.
    #[error(
        "invalid signature source {text}: expected ostree-image-signed, ostree-unverified-image or \
         ostree-remote-image:NAME"
    )]
    InvalidSignatureSource {
        /// The text, quoted.
        text: String,
    },
    /// A name that no registry has.
    #[error("invalid image name {text}: {reason}")]
    InvalidName {
        /// The text, quoted.
        text: String,
        /// Why not, and what to write instead.
        reason: &'static str,
    },
}

/// Characters of foreign text that a message shows.
const SHOWN: usize = 200;

/// Quote text from outside for a message: control characters escaped, cut to [`SHOWN`] characters.
pub(crate) fn quote(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// Make a parser's message fit for a terminal: control characters escaped, cut to [`SHOWN`] characters.
pub(crate) fn clean(message: &str) -> String {
    let mut out = String::new();
    for c in message.chars().take(SHOWN) {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    if message.chars().nth(SHOWN).is_some() {
        out.push('…');
    }
    out
}

/// Check a count against its limit.
pub(crate) fn check_count(what: &'static str, count: usize, limit: u64) -> Result<(), Error> {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    if count > limit {
        return Err(Error::TooMany { what, count, limit });
    }
    Ok(())
}

/// Check a size in bytes against its limit.
pub(crate) fn check_size(what: &'static str, size: u64, limit: u64) -> Result<(), Error> {
    if size > limit {
        return Err(Error::TooLarge { what, size, limit });
    }
    Ok(())
}

/// Length of a slice as the `u64` that sizes are counted in.
pub(crate) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
