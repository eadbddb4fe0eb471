//! Images that are in the repository, read from their merge commits (format: keys of the merge commit's
//! metadata as ostree-ext's `container/store.rs` writes them).

use oci_manifest::{Config, Digest, ImageReference, Layout, Manifest, Role, Transport};
pub(crate) use ostree_flatten::KEY_MANIFEST as MANIFEST;
use ostree_flatten::{
    KEY_CONFIG as CONFIG, KEY_IMPORTER_VERSION as IMPORTER_VERSION,
    KEY_MANIFEST_DIGEST as MANIFEST_DIGEST,
};
use ostree_objects::{Checksum, Commit, Value};
use ostree_refs::{RefName, blob_ref, image_ref};

use crate::{Error, Storage};

/// An image as its merge commit describes it.
#[derive(Debug, Clone)]
pub struct StoredImage {
    /// Its name: what its ref unescapes to.
    pub reference: ImageReference,
    /// The merge commit's checksum.
    pub merge_commit: Checksum,
    /// The merge commit's parent, the base commit of an encapsulated image.
    pub base_commit: Option<Checksum>,
    /// Seconds since 1970 of the merge commit.
    pub timestamp: u64,
    /// Digest of the manifest as the registry served it.
    pub manifest_digest: Digest,
    /// The manifest as it was stored.
    pub manifest: Manifest,
    /// The config as it was stored.
    pub config: Config,
    /// Who imported it, `bootc-storage/…` if it was us.
    pub importer: Option<String>,
    /// The tree's root: dirtree checksum and dirmeta checksum.
    pub tree: (Checksum, Checksum),
}

/// A layer of a stored image and the commit its ref names.
#[derive(Debug, Clone)]
pub struct StoredLayer {
    /// Position in the manifest.
    pub index: usize,
    /// The blob's digest.
    pub digest: Digest,
    /// The digest of the uncompressed tar, as the config says.
    pub diff_id: Option<Digest>,
    /// What the layer is; unknown when manifest and config disagree.
    pub role: Option<Role>,
    /// Transfer size in bytes.
    pub size_bytes: u64,
    /// The layer commit; none when its ref is missing or broken.
    pub commit: Option<Checksum>,
}

impl StoredImage {
    /// The image under `reference`, if it is stored.
    ///
    /// # Errors
    /// When its ref or merge commit cannot be read.
    pub(crate) fn find(
        storage: &Storage,
        reference: &ImageReference,
    ) -> Result<Option<Self>, Error> {
        // As it is written first: other programs store names that are not canonical.
        for name in [reference.clone(), reference.canonical()] {
            let ref_name = image_ref_of(&name)?;
            let commit = storage
                .repo
                .resolve_ref(ref_name.as_str())
                .map_err(|source| Error::Store {
                    action: "read an image ref",
                    source,
                })?;
            if let Some(commit) = commit {
                return Self::read(storage, &name, commit).map(Some);
            }
        }
        Ok(None)
    }

    /// The image that merge commit `commit` describes.
    pub(crate) fn read(
        storage: &Storage,
        reference: &ImageReference,
        commit: Checksum,
    ) -> Result<Self, Error> {
        let object = storage
            .repo
            .read_commit(&commit)
            .map_err(|source| Error::Store {
                action: "read a merge commit",
                source,
            })?;
        Self::parse(reference, commit, &object).map_err(|reason| Error::BadStoredImage {
            name: reference.to_string(),
            commit,
            reason,
        })
    }

    fn parse(
        reference: &ImageReference,
        checksum: Checksum,
        commit: &Commit,
    ) -> Result<Self, String> {
        let manifest_digest = text(commit, MANIFEST_DIGEST)
            .ok_or_else(|| format!("metadata key {MANIFEST_DIGEST} is missing"))?
            .parse::<Digest>()
            .map_err(|e| e.to_string())?;
        let manifest =
            text(commit, MANIFEST).ok_or_else(|| format!("metadata key {MANIFEST} is missing"))?;
        let manifest = Manifest::parse(manifest.as_bytes()).map_err(|e| e.to_string())?;
        let config = Config::parse_stored(text(commit, CONFIG).unwrap_or("null").as_bytes())
            .map_err(|e| e.to_string())?;
        Ok(Self {
            reference: reference.clone(),
            merge_commit: checksum,
            base_commit: commit.parent,
            timestamp: commit.timestamp,
            manifest_digest,
            manifest,
            config,
            importer: text(commit, IMPORTER_VERSION).map(str::to_owned),
            tree: (commit.tree, commit.meta),
        })
    }

    /// The layers in manifest order with what the repository holds for each.
    ///
    /// A missing ref is shown as such: other tools leave such images, and listing must not fail for them.
    ///
    /// # Errors
    /// When refs cannot be read at all.
    pub fn layers(&self, storage: &Storage) -> Result<Vec<StoredLayer>, Error> {
        let layout = Layout::new(&self.manifest, &self.config).ok();
        let mut layers = Vec::with_capacity(self.manifest.layers().len());
        for (index, descriptor) in self.manifest.layers().iter().enumerate() {
            layers.push(StoredLayer {
                index,
                digest: descriptor.digest.clone(),
                diff_id: self.config.diff_ids().get(index).map(|d| d.0.clone()),
                role: layout.as_ref().map(|l| l.layers[index].role),
                size_bytes: descriptor.size,
                commit: layer_commit(storage, &descriptor.digest),
            });
        }
        Ok(layers)
    }
}

impl Storage {
    /// The image that a commit of unknown kind is the merge commit of; none for one without a manifest.
    pub(crate) fn read_merge_commit(
        &self,
        commit: &Checksum,
    ) -> Result<Option<StoredImage>, Error> {
        if manifest_of(self, commit)?.is_none() {
            return Ok(None);
        }
        // Its name stands in refs and origins only.
        let nameless = ImageReference {
            transport: Transport::Dir,
            name: commit.to_string(),
        };
        StoredImage::read(self, &nameless, *commit).map(Some)
    }
}

/// The ref of the image of that name.
pub(crate) fn image_ref_of(reference: &ImageReference) -> Result<RefName, Error> {
    image_ref(reference).map_err(|source| Error::Ref {
        reference: reference.to_string(),
        source,
    })
}

/// The manifest in a commit's metadata; none for a commit that is no image.
pub(crate) fn manifest_of(storage: &Storage, commit: &Checksum) -> Result<Option<Manifest>, Error> {
    let object = storage
        .repo
        .read_commit(commit)
        .map_err(|source| Error::Store {
            action: "read a commit",
            source,
        })?;
    let bad = |reason| Error::BadStoredImage {
        name: commit.to_string(),
        commit: *commit,
        reason,
    };
    match object.metadata.0.get(MANIFEST) {
        None => Ok(None),
        Some(Value::Str(manifest)) => Manifest::parse(manifest.as_bytes())
            .map(Some)
            .map_err(|e| bad(e.to_string())),
        Some(_) => Err(bad(format!("metadata key {MANIFEST} is no text"))),
    }
}

/// The commit of the layer ref for `digest`, if the ref is there and its commit can be read.
pub(crate) fn layer_commit(storage: &Storage, digest: &Digest) -> Option<Checksum> {
    let name = blob_ref(digest).ok()?;
    let commit = storage.repo.resolve_ref(name.as_str()).ok()??;
    storage.repo.read_commit(&commit).ok().map(|_| commit)
}

pub(crate) fn text<'a>(commit: &'a Commit, key: &str) -> Option<&'a str> {
    match commit.metadata.0.get(key) {
        Some(Value::Str(text)) => Some(text),
        _ => None,
    }
}
