//! A transport and a name.

use std::fmt;
use std::str::FromStr;

use super::registry::Name;
use super::transport::Transport;
use crate::error::{check_size, length, quote};
use crate::{Digest, Error, limits};

/// An image by transport and name, such as `docker://quay.io/exampleos/os:latest` or `oci:/var/tmp/image:tag`.
///
/// The name is kept as written; no tag is added, nothing is normalised. `registry:` is read, `docker://` is written:
/// both spellings are equal.
///
/// ```
/// use oci_manifest::{ImageReference, Transport};
///
/// let image: ImageReference = "registry:quay.io/exampleos/os:latest".parse()?;
/// assert_eq!(image.transport, Transport::Registry);
/// assert_eq!(image.to_string(), "docker://quay.io/exampleos/os:latest");
/// # Ok::<(), oci_manifest::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageReference {
    /// Where the image is.
    pub transport: Transport,
    /// Its name there, never empty when parsed.
    pub name: String,
}

impl ImageReference {
    /// The reference under which an image is pulled and stored: a registry name with tag and digest loses the tag,
    /// everything else stays as it is.
    #[must_use]
    pub fn canonical(&self) -> Self {
        let name = match self.transport {
            Transport::Registry => Name::split(&self.name).without_tag_if_digest(),
            _ => self.name.clone(),
        };
        Self {
            transport: self.transport,
            name,
        }
    }

    /// The digest of the manifest, where the reference names one: `…@sha256:…` of a registry or of podman's storage.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        let name = match self.transport {
            Transport::Registry => self.name.as_str(),
            Transport::ContainerStorage => self.storage_parts().1,
            _ => return None,
        };
        Name::split(name).digest?.parse().ok()
    }

    /// The tag, where the transport's names have one: registry, `oci:`, `oci-archive:` (any name of the image in the
    /// directory), podman's storage, Docker.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        match self.transport {
            Transport::Registry | Transport::DockerDaemon => Name::split(&self.name).tag,
            Transport::ContainerStorage => Name::split(self.storage_parts().1).tag,
            Transport::OciDir | Transport::OciArchive => self.path()?.1,
            Transport::DockerArchive | Transport::Dir => None,
        }
    }

    /// The file or directory that a reference names, and the text after the colon that follows it, if any: the name
    /// in an OCI directory, or the reference in a Docker archive. `None` for transports that name no file.
    #[must_use]
    pub fn path(&self) -> Option<(&str, Option<&str>)> {
        match self.transport {
            Transport::OciDir | Transport::OciArchive | Transport::DockerArchive => {
                Some(match self.name.split_once(':') {
                    Some((path, inner)) if !inner.is_empty() => (path, Some(inner)),
                    Some((path, _)) => (path, None),
                    None => (self.name.as_str(), None),
                })
            }
            Transport::Dir => Some((self.name.as_str(), None)),
            Transport::Registry | Transport::ContainerStorage | Transport::DockerDaemon => None,
        }
    }

    /// The text that skopeo takes for this image. It differs in `containers-storage:sha256:ID`, where skopeo wants the
    /// bare id (skopeo issue 2750). Refs are computed from the reference itself, not from this.
    #[must_use]
    pub fn for_skopeo(&self) -> String {
        if self.transport != Transport::ContainerStorage {
            return self.to_string();
        }
        let (store, image) = self.storage_parts();
        let image = image.strip_prefix("sha256:").unwrap_or(image);
        format!("{}{store}{image}", self.transport)
    }

    /// Podman's `[store]` with its brackets, and the rest.
    fn storage_parts(&self) -> (&str, &str) {
        match self.name.find(']') {
            Some(end) if self.name.starts_with('[') => self.name.split_at(end + 1),
            _ => ("", &self.name),
        }
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.transport, self.name)
    }
}

impl FromStr for ImageReference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        check_size(
            "image reference",
            length(text.as_bytes()),
            limits::MAX_REFERENCE_BYTES,
        )?;
        let (word, rest) = text
            .split_once(':')
            .ok_or_else(|| Error::MissingColon { text: quote(text) })?;
        let (transport, name) = if word == "docker" {
            let name = rest.strip_prefix("//");
            let name = name.ok_or_else(|| Error::MissingSlashes { text: quote(text) })?;
            (Transport::Registry, name)
        } else {
            let transport = Transport::from_word(word);
            let transport =
                transport.ok_or_else(|| Error::InvalidTransport { word: quote(word) })?;
            (transport, rest)
        };
        if name.is_empty() {
            return Err(Error::EmptyName { text: quote(text) });
        }
        Ok(Self {
            transport,
            name: name.to_owned(),
        })
    }
}
