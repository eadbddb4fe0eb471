//! What each layer of an image is: the ostree commit, a chunk of its objects, or a tar on top.

use std::collections::HashMap;

use crate::error::quote;
use crate::manifest::at;
use crate::{Compression, Config, Descriptor, DiffId, Digest, Error, Manifest};

/// The label that names the diff_id of the last layer of an image's ostree base.
pub const LABEL_FINAL_DIFFID: &str = "ostree.final-diffid";

/// What a layer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The first layer of an ostree base: holds the commit, and whatever objects no chunk holds.
    Commit,
    /// A further layer of an ostree base: holds objects only.
    Chunk,
    /// An ordinary layer: files and whiteouts.
    Derived,
}

/// One layer with what manifest and config say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Position in the manifest, from 0.
    pub index: usize,
    /// The manifest's descriptor.
    pub descriptor: Descriptor,
    /// The config's digest of the uncompressed tar.
    pub diff_id: DiffId,
    /// What the layer is.
    pub role: Role,
    /// What its media type declares.
    pub compression: Compression,
}

/// All layers of an image, classified.
///
/// An image with the label `ostree.final-diffid` has an ostree base that ends with that layer: its first layer is the
/// [`Commit`](Role::Commit), the others up to there are [`Chunk`](Role::Chunk)s. All else is
/// [`Derived`](Role::Derived). No other label and no media type is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// In the order of the manifest, lowest first; never empty.
    pub layers: Vec<Layer>,
}

impl Layout {
    /// Classify the layers of an image.
    ///
    /// # Errors
    /// The label names no diff_id of the config, or one without a layer; the config has not one diff_id for each layer;
    /// a blob has two diff_ids; a blob of the base stands in the image again in another role; a layer's media type is
    /// foreign, encrypted or unknown.
    pub fn new(manifest: &Manifest, config: &Config) -> Result<Self, Error> {
        let descriptors = manifest.layers();
        let base = base_length(descriptors.len(), config)?;
        if config.diff_ids().len() != descriptors.len() {
            return Err(Error::DiffIdCount {
                layers: descriptors.len(),
                diff_ids: config.diff_ids().len(),
            });
        }
        let mut layers = Vec::with_capacity(descriptors.len());
        for (index, (descriptor, diff_id)) in descriptors.iter().zip(config.diff_ids()).enumerate()
        {
            let compression = Compression::from_media_type(&descriptor.media_type);
            layers.push(Layer {
                index,
                descriptor: descriptor.clone(),
                diff_id: diff_id.clone(),
                role: role(index, base),
                compression: compression.map_err(|error| at("layer", index, error))?,
            });
        }
        check_repeats(&layers)?;
        Ok(Self { layers })
    }

    /// Whether the image has an ostree base.
    #[must_use]
    pub fn has_base(&self) -> bool {
        self.base_layer().is_some()
    }

    /// The layer that holds the base's commit.
    #[must_use]
    pub fn base_layer(&self) -> Option<&Layer> {
        self.layers
            .first()
            .filter(|layer| layer.role == Role::Commit)
    }

    /// The chunks of the base, in order.
    pub fn chunks(&self) -> impl Iterator<Item = &Layer> {
        self.layers.iter().filter(|layer| layer.role == Role::Chunk)
    }

    /// The layers on top of the base, or all layers of an image without one, lowest first.
    pub fn derived(&self) -> impl Iterator<Item = &Layer> {
        self.layers
            .iter()
            .filter(|layer| layer.role == Role::Derived)
    }
}

/// How many layers, from the first, are the ostree base.
fn base_length(layers: usize, config: &Config) -> Result<usize, Error> {
    let Some(label) = config.labels().get(LABEL_FINAL_DIFFID) else {
        return Ok(0);
    };
    let position = config
        .diff_ids()
        .iter()
        .position(|id| id.to_string() == *label);
    match position {
        None => Err(Error::FinalDiffIdMissing {
            diff_id: quote(label),
        }),
        Some(position) if position >= layers => {
            Err(Error::FinalDiffIdOutOfRange { position, layers })
        }
        Some(position) => Ok(position + 1),
    }
}

fn role(index: usize, base: usize) -> Role {
    match index {
        _ if index >= base => Role::Derived,
        0 => Role::Commit,
        _ => Role::Chunk,
    }
}

/// A blob has one ref, and so one diff_id and one role; derived layers and chunks may repeat among themselves, but the
/// last layer of the base may not, since the label could then mean either.
fn check_repeats(layers: &[Layer]) -> Result<(), Error> {
    let last_base = layers.iter().rposition(|layer| layer.role != Role::Derived);
    let mut seen: HashMap<&Digest, &Layer> = HashMap::new();
    for layer in layers {
        let Some(first) = seen.get(&layer.descriptor.digest) else {
            seen.insert(&layer.descriptor.digest, layer);
            continue;
        };
        let digest = layer.descriptor.digest.clone();
        let (first_index, again) = (first.index, layer.index);
        if first.diff_id != layer.diff_id {
            return Err(Error::ContradictoryDiffIds {
                digest,
                first: first_index,
                again,
            });
        }
        let harmless =
            first.role == layer.role && last_base != Some(first_index) && last_base != Some(again);
        if !harmless {
            return Err(Error::RepeatedBaseLayer {
                digest,
                first: first_index,
                again,
            });
        }
    }
    Ok(())
}
