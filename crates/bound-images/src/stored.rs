//! The images of a storage, as podman lists them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use oci_manifest::Digest;
use serde::Deserialize;

use crate::BoundReference;
use crate::limits::MAX_ANSWER_BYTES;
use crate::storage::Storage;

/// Where the storage says what layers it has.
const LAYERS: &str = "overlay-layers/layers.json";

/// An image in the storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    /// podman's id: the digest of its config without the algorithm.
    pub id: String,
    /// Its names, as podman spells them: with registry and tag.
    pub names: Vec<String>,
    /// Digest of its manifest.
    pub digest: Digest,
    /// By which digests it can be named: repository, `@`, and the digest of its manifest or of an index with it.
    pub repo_digests: Vec<String>,
    /// What its layers take, those that it shares with others included.
    pub bytes: u64,
}

impl StoredImage {
    /// Whether podman finds it under this name.
    #[must_use]
    pub fn answers_to(&self, reference: &BoundReference) -> bool {
        let name = reference.to_string();
        self.names.contains(&name) || self.repo_digests.contains(&name)
    }

    /// Whether its manifest, or an index that it came by, has this digest.
    #[must_use]
    pub fn has_digest(&self, digest: &Digest) -> bool {
        let ends = format!("@{digest}");
        self.digest == *digest || self.repo_digests.iter().any(|name| name.ends_with(&ends))
    }
}

/// One line of `podman image list --format json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Line {
    id: String,
    names: Option<Vec<String>>,
    digest: Digest,
    repo_digests: Option<Vec<String>>,
    #[serde(default)]
    size: u64,
}

impl Storage {
    /// The blobs that the storage's layers came as: podman does not fetch them again. None where that cannot be read, as
    /// in a storage of a later form: then each pull is expected to fetch all of its image.
    #[must_use]
    pub fn blobs(&self) -> BTreeSet<Digest> {
        let mut bytes = Vec::new();
        let read = self
            .store
            .open(LAYERS)
            .and_then(|file| file.take(MAX_ANSWER_BYTES).read_to_end(&mut bytes));
        match read {
            Ok(_) => blobs_of(&bytes).unwrap_or_default(),
            Err(_) => BTreeSet::new(),
        }
    }
}

fn blobs_of(json: &[u8]) -> Result<BTreeSet<Digest>, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct StoredLayer {
        compressed_diff_digest: Option<Digest>,
        /// It was being written when its writer died; podman removes it.
        #[serde(default)]
        flags: BTreeMap<String, serde_json::Value>,
    }

    let layers: Vec<StoredLayer> = serde_json::from_slice(json)?;
    let whole = layers
        .into_iter()
        .filter(|layer| !layer.flags.contains_key("incomplete"));
    Ok(whole
        .filter_map(|layer| layer.compressed_diff_digest)
        .collect())
}

/// Read podman's list. It has a line for each name of an image.
pub(crate) fn parse(json: &[u8]) -> Result<Vec<StoredImage>, serde_json::Error> {
    let lines: Vec<Line> = serde_json::from_slice(json)?;
    let images: BTreeMap<String, StoredImage> = lines
        .into_iter()
        .map(|line| {
            let image = StoredImage {
                id: line.id.clone(),
                names: line.names.unwrap_or_default(),
                digest: line.digest,
                repo_digests: line.repo_digests.unwrap_or_default(),
                bytes: line.size,
            };
            (line.id, image)
        })
        .collect();
    Ok(images.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As podman 4.3.1 writes it, shortened, for an image with two names, one of them by an index.
    const LIST: &str = r#"[
        {"Id": "61260b01", "ParentId": "", "RepoTags": null, "Size": 11626, "Names": ["127.0.0.1:5777/multi:v1", "127.0.0.1:5777/app:v1"],
         "RepoDigests": ["127.0.0.1:5777/app@sha256:11cbacfff373a9079e5a54cbe91ef5651bbbadc78889d7c0ed3a37f56ea5f878",
                         "127.0.0.1:5777/multi@sha256:b550db6258d3929b0b5f9bb8cb8de43eaf03f21b3f76b09bfa76e5fd9cf9abf9"],
         "Digest": "sha256:11cbacfff373a9079e5a54cbe91ef5651bbbadc78889d7c0ed3a37f56ea5f878"},
        {"Id": "61260b01", "ParentId": "", "RepoTags": null, "Size": 11626, "Names": ["127.0.0.1:5777/multi:v1", "127.0.0.1:5777/app:v1"],
         "RepoDigests": ["127.0.0.1:5777/app@sha256:11cbacfff373a9079e5a54cbe91ef5651bbbadc78889d7c0ed3a37f56ea5f878",
                         "127.0.0.1:5777/multi@sha256:b550db6258d3929b0b5f9bb8cb8de43eaf03f21b3f76b09bfa76e5fd9cf9abf9"],
         "Digest": "sha256:11cbacfff373a9079e5a54cbe91ef5651bbbadc78889d7c0ed3a37f56ea5f878"},
        {"Id": "77", "Names": null, "RepoDigests": null, "Size": 5,
         "Digest": "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"}
    ]"#;

    #[test]
    fn blobs_of_whole_layers_are_known() {
        let digest = "sha256:b550db6258d3929b0b5f9bb8cb8de43eaf03f21b3f76b09bfa76e5fd9cf9abf9";
        let layer = |flags: &str| {
            format!(
                r#"[{{"id": "1", "compressed-diff-digest": "{digest}"{flags}}}, {{"id": "2"}}]"#
            )
        };
        let whole = blobs_of(layer("").as_bytes()).unwrap();
        assert_eq!(whole, BTreeSet::from([digest.parse().unwrap()]));
        let half = blobs_of(layer(r#", "flags": {"incomplete": true}"#).as_bytes()).unwrap();
        assert_eq!(half, BTreeSet::new());
        assert!(blobs_of(b"{}").is_err());
    }

    #[test]
    fn an_image_is_one_whatever_its_names_and_is_found_by_each() {
        let images = parse(LIST.as_bytes()).unwrap();
        assert_eq!(images.len(), 2);
        let [image, unnamed] = &images[..] else {
            panic!("{images:?}")
        };
        assert_eq!((image.bytes, unnamed.bytes), (11626, 5));
        let answers = |name: &str| image.answers_to(&name.parse().unwrap());
        let index = "sha256:b550db6258d3929b0b5f9bb8cb8de43eaf03f21b3f76b09bfa76e5fd9cf9abf9";
        assert!(answers("127.0.0.1:5777/app:v1"));
        assert!(!answers("127.0.0.1:5777/app"));
        assert!(answers(&format!("127.0.0.1:5777/multi@{index}")));
        // podman finds it only in the repository it came from.
        assert!(!answers(&format!("127.0.0.1:5777/app@{index}")));
        assert!(image.has_digest(&index.parse().unwrap()));
        assert!(!unnamed.has_digest(&index.parse().unwrap()));
        assert!(unnamed.has_digest(&unnamed.digest));
    }
}
