//! Where an image is taken from.

use std::fmt;
use std::path::PathBuf;
use std::process::Command;
use std::str::FromStr;

use oci_manifest::{ImageReference, Platform, Transport};

use crate::failure::classify;
use crate::program::{ALIAS, RUN_ROOT, last_words};
use crate::storage::{Running, Storage};
use crate::{BoundReference, Error, PullFailure};

/// Where an image may be taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The registry that its name says, or what the machine's `registries.conf` has in its place.
    Registry,
    /// The OCI directory or archive that the host's own image was read from: its entry with the bound image's name.
    Beside(BesideImage),
    /// The machine's own storage, where podman has its images.
    Machine,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry => f.write_str("registry"),
            Self::Beside(image) => write!(f, "{}{}", image.transport, image.path),
            Self::Machine => f.write_str("containers-storage"),
        }
    }
}

/// A text that names no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no source: beside, registry, containers-storage, oci:DIR or oci-archive:FILE")]
pub struct BadSource(pub String);

impl FromStr for Source {
    type Err = BadSource;

    /// As [`Display`](fmt::Display) writes it.
    fn from_str(text: &str) -> Result<Self, BadSource> {
        let bad = || BadSource(text.to_owned());
        match text {
            "registry" => return Ok(Self::Registry),
            "containers-storage" => return Ok(Self::Machine),
            _ => {}
        }
        let (name, path) = text.split_once(':').ok_or_else(bad)?;
        let transport = match name {
            "oci" => Transport::OciDir,
            "oci-archive" => Transport::OciArchive,
            _ => return Err(bad()),
        };
        // After a colon comes a name inside, and each image has its own.
        if path.is_empty() || path.contains(':') {
            return Err(bad());
        }
        let image = ImageReference {
            transport,
            name: path.to_owned(),
        };
        BesideImage::of(&image).map(Self::Beside).ok_or_else(bad)
    }
}

impl Source {
    /// What skopeo calls an image there.
    pub(crate) fn skopeo_name(&self, name: &str) -> String {
        match self {
            Self::Registry => format!("docker://{name}"),
            Self::Beside(image) => format!("{}{}:{name}", image.transport, image.path),
            Self::Machine => format!("containers-storage:{name}"),
        }
    }
}

/// How sources are read, beside credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Which image of an index is taken.
    pub platform: Platform,
    /// A directory of certificates and keys for registries (`containers-certs.d(5)`).
    pub cert_dir: Option<PathBuf>,
    /// `Some(false)` allows plain HTTP and unknown certificates; otherwise what the machine's configuration says.
    pub tls_verify: Option<bool>,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            platform: Platform::host(),
            cert_dir: None,
            tls_verify: None,
        }
    }
}

impl Access {
    /// For `podman pull` and `skopeo inspect`.
    pub(crate) fn of_registry(&self) -> Vec<String> {
        let mut options = Vec::new();
        if let Some(verify) = self.tls_verify {
            options.push(format!("--tls-verify={verify}"));
        }
        if let Some(dir) = &self.cert_dir {
            options.push(format!("--cert-dir={}", dir.display()));
        }
        options
    }

    /// The platform where it is another than this machine's, each part after one of these options.
    pub(crate) fn of_platform(&self, names: [&str; 3]) -> Vec<String> {
        let Platform {
            os,
            architecture,
            variant,
        } = &self.platform;
        if self.platform == Platform::host() {
            return Vec::new();
        }
        let values = [Some(os), Some(architecture), variant.as_ref()];
        let options = names.iter().zip(values);
        options
            .filter_map(|(name, value)| Some(format!("{name}={}", value?)))
            .collect()
    }
}

/// An OCI directory or archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BesideImage {
    transport: Transport,
    path: String,
}

impl BesideImage {
    /// That of a host image's reference; `None` where it is in neither. A relative path is one from the working directory.
    #[must_use]
    pub fn of(image: &ImageReference) -> Option<Self> {
        let (path, _) = image.path()?;
        let transport = image.transport;
        let is_oci = matches!(transport, Transport::OciDir | Transport::OciArchive);
        if !is_oci {
            return None;
        }
        // skopeo runs elsewhere.
        let path = std::path::absolute(path).ok()?.into_os_string();
        Some(Self {
            transport,
            path: path.into_string().ok()?,
        })
    }

