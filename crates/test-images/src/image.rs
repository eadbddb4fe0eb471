//! [`Image`]: layers and what describes them, to manifest and config.

use std::{collections::BTreeMap, fmt, sync::Arc};

use oci_manifest::Digest;
use serde_json::{Value, json};

use crate::{BlobData, Layer};

/// Media type of an OCI image manifest.
pub const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an OCI image config.
pub const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
/// Media type of an OCI index.
pub const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";

/// A change to a document just before it is serialised.
type Edit = Arc<dyn Fn(&mut Value) + Send + Sync>;

/// An image under construction. Clone it to make the next version of it.
#[derive(Clone)]
pub struct Image {
    /// The layers, lowest first.
    pub layers: Vec<Layer>,
    /// `config.Labels`.
    pub labels: BTreeMap<String, String>,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// Operating system, as OCI names it.
    pub os: String,
    /// Architecture, as OCI names it.
    pub architecture: String,
    /// Architecture's variant.
    pub variant: Option<String>,
    /// `created` of the config (RFC 3339).
    pub created: Option<String>,
    /// Whether the config has a `history`.
    pub with_history: bool,
    config_edits: Vec<Edit>,
    manifest_edits: Vec<Edit>,
}

impl fmt::Debug for Image {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Image")
            .field("layers", &self.layers)
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}

impl Default for Image {
    fn default() -> Self {
        Self::new()
    }
}

/// The documents of an image.
#[derive(Clone, Debug)]
pub struct Built {
    /// The manifest's bytes.
    pub manifest: Vec<u8>,
    /// Digest of the manifest.
    pub manifest_digest: Digest,
    /// The config's bytes.
    pub config: Vec<u8>,
    /// Digest of the config.
    pub config_digest: Digest,
    /// All blobs the manifest names, under the digest it names them by.
    pub blobs: Vec<(Digest, BlobData)>,
    /// What an index says of the image: `os`, `architecture`, perhaps `variant`.
    pub platform: Value,
}

impl Image {
    /// An image without layers, for linux on this machine's architecture, created on 2026-01-02.
    #[must_use]
    pub fn new() -> Self {
        Self {
            layers: Vec::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            os: "linux".to_owned(),
            architecture: host_architecture().to_owned(),
            variant: None,
            created: Some("2026-01-02T03:04:05Z".to_owned()),
            with_history: true,
            config_edits: Vec::new(),
            manifest_edits: Vec::new(),
        }
    }

    /// An image of these layers.
    #[must_use]
    pub fn of(layers: impl IntoIterator<Item = Layer>) -> Self {
        Self {
            layers: layers.into_iter().collect(),
            ..Self::new()
        }
    }

    /// Puts a layer on top.
    #[must_use]
    pub fn layer(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        self
    }

    /// Puts another layer in the place of the one at `index` (from 0).
    #[must_use]
    pub fn replace_layer(mut self, index: usize, layer: Layer) -> Self {
        self.layers[index] = layer;
        self
    }

    /// Sets a label.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Sets an annotation of the manifest.
    #[must_use]
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Sets the platform, as in `linux/arm64/v8`.
    #[must_use]
    pub fn platform(mut self, text: &str) -> Self {
        let mut parts = text.split('/');
        parts.next().unwrap_or_default().clone_into(&mut self.os);
        parts
            .next()
            .unwrap_or_default()
            .clone_into(&mut self.architecture);
        self.variant = parts.next().map(str::to_owned);
        self
    }

    /// Leaves `history` out of the config (the spec makes it optional).
    #[must_use]
    pub fn without_history(mut self) -> Self {
        self.with_history = false;
        self
    }

    /// Changes the config's JSON before it is serialised and digested.
    #[must_use]
    pub fn edit_config(mut self, edit: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        self.config_edits.push(Arc::new(edit));
        self
    }

    /// Changes the manifest's JSON before it is serialised and digested.
    #[must_use]
    pub fn edit_manifest(mut self, edit: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        self.manifest_edits.push(Arc::new(edit));
        self
    }

    /// Drops the last `count` `diff_ids` of the config.
    #[must_use]
    pub fn fewer_diff_ids(self, count: usize) -> Self {
        self.edit_config(move |config| {
            if let Some(ids) = config["rootfs"]["diff_ids"].as_array_mut() {
                ids.truncate(ids.len().saturating_sub(count));
            }
        })
    }

    /// Makes the manifest at least `bytes` long, by an annotation.
    #[must_use]
    pub fn padded_manifest(self, bytes: usize) -> Self {
        self.annotation("padding", &"x".repeat(bytes))
    }

    /// Makes the manifest an index as well (CVE-2021-41190): it has `manifests` too.
    #[must_use]
    pub fn also_an_index(self) -> Self {
        self.edit_manifest(|manifest| manifest["manifests"] = json!([]))
    }

    /// The documents. The same image gives the same bytes.
    #[must_use]
    pub fn build(&self) -> Built {
        let config = self.config_bytes();
        let config_digest = Digest::sha256_of(&config);
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {
                "mediaType": CONFIG_TYPE,
                "digest": config_digest.to_string(),
                "size": config.len(),
            },
            "layers": self.layers.iter().map(descriptor).collect::<Vec<_>>(),
        });
        if !self.annotations.is_empty() {
            manifest["annotations"] = json!(self.annotations);
        }
        for edit in &self.manifest_edits {
            edit(&mut manifest);
        }
        let manifest = manifest.to_string().into_bytes();
        let mut blobs: Vec<(Digest, BlobData)> = self
            .layers
            .iter()
            .map(|layer| (layer.digest.clone(), layer.data.clone()))
            .collect();
        blobs.push((config_digest.clone(), memory(&config)));
        Built {
            manifest_digest: Digest::sha256_of(&manifest),
            manifest,
            config,
            config_digest,
            blobs,
            platform: self.platform_json(),
        }
    }

    fn config_bytes(&self) -> Vec<u8> {
        let diff_ids: Vec<String> = self
            .layers
            .iter()
            .map(|layer| layer.diff_id.to_string())
            .collect();
        let mut config = self.platform_json();
        config["config"] = json!({ "Labels": self.labels });
        config["rootfs"] = json!({ "type": "layers", "diff_ids": diff_ids });
        if let Some(created) = &self.created {
            config["created"] = json!(created);
        }
        if self.with_history {
            config["history"] = self
                .layers
                .iter()
                .map(|layer| json!({ "created": self.created, "created_by": layer.created_by }))
                .collect();
        }
        for edit in &self.config_edits {
            edit(&mut config);
        }
        config.to_string().into_bytes()
    }

    fn platform_json(&self) -> Value {
        let mut platform = json!({ "os": self.os, "architecture": self.architecture });
        if let Some(variant) = &self.variant {
            platform["variant"] = json!(variant);
        }
        platform
    }
}

pub(crate) fn memory(bytes: &[u8]) -> BlobData {
    BlobData::Memory(bytes.into())
}

fn descriptor(layer: &Layer) -> Value {
    let mut descriptor = json!({
        "mediaType": layer.media_type,
        "digest": layer.digest.to_string(),
        "size": layer.size,
    });
    if !layer.annotations.is_empty() {
        descriptor["annotations"] = json!(layer.annotations);
    }
    descriptor
}

/// This machine's architecture, as OCI (that is, Go) names it.
fn host_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        other => other,
    }
}
