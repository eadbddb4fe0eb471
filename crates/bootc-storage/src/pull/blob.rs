//! A layer's blob, opened, and what an import needs to know of it.

use image_source::{Blob, Encoding as BlobEncoding, Source};
use oci_manifest::Layer;
use ostree_layer::{Encoding, LayerInput};

use crate::Error;

/// Opens the blob of a layer of the image `reference`.
pub(super) fn open(source: &dyn Source, reference: &str, layer: &Layer) -> Result<Blob, Error> {
    source.blob(layer).map_err(|source| Error::LayerSource {
        reference: reference.to_owned(),
        index: layer.index,
        digest: layer.descriptor.digest.clone(),
        source: Box::new(source),
    })
}

/// How the blob is to be imported as that layer.
pub(super) const fn input<'a>(layer: &'a Layer, blob: &Blob) -> LayerInput<'a> {
    LayerInput {
        layer,
        encoding: match blob.encoding {
            BlobEncoding::Declared => Encoding::Declared,
            BlobEncoding::Sniff => Encoding::Sniff,
        },
        digest_applies: blob.digest_applies,
    }
}
