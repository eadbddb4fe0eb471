//! From an OCI layout to one manifest: by tag, by digest, by platform, through indexes inside indexes.

use oci_manifest::limits::MAX_MANIFEST_BYTES;
use oci_manifest::{Descriptor, Digest, Document, Index, Manifest, Platform};

use crate::Error;
use crate::document::{check_digest, parse_document};
use crate::layout::Layout;
use crate::oci_name::OciName;

/// Indexes inside each other; real images have two.
const MAX_NESTED: usize = 4;
/// `oci-layout` has thirty bytes.
const MAX_LAYOUT_FILE_BYTES: u64 = 4096;
/// Media types of indexes: OCI's and Docker's.
const INDEX_TYPES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
/// Media types of manifests: OCI's and Docker's.
const MANIFEST_TYPES: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
/// The annotation that carries an image's name.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The manifest that was chosen.
#[derive(Debug)]
pub(crate) struct Selected {
    pub(crate) manifest: Manifest,
    pub(crate) digest: Digest,
    /// The outermost index that has a digest: `index.json` itself has none.
    pub(crate) index_digest: Option<Digest>,
}

/// Chooses the manifest that `name` means on `platform`.
pub(crate) fn select(
    layout: &Layout,
    name: &OciName,
    image: &str,
    platform: &Platform,
) -> Result<Selected, Error> {
    check_version(layout)?;
    let top = match layout.read("index.json", MAX_MANIFEST_BYTES)? {
        Some(bytes) => match parse_document(&bytes, image, "index.json")? {
            Document::Index(index) => index,
            Document::Manifest(_) => return Err(not_a_layout(layout, "index.json is no index")),
        },
        None => return Err(not_a_layout(layout, "it has no index.json")),
    };
    let mut bytes;
    // What the descriptor that led here says the document is; nothing where the user named a digest.
    let mut declared = None;
    let mut digest = match &name.digest {
        Some(digest) => {
            bytes = by_digest(layout, &top, digest)?;
            digest.clone()
        }
        None => {
            let descriptor = by_tag(layout, &top, name.tag.as_deref(), image, platform)?;
            bytes = read_described(layout, descriptor)?;
            declared = Some(descriptor.media_type.clone());
            descriptor.digest.clone()
        }
    };
    let mut index_digest = None;
    for _ in 0..=MAX_NESTED {
        let document = parse_document(&bytes, image, &format!("manifest {digest}"))?;
        check_kind(&document, declared.as_deref(), &digest, image)?;
        match document {
            Document::Manifest(manifest) => {
                return Ok(Selected {
                    manifest,
                    digest,
                    index_digest,
                });
            }
            Document::Index(index) => {
                index_digest.get_or_insert(digest.clone());
                let descriptor = by_platform(&index, platform, &digest, image)?;
                bytes = read_described(layout, descriptor)?;
                declared = Some(descriptor.media_type.clone());
                digest = descriptor.digest.clone();
            }
        }
    }
    Err(Error::NestedTooDeep {
        path: layout.path().to_owned(),
        limit: MAX_NESTED,
    })
}

/// A descriptor and its document that disagree on what the document is would be read as two images by two readers.
fn check_kind(
    document: &Document,
    declared: Option<&str>,
    digest: &Digest,
    image: &str,
) -> Result<(), Error> {
    let found = match document {
        Document::Manifest(_) => "a manifest",
        Document::Index(_) => "an index",
    };
    let agrees = match declared {
        Some(media_type) if INDEX_TYPES.contains(&media_type) => {
            matches!(document, Document::Index(_))
        }
        Some(media_type) if MANIFEST_TYPES.contains(&media_type) => {
            matches!(document, Document::Manifest(_))
        }
        _ => true,
    };
    if agrees {
        return Ok(());
    }
    Err(Error::KindMismatch {
        what: format!("{digest} of {image}"),
        declared: declared.unwrap_or_default().to_owned(),
        found,
    })
}

fn not_a_layout(layout: &Layout, reason: &'static str) -> Error {
    Error::NotALayout {
        path: layout.path().to_owned(),
        reason,
    }
}

fn check_version(layout: &Layout) -> Result<(), Error> {
    let Some(bytes) = layout.read("oci-layout", MAX_LAYOUT_FILE_BYTES)? else {
        return Err(not_a_layout(layout, "it has no oci-layout file"));
    };
    let parsed: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
    let version = parsed
        .as_ref()
        .and_then(|value| value.get("imageLayoutVersion"))
        .and_then(|v| v.as_str());
    match version {
        Some("1.0.0") => Ok(()),
        Some(found) => Err(Error::LayoutVersion {
            path: layout.path().to_owned(),
            found: found.to_owned(),
        }),
        None => Err(not_a_layout(layout, "its oci-layout file names no version")),
    }
}

