//! The layers of a storage and its images, as the storage's own records have them.
//!
//! Nobody depends on them: what cannot be read, as in a storage of a later form, makes what is told less exact.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use cap_std::fs::Dir;
use oci_manifest::Digest;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::limits::MAX_ANSWER_BYTES;
use crate::storage::Storage;

const LAYERS: &str = "overlay-layers/layers.json";
const IMAGES: &str = "overlay-images/images.json";

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Layer {
    id: String,
    parent: Option<String>,
    compressed_diff_digest: Option<Digest>,
    /// What it takes unpacked.
    #[serde(default)]
    diff_size: u64,
    /// It was being written when its writer died; podman removes it.
    #[serde(default)]
    flags: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct Image {
    id: String,
    /// The uppermost.
    layer: Option<String>,
}

impl Storage {
    /// The blobs that the storage's layers came as: podman does not fetch them again. None where that cannot be read: then
    /// each pull is expected to fetch all of its image.
    #[must_use]
    pub fn blobs(&self) -> BTreeSet<Digest> {
        let layers: Vec<Layer> = read(&self.store, LAYERS);
        let whole = layers
            .into_iter()
            .filter(|layer| !layer.flags.contains_key("incomplete"));
        whole
            .filter_map(|layer| layer.compressed_diff_digest)
            .collect()
    }

    /// Each image's layers, by the image's id: the layer's id and what it takes.
    pub(crate) fn layers_of_images(&self) -> BTreeMap<String, BTreeMap<String, u64>> {
        let layers: Vec<Layer> = read(&self.store, LAYERS);
        let layers: BTreeMap<&str, &Layer> = layers
            .iter()
            .map(|layer| (layer.id.as_str(), layer))
            .collect();
        let images: Vec<Image> = read(&self.store, IMAGES);
        let chains = images
            .into_iter()
            .map(|image| (image.id, chain(&layers, image.layer.as_deref())));
        chains.collect()
    }
}

/// A layer and those below it.
fn chain(layers: &BTreeMap<&str, &Layer>, top: Option<&str>) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let mut next = top.and_then(|id| layers.get(id));
    while let Some(layer) = next {
        // A chain in a circle is nobody's image.
        if found.insert(layer.id.clone(), layer.diff_size).is_some() {
            return BTreeMap::new();
        }
        next = layer.parent.as_deref().and_then(|id| layers.get(id));
    }
    found
}

fn read<T: DeserializeOwned>(store: &Dir, path: &str) -> Vec<T> {
    let mut bytes = Vec::new();
    let read = store
        .open(path)
        .and_then(|file| file.take(MAX_ANSWER_BYTES).read_to_end(&mut bytes));
    match read {
        Ok(_) => serde_json::from_slice(&bytes).unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a test opens a directory of its own"
)]
mod tests {
    use super::*;
    use cap_std::ambient_authority;

    const DIGEST: &str = "sha256:b550db6258d3929b0b5f9bb8cb8de43eaf03f21b3f76b09bfa76e5fd9cf9abf9";

    /// A storage with these records.
    fn storage(folder: &tempfile::TempDir, layers: &str, images: &str) -> Storage {
        let root = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        root.create_dir_all("ostree/bootc/storage/overlay-layers")
            .unwrap();
        root.create_dir_all("ostree/bootc/storage/overlay-images")
            .unwrap();
        let store = root.open_dir("ostree/bootc/storage").unwrap();
        store.write(LAYERS, layers).unwrap();
        store.write(IMAGES, images).unwrap();
        Storage::open(&root, &root).unwrap().unwrap()
    }

    #[test]
    fn blobs_of_whole_layers_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let layer = |flags: &str| {
            format!(
                r#"[{{"id": "1", "compressed-diff-digest": "{DIGEST}"{flags}}}, {{"id": "2"}}]"#
            )
        };
        let blobs = |layers: &str| storage(&folder, layers, "[]").blobs();
        assert_eq!(blobs(&layer("")), BTreeSet::from([DIGEST.parse().unwrap()]));
        let incomplete = layer(r#", "flags": {"incomplete": true}"#);
        assert_eq!(blobs(&incomplete), BTreeSet::new());
        assert_eq!(blobs("{}"), BTreeSet::new());
    }

    #[test]
    fn an_image_has_its_uppermost_layer_and_those_below() {
        let folder = tempfile::tempdir().unwrap();
        let layers = r#"[
            {"id": "base", "diff-size": 100}, {"id": "a", "parent": "base", "diff-size": 2},
            {"id": "b", "parent": "base", "diff-size": 3}, {"id": "x", "parent": "y"}, {"id": "y", "parent": "x"}]"#;
        let images = r#"[{"id": "1", "layer": "a"}, {"id": "2", "layer": "b"}, {"id": "3"}, {"id": "4", "layer": "x"}]"#;
        let found = storage(&folder, layers, images).layers_of_images();
        let expect = |layers: &[(&str, u64)]| -> BTreeMap<String, u64> {
            let layers = layers.iter().map(|(id, bytes)| ((*id).to_owned(), *bytes));
            layers.collect()
        };
        assert_eq!(found["1"], expect(&[("base", 100), ("a", 2)]));
        assert_eq!(found["2"], expect(&[("base", 100), ("b", 3)]));
        assert_eq!(found["3"], expect(&[]));
        assert_eq!(found["4"], expect(&[]));
    }
}
