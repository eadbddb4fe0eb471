//! Images whose files we read ourselves: no child process, no network.

use std::sync::Arc;

use oci_manifest::limits::{MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES};
use oci_manifest::{Config, Digest, ImageReference, Layer, Manifest, Platform};

use crate::document::{checked_config, parse_manifest};
use crate::layout::{Directory, Layout, LayoutFile};
use crate::oci_name::OciName;
use crate::open::asked_by;
use crate::private_dir::PrivateDir;
use crate::select::{self, Selected};
use crate::spool::IMAGE;
use crate::{Blob, Encoding, Error, OnEvent, Source, SourceConfig};

/// How the files of a layout are named.
#[derive(Debug, Clone, Copy)]
enum Naming {
    /// `blobs/sha256/<hex>`.
    Oci,
    /// `<hex>`, as in skopeo's `dir:`.
    Flat,
}

/// An image in an OCI layout, or in a private copy that skopeo made.
#[derive(Debug)]
pub(crate) struct DirectSource {
    image: String,
    layout: Arc<Layout>,
    naming: Naming,
    selected: Selected,
    platform: Platform,
    encoding: Encoding,
    /// Removes a private copy at the end.
    _private: Option<Arc<PrivateDir>>,
}

impl DirectSource {
    /// Opens `oci:`, or `oci-archive:` when `archive` is set.
    pub(crate) fn open(
        image: &ImageReference,
        archive: bool,
        config: &SourceConfig,
        on_event: &OnEvent,
    ) -> Result<Self, Error> {
        let name = OciName::parse(&image.name).map_err(|reason| Error::InvalidReference {
            reference: image.to_string(),
            reason,
        })?;
        let layout = if archive {
            Layout::open_archive(&name.path, &config.tmp, on_event)?
        } else {
            Layout::open_directory(&name.path)?
        };
        let shown = image.to_string();
        let selected = select::select(&layout, &name, &shown, &config.platform)?;
        Ok(Self {
            image: shown,
            layout: Arc::new(layout),
            naming: Naming::Oci,
            selected,
            platform: config.platform.clone(),
            encoding: Encoding::Declared,
            _private: None,
        })
    }

    /// Opens a private `dir:` copy of `image`. `None` when its manifest is no OCI one: skopeo must convert it.
    pub(crate) fn open_copy(
        image: &ImageReference,
        private: &Arc<PrivateDir>,
        platform: &Platform,
        encoding: Encoding,
    ) -> Result<Option<Self>, Error> {
        let path = private.path().join(IMAGE).display().to_string();
        let dir = private.dir().open_dir(IMAGE).map_err(|source| Error::Io {
            action: "open",
            path: path.clone(),
            source,
        })?;
        let layout = Layout::Directory(Directory::from_dir(path.clone(), dir));
        let Some(bytes) = layout.read("manifest.json", MAX_MANIFEST_BYTES)? else {
            return Err(Error::BlobMissing {
                path,
                file: "manifest.json".to_owned(),
            });
        };
        if !is_oci(&bytes) {
            return Ok(None);
        }
        let shown = image.to_string();
        let manifest = parse_manifest(&bytes, &shown)?;
        let digest = Digest::sha256_of(&bytes);
        let index_digest = asked_by(image).filter(|asked| *asked != digest);
        Ok(Some(Self {
            image: shown,
            layout: Arc::new(layout),
            naming: Naming::Flat,
            selected: Selected {
                manifest,
                digest,
                index_digest,
            },
            platform: platform.clone(),
            encoding,
            _private: Some(Arc::clone(private)),
        }))
    }

    fn file_of(&self, digest: &Digest) -> String {
        match self.naming {
            Naming::Oci => select::file_of(digest),
            Naming::Flat => digest.hex().to_owned(),
        }
    }

    fn missing(&self, digest: &Digest) -> Error {
        Error::BlobMissing {
            path: self.layout.path().to_owned(),
            file: self.file_of(digest),
        }
    }
}

/// Whether the manifest says of itself, or by its config, that it is OCI's.
fn is_oci(manifest: &[u8]) -> bool {
    let parsed: Option<serde_json::Value> = serde_json::from_slice(manifest).ok();
    let config = parsed
        .as_ref()
        .and_then(|value| value.pointer("/config/mediaType"));
    config
        .and_then(|value| value.as_str())
        .is_some_and(|kind| kind.starts_with("application/vnd.oci."))
}

impl Source for DirectSource {
    fn manifest_digest(&self) -> &Digest {
        &self.selected.digest
    }

    fn index_digest(&self) -> Option<&Digest> {
        self.selected.index_digest.as_ref()
    }

    fn manifest(&self) -> &Manifest {
        &self.selected.manifest
    }

    fn config(&self) -> Result<Config, Error> {
        let descriptor = self.selected.manifest.config();
        let bytes = self
            .layout
            .read(&self.file_of(&descriptor.digest), MAX_CONFIG_BYTES)?
            .ok_or_else(|| self.missing(&descriptor.digest))?;
        checked_config(&bytes, descriptor, &self.image, &self.platform)
    }

    fn blob(&self, layer: &Layer) -> Result<Blob, Error> {
        let descriptor = &layer.descriptor;
        let file = self.file_of(&descriptor.digest);
        let LayoutFile { size, content } = self
            .layout
            .find(&file)?
            .ok_or_else(|| self.missing(&descriptor.digest))?;
        if size != descriptor.size {
            return Err(Error::SizeMismatch {
                what: format!("{file} in {}", self.layout.path()),
                expected: descriptor.size,
                found: size,
            });
        }
        Ok(Blob {
            reader: content,
            encoding: self.encoding,
            digest_applies: true,
        })
    }
}
