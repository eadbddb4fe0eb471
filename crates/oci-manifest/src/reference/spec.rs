//! bootc's own form of a reference, in the JSON and YAML of `bootc status` and `bootc edit`.

use serde::{Deserialize, Serialize};

use super::image::ImageReference;
use super::ostree::{OstreeImageReference, SignatureSource};
use super::transport::Transport;
use crate::Error;
use crate::error::quote;

/// `{"image": NAME, "transport": WORD, "signature": …}`.
///
/// An absent signature means the same as `insecure`; we write it absent.
///
/// ```
/// use oci_manifest::{BootcImageReference, OstreeImageReference};
///
/// let reference: OstreeImageReference = "ostree-remote-image:r:docker://quay.io/exampleos/os".parse()?;
/// let spec = BootcImageReference::from(&reference);
/// assert_eq!((spec.image.as_str(), spec.transport.as_str()), ("quay.io/exampleos/os", "registry"));
/// assert_eq!(OstreeImageReference::try_from(&spec)?, reference);
/// # Ok::<(), oci_manifest::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BootcImageReference {
    /// The name, without transport.
    pub image: String,
    /// The bare word: `registry`, `oci` …
    pub transport: String,
    /// What vouches for the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<BootcSignature>,
}

/// [`SignatureSource`] as bootc writes it: `{"ostreeRemote": NAME}`, `"containerPolicy"`, `"insecure"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BootcSignature {
    /// The signatures that this ostree remote asks for.
    OstreeRemote(String),
    /// The containers policy.
    ContainerPolicy,
    /// Nothing.
    Insecure,
}

impl From<&OstreeImageReference> for BootcImageReference {
    fn from(reference: &OstreeImageReference) -> Self {
        Self {
            image: reference.imgref.name.clone(),
            transport: reference.imgref.transport.word().to_owned(),
            signature: match &reference.sigverify {
                SignatureSource::OstreeRemote(remote) => {
                    Some(BootcSignature::OstreeRemote(remote.clone()))
                }
                SignatureSource::ContainerPolicy => Some(BootcSignature::ContainerPolicy),
                SignatureSource::ContainerPolicyAllowInsecure => None,
            },
        }
    }
}

impl TryFrom<&BootcImageReference> for OstreeImageReference {
    type Error = Error;

    fn try_from(spec: &BootcImageReference) -> Result<Self, Error> {
        if spec.image.is_empty() {
            return Err(Error::EmptyName {
                text: quote(&spec.transport),
            });
        }
        let transport: Transport = spec.transport.parse()?;
        Ok(Self {
            sigverify: match &spec.signature {
                Some(BootcSignature::OstreeRemote(remote)) => {
                    SignatureSource::OstreeRemote(remote.clone())
                }
                Some(BootcSignature::ContainerPolicy) => SignatureSource::ContainerPolicy,
                Some(BootcSignature::Insecure) | None => {
                    SignatureSource::ContainerPolicyAllowInsecure
                }
            },
            imgref: ImageReference {
                transport,
                name: spec.image.clone(),
            },
        })
    }
}