/// The manifest or index of that digest: listed in `index.json`, or inside one that is.
fn by_digest(layout: &Layout, top: &Index, digest: &Digest) -> Result<Vec<u8>, Error> {
    if let Some(descriptor) = top.manifests().iter().find(|d| d.digest == *digest) {
        return read_described(layout, descriptor);
    }
    match layout.read(&file_of(digest), MAX_MANIFEST_BYTES)? {
        Some(bytes) => {
            check_digest(&bytes, digest, || {
                format!("{} in {}", file_of(digest), layout.path())
            })?;
            Ok(bytes)
        }
        None => Err(Error::NoSuchDigest {
            path: layout.path().to_owned(),
            digest: digest.clone(),
        }),
    }
}

/// The one entry with that tag; without a tag the one entry there is. Several entries that are one image for
/// several platforms count as one.
fn by_tag<'a>(
    layout: &Layout,
    top: &'a Index,
    tag: Option<&str>,
    image: &str,
    platform: &Platform,
) -> Result<&'a Descriptor, Error> {
    let name_of = |d: &Descriptor| d.annotations.get(REF_NAME).cloned();
    let images: Vec<&Descriptor> = top.manifests().iter().filter(|d| is_image(d)).collect();
    let fitting: Vec<&Descriptor> = match tag {
        None => images.clone(),
        Some(tag) => images
            .iter()
            .copied()
            .filter(|d| name_of(d).as_deref() == Some(tag))
            .collect(),
    };
    let tags = || {
        let mut tags: Vec<String> = images.iter().filter_map(|d| name_of(d)).collect();
        tags.sort();
        tags.dedup();
        tags
    };
    match (fitting.as_slice(), tag) {
        ([], None) => Err(Error::NoImage {
            path: layout.path().to_owned(),
        }),
        ([], Some(tag)) => Err(Error::NoSuchTag {
            path: layout.path().to_owned(),
            tag: tag.to_owned(),
            tags: tags(),
        }),
        ([one], _) => Ok(one),
        ([first, rest @ ..], _) if rest.iter().all(|d| d.digest == first.digest) => Ok(first),
        (several, _) => {
            let same_name = several.iter().all(|d| name_of(d) == name_of(several[0]));
            if same_name
                && several.len() == images.len()
                && several.iter().all(|d| d.platform.is_some())
            {
                return top
                    .select(platform)
                    .map_err(|source| refused("index.json".to_owned(), image, source));
            }
            Err(Error::Ambiguous {
                path: layout.path().to_owned(),
                count: several.len(),
                tags: tags(),
            })
        }
    }
}

fn refused(what: String, image: &str, source: oci_manifest::Error) -> Error {
    Error::Document {
        what,
        image: image.to_owned(),
        source,
    }
}

fn by_platform<'a>(
    index: &'a Index,
    platform: &Platform,
    digest: &Digest,
    image: &str,
) -> Result<&'a Descriptor, Error> {
    index
        .select(platform)
        .map_err(|source| refused(format!("index {digest}"), image, source))
}

/// What an `index.json` entry must be to count; other media types are other people's extensions.
fn is_image(descriptor: &Descriptor) -> bool {
    matches!(
        descriptor.media_type.as_str(),
        "application/vnd.oci.image.manifest.v1+json"
            | "application/vnd.oci.image.index.v1+json"
            | "application/vnd.docker.distribution.manifest.v2+json"
            | "application/vnd.docker.distribution.manifest.list.v2+json"
    )
}

/// Reads a manifest or index and checks it against its descriptor.
fn read_described(layout: &Layout, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
    let file = file_of(&descriptor.digest);
    let what = || format!("{file} in {}", layout.path());
    let limit = MAX_MANIFEST_BYTES;
    if descriptor.size > limit {
        return Err(Error::TooLarge {
            what: what(),
            size: descriptor.size,
            limit,
        });
    }
    let Some(bytes) = layout.read(&file, limit)? else {
        return Err(Error::BlobMissing {
            path: layout.path().to_owned(),
            file,
        });
    };
    let found = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if found != descriptor.size {
        return Err(Error::SizeMismatch {
            what: what(),
            expected: descriptor.size,
            found,
        });
    }
    check_digest(&bytes, &descriptor.digest, what)?;
    Ok(bytes)
}

/// Where a layout keeps a blob.
pub(crate) fn file_of(digest: &Digest) -> String {
    format!("blobs/{}", digest.to_string().replacen(':', "/", 1))
}
