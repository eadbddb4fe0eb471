//! The images of a storage, as podman lists them.

use std::collections::BTreeMap;

use oci_manifest::Digest;
use serde::Deserialize;

use crate::BoundReference;

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
    /// The layers: podman's id of each, and what it takes. None where podman's records cannot be read.
    pub layers: BTreeMap<String, u64>,
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
                layers: BTreeMap::new(),
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
