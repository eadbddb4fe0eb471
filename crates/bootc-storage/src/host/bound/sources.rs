//! Where bound images are taken from, and what is there.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use bound_images::{BadSource, BesideImage, BoundReference, Found, LookUp, Registry, Source};
use image_source::SourceConfig;
use oci_manifest::{ImageReference, OstreeImageReference, SignatureSource, Transport};

use super::BoundConfig;
use crate::Error;
use crate::list::chain;

/// Where images may be taken from, as a user says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoundSource {
    /// The OCI directory or archive that the host's own image is read from; nothing where that comes from elsewhere.
    Beside,
    /// This one.
    At(Source),
}

impl FromStr for BoundSource {
    type Err = BadSource;

    fn from_str(text: &str) -> Result<Self, BadSource> {
        match text {
            "beside" => Ok(Self::Beside),
            other => other.parse().map(Self::At),
        }
    }
}

/// The sources in order. Those that nobody named follow from where the host's image comes from: beside it, where that is a
/// directory, an archive, or podman's storage; then the registry.
///
/// # Errors
/// [`Error::NothingBeside`] when that is all that was named.
pub(super) fn sources(
    config: &BoundConfig,
    image: Option<&ImageReference>,
) -> Result<Vec<Source>, Error> {
    let beside = || image.and_then(BesideImage::of).map(Source::Beside);
    let Some(named) = &config.sources else {
        let machine = image.is_some_and(|image| image.transport == Transport::ContainerStorage);
        let first = beside().or_else(|| machine.then_some(Source::Machine));
        return Ok(first.into_iter().chain([Source::Registry]).collect());
    };
    let named = named.iter().filter_map(|source| match source {
        BoundSource::Beside => beside(),
        BoundSource::At(source) => Some(source.clone()),
    });
    let named: Vec<Source> = named.collect();
    if named.is_empty() {
        return Err(Error::NothingBeside);
    }
    Ok(named)
}

/// Asks sources, each about an image once.
pub(in crate::host) struct Sources<'a> {
    registry: Registry<'a>,
    config: &'a SourceConfig,
    known: RefCell<BTreeMap<(BoundReference, String), Found>>,
}

impl<'a> Sources<'a> {
    pub(in crate::host) fn new(config: &'a BoundConfig) -> Self {
        Self {
            registry: Registry::new(
                &config.credentials,
                &config.access,
                config.registries_conf.clone(),
                config.source.stall_timeout,
            ),
            config: &config.source,
            known: RefCell::default(),
        }
    }

    /// An entry of an OCI directory or archive, which takes no other program.
    fn beside(&self, image: ImageReference) -> Result<Found, String> {
        let reference = OstreeImageReference {
            sigverify: SignatureSource::ContainerPolicyAllowInsecure,
            imgref: image,
        };
        let opened = image_source::open(&reference, self.config, Arc::new(|_| {}));
        let opened = opened.map_err(|error| chain(&error))?;
        let digest = opened.index_digest().unwrap_or(opened.manifest_digest());
        Ok(Found::new(digest.clone(), opened.manifest()))
    }
}

impl LookUp for Sources<'_> {
    fn look_up(&self, reference: &BoundReference, source: &Source) -> Result<Found, String> {
        let key = (reference.clone(), source.to_string());
        if let Some(found) = self.known.borrow().get(&key) {
            return Ok(found.clone());
        }
        let found = match source {
            Source::Beside(image) => self.beside(image.named(reference)),
            _ => self.registry.look_up(reference, source),
        }?;
        self.known.borrow_mut().insert(key, found.clone());
        Ok(found)
    }
}