    /// What a bound image is called there.
    #[must_use]
    pub fn named(&self, reference: &BoundReference) -> ImageReference {
        ImageReference {
            transport: self.transport,
            name: format!("{}:{reference}", self.path),
        }
    }
}

impl Storage {
    /// Take an image from a source into the storage, once.
    pub(crate) fn take(
        &self,
        reference: &BoundReference,
        source: &Source,
        access: &Access,
        running: &Running<'_>,
    ) -> Result<(), Error> {
        let name = reference.to_string();
        let ended = match source {
            Source::Registry => {
                let mut options = access.of_registry();
                options.extend(access.of_platform(["--os", "--arch", "--variant"]));
                let mut arguments = vec!["image", "pull", "--quiet"];
                arguments.extend(options.iter().map(String::as_str));
                arguments.push(&name);
                self.podman(&arguments, running)
            }
            Source::Beside(_) | Source::Machine => {
                let from = source.skopeo_name(&name);
                self.run("skopeo", copy(&from, &name, access), running)
            }
        };
        let failed = |kind, message| Error::Pull {
            reference: name.clone(),
            kind,
            message,
        };
        match ended {
            Ok(ended) if ended.success => Ok(()),
            Ok(ended) => {
                let message = last_words(&ended.stderr);
                Err(failed(classify(&ended.stderr), message))
            }
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::TimedOut => {
                Err(failed(PullFailure::Transient, source.to_string()))
            }
            Err(error) => Err(error),
        }
    }
}

/// `skopeo copy` into the storage, to be run where it is at its path.
fn copy(from: &str, name: &str, access: &Access) -> Command {
    let mut command = Command::new("skopeo");
    command.args(access.of_platform(["--override-os", "--override-arch", "--override-variant"]));
    // Signatures are checked first and then left out: with them, skopeo refuses to describe layers anew.
    command.args(["copy", "--quiet", "--remove-signatures", from]);
    command.arg(format!(
        "containers-storage:[overlay@{ALIAS}+{RUN_ROOT}]{name}"
    ));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_named_as_they_are_shown() {
        for text in [
            "registry",
            "containers-storage",
            "oci:/srv/images",
            "oci-archive:/srv/images.tar",
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
        let relative: Source = "oci:images".parse().unwrap();
        let shown = relative.to_string();
        assert!(
            shown.starts_with("oci:/") && shown.ends_with("/images"),
            "{shown}"
        );
        for bad in [
            "",
            "docker",
            "oci",
            "oci:",
            "oci:/srv:v1",
            "dir:/srv",
            "Registry",
        ] {
            assert_eq!(bad.parse::<Source>(), Err(BadSource(bad.to_owned())));
        }
    }

    #[test]
    fn what_is_as_always_is_not_said() {
        let names = ["--os", "--arch", "--variant"];
        let usual = Access::default();
        assert_eq!(usual.of_registry(), [""; 0]);
        assert_eq!(usual.of_platform(names), [""; 0]);
        let other = Access {
            platform: "linux/arm/v7".parse().unwrap(),
            cert_dir: Some("/etc/certs".into()),
            tls_verify: Some(false),
        };
        assert_eq!(
            other.of_registry(),
            ["--tls-verify=false", "--cert-dir=/etc/certs"]
        );
        assert_eq!(
            other.of_platform(names),
            ["--os=linux", "--arch=arm", "--variant=v7"]
        );
    }

    #[test]
    fn an_image_beside_the_hosts_has_its_whole_name() {
        let host = ImageReference {
            transport: Transport::OciArchive,
            name: "/srv/os.tar:v1".to_owned(),
        };
        let beside = BesideImage::of(&host).unwrap();
        let name = beside.named(&"quay.io/os/app".parse().unwrap());
        assert_eq!(
            name.to_string(),
            "oci-archive:/srv/os.tar:quay.io/os/app:latest"
        );
        let host = ImageReference {
            transport: Transport::Registry,
            ..host
        };
        assert_eq!(BesideImage::of(&host), None);
    }
}
