//! An image together with how it is verified: the text in origin files.

use std::fmt;
use std::str::FromStr;

use super::image::ImageReference;
use super::lenient;
use super::transport::Transport;
use crate::Error;
use crate::error::quote;

const SIGNED: &str = "ostree-image-signed";
const UNVERIFIED: &str = "ostree-unverified-image";
const UNVERIFIED_REGISTRY: &str = "ostree-unverified-registry";
const REMOTE: &str = "ostree-remote-image";
const REMOTE_REGISTRY: &str = "ostree-remote-registry";

/// What vouches for an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignatureSource {
    /// The signatures that this ostree remote asks for, on the base commit.
    OstreeRemote(String),
    /// The containers policy, which must not accept anything.
    ContainerPolicy,
    /// The containers policy, whatever it says.
    ContainerPolicyAllowInsecure,
}

impl fmt::Display for SignatureSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OstreeRemote(remote) => write!(f, "{REMOTE}:{remote}"),
            Self::ContainerPolicy => f.write_str(SIGNED),
            Self::ContainerPolicyAllowInsecure => f.write_str(UNVERIFIED),
        }
    }
}

impl FromStr for SignatureSource {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once(':') {
            None if text == SIGNED => Ok(Self::ContainerPolicy),
            None if text == UNVERIFIED => Ok(Self::ContainerPolicyAllowInsecure),
            Some((REMOTE, remote)) => Ok(Self::OstreeRemote(remote.to_owned())),
            _ => Err(Error::InvalidSignatureSource { text: quote(text) }),
        }
    }
}

/// An image and what vouches for it, such as `ostree-image-signed:docker://quay.io/exampleos/os:latest`.
///
/// `parse(render(x)) == x`, except for a remote whose name has a colon. The alternate form `{:#}` shortens unverified
/// registry images to `docker://…`; only [`OstreeImageReference::parse_lenient`] reads that back.
///
/// ```
/// use oci_manifest::OstreeImageReference;
///
/// let reference: OstreeImageReference = "ostree-unverified-image:docker://quay.io/exampleos/os".parse()?;
/// assert_eq!(reference.to_string(), "ostree-unverified-registry:quay.io/exampleos/os");
/// assert_eq!(format!("{reference:#}"), "docker://quay.io/exampleos/os");
/// # Ok::<(), oci_manifest::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OstreeImageReference {
    /// What vouches for the image.
    pub sigverify: SignatureSource,
    /// The image.
    pub imgref: ImageReference,
}

impl OstreeImageReference {
    /// Read what a user may type: one of the five ostree forms; a transport and a name (`oci:/path`, `docker://…`,
    /// `registry:…`); or a plain registry name (`quay.io/exampleos/os:latest`, `localhost:5000/os`). The last two mean
    /// [`SignatureSource::ContainerPolicyAllowInsecure`]. Names in a registry are checked here, so that a typing error
    /// is found before the network is asked.
    ///
    /// # Errors
    /// As for parsing, and [`Error::InvalidName`] with advice.
    pub fn parse_lenient(text: &str) -> Result<Self, Error> {
        lenient::parse(text)
    }
}

/// Whether a word is the scheme of an ostree image reference.
pub(super) fn is_scheme(word: &str) -> bool {
    [
        SIGNED,
        UNVERIFIED,
        UNVERIFIED_REGISTRY,
        REMOTE,
        REMOTE_REGISTRY,
    ]
    .contains(&word)
}

impl fmt::Display for OstreeImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let registry = self.imgref.transport == Transport::Registry;
        match &self.sigverify {
            SignatureSource::ContainerPolicyAllowInsecure if registry && f.alternate() => {
                write!(f, "{}", self.imgref)
            }
            SignatureSource::ContainerPolicyAllowInsecure if registry => {
                write!(f, "{UNVERIFIED_REGISTRY}:{}", self.imgref.name)
            }
            source => write!(f, "{source}:{}", self.imgref),
        }
    }
}

impl FromStr for OstreeImageReference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (scheme, rest) = text
            .split_once(':')
            .ok_or_else(|| Error::MissingColon { text: quote(text) })?;
        let remote = || {
            rest.split_once(':')
                .ok_or_else(|| Error::MissingSecondColon { text: quote(text) })
        };
        let (sigverify, imgref) = match scheme {
            SIGNED => (SignatureSource::ContainerPolicy, rest.parse()?),
            UNVERIFIED => (SignatureSource::ContainerPolicyAllowInsecure, rest.parse()?),
            UNVERIFIED_REGISTRY => (
                SignatureSource::ContainerPolicyAllowInsecure,
                in_registry(rest)?,
            ),
            REMOTE => {
                let (name, image) = remote()?;
                (
                    SignatureSource::OstreeRemote(name.to_owned()),
                    image.parse()?,
                )
            }
            REMOTE_REGISTRY => {
                let (name, image) = remote()?;
                (
                    SignatureSource::OstreeRemote(name.to_owned()),
                    in_registry(image)?,
                )
            }
            _ => {
                return Err(Error::InvalidScheme {
                    scheme: quote(scheme),
                });
            }
        };
        Ok(Self { sigverify, imgref })
    }
}

fn in_registry(name: &str) -> Result<ImageReference, Error> {
    format!("registry:{name}").parse()
}
