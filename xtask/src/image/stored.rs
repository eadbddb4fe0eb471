//! An image in an OCI directory, read back to build others of its layers.

use anyhow::{Context as _, Result};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use test_images::{BlobData, Digest, Image, Layer};

/// The image that is listed at `place` in the index: its layers and labels.
pub(crate) fn read(oci: &Path, place: usize) -> Result<Image> {
    let index = document(&oci.join("index.json"))?;
    let manifest = document(&blob(oci, &index["manifests"][place]["digest"])?)?;
    let config = document(&blob(oci, &manifest["config"]["digest"])?)?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let history = list(&config["history"]);
    let diff_ids = list(&config["rootfs"]["diff_ids"]);
    let mut image = Image::new();
    for (number, (layer, diff_id)) in list(&manifest["layers"]).iter().zip(&diff_ids).enumerate() {
        let created_by = history
            .get(number)
            .and_then(|step| step["created_by"].as_str());
        image = image.layer(Layer {
            data: BlobData::File(blob(oci, &layer["digest"])?.into()),
            media_type: text(&layer["mediaType"])?.to_owned(),
            digest: digest(&layer["digest"])?,
            size: layer["size"].as_u64().context("a layer without a size")?,
            diff_id: digest(diff_id)?,
            annotations: serde_json::from_value(layer["annotations"].clone()).unwrap_or_default(),
            created_by: created_by.unwrap_or_default().to_owned(),
        });
    }
    image.labels = serde_json::from_value(config["config"]["Labels"].clone()).unwrap_or_default();
    Ok(image)
}

fn document(path: &Path) -> Result<Value> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    Ok(serde_json::from_slice(&bytes)?)
}

fn blob(oci: &Path, digest: &Value) -> Result<PathBuf> {
    Ok(oci.join("blobs").join(text(digest)?.replace(':', "/")))
}

fn digest(value: &Value) -> Result<Digest> {
    Ok(text(value)?.parse()?)
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().context("a text was expected")
}
