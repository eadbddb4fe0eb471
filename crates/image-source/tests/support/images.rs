//! Tiny images in OCI layouts.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use oci_manifest::{Digest, Platform};
use serde_json::{Value, json};

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The files of a layout, by name.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    pub files: BTreeMap<String, Vec<u8>>,
    /// The entries of `index.json`.
    pub entries: Vec<Value>,
}

/// A manifest in a layout.
#[derive(Debug, Clone)]
pub struct Image {
    pub digest: Digest,
    pub size: usize,
    pub config: Digest,
    pub layers: Vec<Digest>,
    /// The compressed bytes of the layers.
    pub blobs: Vec<Vec<u8>>,
}

impl Layout {
    pub fn new() -> Self {
        let mut layout = Self::default();
        layout.files.insert(
            "oci-layout".into(),
            br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec(),
        );
        layout
    }

    pub fn blob(&mut self, bytes: &[u8]) -> Digest {
        let digest = Digest::sha256_of(bytes);
        self.files.insert(blob_file(&digest), bytes.to_vec());
        digest
    }

    pub fn put(&mut self, file: &str, bytes: &[u8]) {
        self.files.insert(file.to_owned(), bytes.to_vec());
    }

    pub fn remove(&mut self, file: &str) {
        self.files.remove(file).expect("it was there");
    }

    pub fn edit(&mut self, file: &str, change: impl FnOnce(&mut Vec<u8>)) {
        change(self.files.get_mut(file).expect("it is there"));
    }

    /// An image of gzip layers, one for each tar.
    pub fn image(&mut self, tars: &[Vec<u8>], platform: &Platform) -> Image {
        let blobs: Vec<Vec<u8>> = tars.iter().map(|tar| gzip(tar)).collect();
        let layers: Vec<Digest> = blobs.iter().map(|blob| self.blob(blob)).collect();
        let diff_ids: Vec<String> = tars
            .iter()
            .map(|tar| Digest::sha256_of(tar).to_string())
            .collect();
        // The space and the unknown key make it differ from what skopeo would write.
        let config = json!({"architecture": platform.architecture, "os": platform.os, "x.unknown": [1, 2],
            "config": {"Labels": {"a": "b"}}, "rootfs": {"type": "layers", "diff_ids": diff_ids}});
        let config_bytes = format!(" {config}").into_bytes();
        let config = self.blob(&config_bytes);
        let entries: Vec<Value> = layers
            .iter()
            .zip(&blobs)
            .map(|(digest, blob)| {
                json!({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                    "digest": digest.to_string(), "size": blob.len()})
            })
            .collect();
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config":
            {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config.to_string(),
             "size": config_bytes.len()}, "layers": entries, "annotations": {"made.by": "test"}});
        let bytes = manifest.to_string().into_bytes();
        Image {
            digest: self.blob(&bytes),
            size: bytes.len(),
            config,
            layers,
            blobs,
        }
    }

    /// An index blob of manifests or indexes.
    pub fn index(&mut self, entries: &[Value]) -> Value {
        let bytes = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
            .to_string()
            .into_bytes();
        let digest = self.blob(&bytes);
        json!({"mediaType": INDEX, "digest": digest.to_string(), "size": bytes.len()})
    }

    pub fn tag(&mut self, mut entry: Value, tag: &str) {
        entry["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
        self.entries.push(entry);
    }

    /// All files, with `index.json`.
    pub fn all_files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = self.files.clone();
        let index = json!({"schemaVersion": 2, "manifests": self.entries}).to_string();
        files
            .entry("index.json".into())
            .or_insert_with(|| index.into_bytes());
        files
    }

    pub fn write_dir(&self, dir: &Path) {
        for (name, bytes) in self.all_files() {
            let path = dir.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }

    pub fn tar(&self) -> Vec<u8> {
        tar_of(
            self.all_files()
                .iter()
                .map(|(name, bytes)| (name.as_str(), bytes.as_slice())),
        )
    }
}

impl Image {
    pub fn entry(&self) -> Value {
        json!({"mediaType": MANIFEST, "digest": self.digest.to_string(), "size": self.size})
    }

    pub fn entry_for(&self, platform: &Platform) -> Value {
        let mut entry = self.entry();
        entry["platform"] = json!({"os": platform.os, "architecture": platform.architecture});
        if let Some(variant) = &platform.variant {
            entry["platform"]["variant"] = json!(variant);
        }
        entry
    }
}

pub fn blob_file(digest: &Digest) -> String {
    format!("blobs/{}", digest.to_string().replace(':', "/"))
}

/// A tar of regular files.
pub fn tar_of<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, content).unwrap();
    }
    builder.into_inner().unwrap()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Bytes that do not compress, the same for the same seed.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32).to_le_bytes()[0]
        })
        .collect()
}

/// An image of two layers, one of `size` bytes, tagged `v1`, for the host's platform.
pub fn simple(size: usize) -> (Layout, Image) {
    let mut layout = Layout::new();
    let big = noise(7, size);
    let tars = [
        tar_of([("usr/big", big.as_slice())]),
        tar_of([("usr/small", b"small".as_slice())]),
    ];
    let image = layout.image(&tars, &Platform::host());
    layout.tag(image.entry(), "v1");
    (layout, image)
}
