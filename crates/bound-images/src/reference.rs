//! References to bound images, in one spelling.

use std::fmt;
use std::str::FromStr;

use oci_manifest::{Digest, OstreeImageReference};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::ReferenceFault;

/// The registry of names like `docker.io/fedora`, which stands for `docker.io/library/fedora`.
const DOCKER: &str = "docker.io/";

/// An image in a registry: registry and repository, and a tag or a digest. Equal images by name are equal texts, which
/// are those that podman gives its images: a missing tag is `latest`, a tag beside a digest is dropped.
///
/// ```
/// use bound_images::BoundReference;
///
/// let reference: BoundReference = "quay.io/exampleos/app".parse()?;
/// assert_eq!(reference.to_string(), "quay.io/exampleos/app:latest");
/// # Ok::<(), bound_images::ReferenceFault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BoundReference {
    repository: String,
    version: Version,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Version {
    Tag(String),
    Digest(Digest),
}

impl BoundReference {
    /// Registry and path: `quay.io/exampleos/app`.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The image of this digest in the same repository.
    #[must_use]
    pub fn at(&self, digest: Digest) -> Self {
        Self {
            repository: self.repository.clone(),
            version: Version::Digest(digest),
        }
    }

    /// The tag, where no digest is named.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        match &self.version {
            Version::Tag(tag) => Some(tag),
            Version::Digest(_) => None,
        }
    }

    /// The digest of the manifest, or of the index, that is named.
    #[must_use]
    pub const fn digest(&self) -> Option<&Digest> {
        match &self.version {
            Version::Digest(digest) => Some(digest),
            Version::Tag(_) => None,
        }
    }
}

impl fmt::Display for BoundReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Version::Tag(tag) => write!(f, "{}:{tag}", self.repository),
            Version::Digest(digest) => write!(f, "{}@{digest}", self.repository),
        }
    }
}

impl FromStr for BoundReference {
    type Err = ReferenceFault;

    fn from_str(text: &str) -> Result<Self, ReferenceFault> {
        let name = text.strip_prefix("docker://").unwrap_or(text);
        let parsed = OstreeImageReference::parse_lenient(&format!("docker://{name}"))
            .map_err(ReferenceFault::Name)?;
        let image = parsed.imgref.canonical();
        let (repository, version) = match (image.digest(), image.tag()) {
            (Some(digest), _) => {
                let repository = image.name.split_once('@').map(|(repository, _)| repository);
                (repository.unwrap_or(&image.name), Version::Digest(digest))
            }
            (None, Some(tag)) => {
                let repository = image.name.strip_suffix(tag);
                let repository = repository.and_then(|name| name.strip_suffix(':'));
                (
                    repository.unwrap_or(&image.name),
                    Version::Tag(tag.to_owned()),
                )
            }
            (None, None) => (image.name.as_str(), Version::Tag("latest".to_owned())),
        };
        Ok(Self {
            repository: with_registry(repository)?,
            version,
        })
    }
}

/// The repository, if its first part names a registry: which one a short name means depends on the host's configuration.
fn with_registry(repository: &str) -> Result<String, ReferenceFault> {
    let registry = repository.split_once('/').map(|(first, _)| first);
    if !registry.is_some_and(|first| first == "localhost" || first.contains(['.', ':', '['])) {
        return Err(ReferenceFault::NoRegistry {
            name: repository.to_owned(),
        });
    }
    let name = match repository.strip_prefix("index.docker.io/") {
        Some(path) => format!("{DOCKER}{path}"),
        None => repository.to_owned(),
    };
    Ok(match name.strip_prefix(DOCKER) {
        Some(path) if !path.contains('/') => format!("{DOCKER}library/{path}"),
        _ => name,
    })
}

impl Serialize for BoundReference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BoundReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

    #[test]
    fn names_have_one_spelling() {
        let check = |text: &str, expect: &str| {
            let parsed: BoundReference = text.parse().unwrap();
            assert_eq!(parsed.to_string(), expect);
            assert_eq!(expect.parse::<BoundReference>().unwrap(), parsed);
        };
        check("quay.io/os/app", "quay.io/os/app:latest");
        check("quay.io/os/app:v1", "quay.io/os/app:v1");
        check("docker://quay.io/os/app:v1", "quay.io/os/app:v1");
        check("localhost:5000/app", "localhost:5000/app:latest");
        check("localhost/app", "localhost/app:latest");
        check("[::1]:5000/app", "[::1]:5000/app:latest");
        check("docker.io/app", "docker.io/library/app:latest");
        check("index.docker.io/os/app:1", "docker.io/os/app:1");
        let digested = format!("quay.io/os/app@{DIGEST}");
        check(&digested, &digested);
        check(&format!("quay.io/os/app:v1@{DIGEST}"), &digested);
    }

    #[test]
    fn what_is_no_full_name_is_refused() {
        let check = |text: &str, expect: &str| {
            let fault = text.parse::<BoundReference>().unwrap_err().to_string();
            assert!(fault.contains(expect), "{text}: {fault}");
        };
        check("app", "registry");
        check("os/app:v1", "registry");
        check("quay.io/os/App", "capital");
        check("quay.io/os/app:", "tag");
        check("quay.io/os/app@sha256:1", "sha256:1");
        check("oci:/var/app", "");
        check("", "");
        check("quay.io/os/app\u{7}", "");
        check("\"quay.io/os/app\"", "");
        check("--help", "");
        check("quay.io/os/app --help", "");
    }
}
