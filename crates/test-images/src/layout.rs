//! [`Layout`]: images to an OCI layout directory or archive.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::Path,
};

use oci_manifest::Digest;
use serde_json::{Value, json};

use crate::{
    BlobData, Built, Entry, Error, Node,
    image::{INDEX_TYPE, MANIFEST_TYPE, memory},
    tar::{Dialect, TarWriter},
};

/// An OCI image layout (image-spec, `image-layout.md`): several images, tags, multi-arch indexes.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    manifests: Vec<Value>,
    blobs: BTreeMap<Digest, BlobData>,
}

impl Layout {
    /// A layout without images.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an image under a tag.
    #[must_use]
    pub fn image(mut self, tag: &str, image: &Built) -> Self {
        let mut descriptor = manifest_descriptor(image);
        descriptor["annotations"] = ref_name(tag);
        self.manifests.push(descriptor);
        self.add_blobs(image);
        self
    }

    /// Adds an index over these images (one a platform) under a tag.
    #[must_use]
    pub fn multi_arch(mut self, tag: &str, images: &[&Built]) -> Self {
        let manifests: Vec<Value> = images
            .iter()
            .map(|image| {
                let mut descriptor = manifest_descriptor(image);
                descriptor["platform"] = image.platform.clone();
                descriptor
            })
            .collect();
        let index = json!({
            "schemaVersion": 2,
            "mediaType": INDEX_TYPE,
            "manifests": manifests,
        });
        for image in images {
            self.add_blobs(image);
        }
        self.document(tag, INDEX_TYPE, index.to_string().as_bytes())
    }

    /// Adds any document as a manifest under a tag.
    #[must_use]
    pub fn document(mut self, tag: &str, media_type: &str, bytes: &[u8]) -> Self {
        let digest = Digest::sha256_of(bytes);
        self.manifests.push(json!({
            "mediaType": media_type,
            "digest": digest.to_string(),
            "size": bytes.len(),
            "annotations": ref_name(tag),
        }));
        self.blob(&digest, memory(bytes))
    }

    /// Puts a blob under this digest, whatever its bytes are.
    #[must_use]
    pub fn blob(mut self, digest: &Digest, data: BlobData) -> Self {
        self.blobs.insert(digest.clone(), data);
        self
    }

    /// Takes a blob away.
    #[must_use]
    pub fn without_blob(mut self, digest: &Digest) -> Self {
        self.blobs.remove(digest);
        self
    }

    /// Digest of the manifest or index under a tag.
    #[must_use]
    pub fn digest(&self, tag: &str) -> Option<Digest> {
        self.manifests
            .iter()
            .find(|manifest| manifest["annotations"] == ref_name(tag))
            .and_then(|manifest| manifest["digest"].as_str()?.parse().ok())
    }

    /// Writes the layout into a directory, which is made when missing. Blobs that are files
    /// become hardlinks where the file system allows, else copies.
    ///
    /// # Errors
    ///
    /// [`Error::Write`], [`Error::Read`].
    pub fn write_dir(&self, path: &Path) -> Result<(), Error> {
        let written = |what: &Path| {
            let what = what.display().to_string();
            move |source| Error::Write { what, source }
        };
        for (name, bytes) in self.documents() {
            let file = path.join(name);
            fs::create_dir_all(path).map_err(written(path))?;
            fs::write(&file, bytes).map_err(written(&file))?;
        }
        for (digest, data) in &self.blobs {
            let file = path.join(blob_path(digest));
            let folder = file.parent().unwrap_or(path);
            fs::create_dir_all(folder).map_err(written(folder))?;
            match data {
                BlobData::Memory(bytes) => fs::write(&file, bytes),
                BlobData::File(from) => link_or_copy(from, &file),
            }
            .map_err(written(&file))?;
        }
        Ok(())
    }

    /// Writes the layout as one tar, as `oci-archive:` reads it.
    ///
    /// # Errors
    ///
    /// [`Error::Write`], [`Error::Read`].
    pub fn write_archive<W: Write>(&self, out: W) -> Result<W, Error> {
        let mut tar = TarWriter::new(out, Dialect::Ustar);
        for (name, bytes) in self.documents() {
            let entry = Entry::new(name, Node::File("".into()));
            tar.file(&entry, bytes.len() as u64, &mut &*bytes)?;
        }
        for (digest, data) in &self.blobs {
            let entry = Entry::new(blob_path(digest), Node::File("".into()));
            let size = match data {
                BlobData::Memory(bytes) => bytes.len() as u64,
                BlobData::File(path) => fs::metadata(path)
                    .map_err(|source| Error::Read {
                        path: path.to_path_buf(),
                        source,
                    })?
                    .len(),
            };
            tar.file(&entry, size, &mut data.open()?)?;
        }
        tar.finish()
    }

    fn documents(&self) -> [(&'static str, Vec<u8>); 2] {
        let layout = json!({ "imageLayoutVersion": "1.0.0" });
        let index = json!({ "schemaVersion": 2, "manifests": self.manifests });
        [
            ("oci-layout", layout.to_string().into_bytes()),
            ("index.json", index.to_string().into_bytes()),
        ]
    }

    fn add_blobs(&mut self, image: &Built) {
        self.blobs.extend(image.blobs.iter().cloned());
        self.blobs
            .insert(image.manifest_digest.clone(), memory(&image.manifest));
    }
}

fn manifest_descriptor(image: &Built) -> Value {
    json!({
        "mediaType": MANIFEST_TYPE,
        "digest": image.manifest_digest.to_string(),
        "size": image.manifest.len(),
    })
}

fn ref_name(tag: &str) -> Value {
    json!({ "org.opencontainers.image.ref.name": tag })
}

fn blob_path(digest: &Digest) -> String {
    format!("blobs/{}", digest.to_string().replace(':', "/"))
}

fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    match fs::remove_file(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(|_| ()))
}
