//! The manifest of one image.

use std::collections::BTreeMap;

use oci_spec::image::ImageManifest;

use crate::descriptor::annotations;
use crate::document::{Kind, examine_as};
use crate::error::{check_count, check_size, quote};
use crate::{Descriptor, Error, limits, shape};

/// Media types of an image's config; anything else is an artifact.
const CONFIG_TYPES: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];

/// The manifest of one image: its config and its layers, and the text they were read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    raw: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
    annotations: BTreeMap<String, String>,
}

impl Manifest {
    /// Parse a manifest, and refuse an index. See [`parse_document`](crate::parse_document) for either.
    ///
    /// # Errors
    /// As [`parse_document`](crate::parse_document), and [`Error::WrongDocument`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_text(examine_as(bytes, Kind::Manifest)?)
    }

    pub(crate) fn from_text(text: &str) -> Result<Self, Error> {
        let top = shape::shape("manifest", text, &[])?;
        if !top.has("layers") {
            return Err(Error::NoLayers);
        }
        let spec: ImageManifest = shape::parse("manifest", text)?;
        if spec.layers().is_empty() {
            return Err(Error::NoLayers);
        }
        check_count("layers", spec.layers().len(), limits::MAX_LAYERS)?;
        let config =
            Descriptor::from_spec(spec.config()).map_err(|error| at("config", 0, error))?;
        if !CONFIG_TYPES.contains(&config.media_type.as_str()) {
            let found = format!("its config has the type {}", quote(&config.media_type));
            return Err(Error::NotAnImage { found });
        }
        check_size("config", config.size, limits::MAX_CONFIG_BYTES)?;
        let layers = spec.layers().iter().enumerate();
        let layers = layers
            .map(|(i, layer)| Descriptor::from_spec(layer).map_err(|error| at("layer", i, error)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            raw: text.to_owned(),
            config,
            layers,
            annotations: annotations(spec.annotations().as_ref())?,
        })
    }

    /// The text it was parsed from, unchanged: keys that we do not know are still there.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Where the config is; its size is at most [`limits::MAX_CONFIG_BYTES`].
    #[must_use]
    pub fn config(&self) -> &Descriptor {
        &self.config
    }

    /// The layers, lowest first; never empty.
    #[must_use]
    pub fn layers(&self) -> &[Descriptor] {
        &self.layers
    }

    /// The annotations of the manifest itself.
    #[must_use]
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }
}

/// Say which descriptor an error is about.
pub(crate) fn at(part: &'static str, position: usize, source: Error) -> Error {
    Error::Descriptor {
        part,
        position,
        source: Box::new(source),
    }
}
