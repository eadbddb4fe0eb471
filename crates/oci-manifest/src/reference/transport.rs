//! The word before the image's name: how it is fetched.

use std::fmt;
use std::str::FromStr;

use crate::Error;
use crate::error::quote;

/// Where an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// A registry, `docker://` or `registry:`; names are `[domain/]name[:tag][@digest]`.
    Registry,
    /// An OCI directory, `oci:path[:tag]`.
    OciDir,
    /// An OCI directory in a tar, `oci-archive:path[:tag]`.
    OciArchive,
    /// What `docker save` writes, `docker-archive:path[:reference]`.
    DockerArchive,
    /// Podman's storage, `containers-storage:[[store]]image`.
    ContainerStorage,
    /// A directory as skopeo writes it, `dir:path`.
    Dir,
    /// A running Docker, `docker-daemon:reference`.
    DockerDaemon,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Registry,
        Self::OciDir,
        Self::OciArchive,
        Self::DockerArchive,
        Self::ContainerStorage,
        Self::Dir,
        Self::DockerDaemon,
    ];

    /// The bare word, as in bootc's host specification: `registry`, `oci` …
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::OciDir => "oci",
            Self::OciArchive => "oci-archive",
            Self::DockerArchive => "docker-archive",
            Self::ContainerStorage => "containers-storage",
            Self::Dir => "dir",
            Self::DockerDaemon => "docker-daemon",
        }
    }

    /// What stands before the name in a reference: `docker://`, `oci:` …
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Registry => "docker://",
            Self::OciDir => "oci:",
            Self::OciArchive => "oci-archive:",
            Self::DockerArchive => "docker-archive:",
            Self::ContainerStorage => "containers-storage:",
            Self::Dir => "dir:",
            Self::DockerDaemon => "docker-daemon:",
        }
    }

    /// The transport of a bare word; `docker` is none.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|transport| transport.word() == word)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.prefix())
    }
}

impl FromStr for Transport {
    type Err = Error;

    /// A bare word, or a full reference of which only the part up to the first colon is looked at.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (word, rest) = text.split_once(':').unwrap_or((text, ""));
        match word {
            "docker" if rest.starts_with("//") => Ok(Self::Registry),
            "docker" => Err(Error::MissingSlashes { text: quote(text) }),
            _ => Self::from_word(word).ok_or_else(|| Error::InvalidTransport { word: quote(word) }),
        }
    }
}
