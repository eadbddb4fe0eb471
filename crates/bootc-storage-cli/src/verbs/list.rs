//! `image list`.

use std::process::ExitCode;

use bootc_storage::StoredImage;
use serde::Serialize;

use crate::args::Global;
use crate::output::{Output, say};
use crate::repository;
use crate::text::{plain, size, table, time};

/// What `image list --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Images"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    /// By name.
    images: Vec<ImageView>,
    /// Image refs that lead to nothing readable.
    unreadable: Vec<UnreadableView>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ImageSummary"))]
#[serde(rename_all = "camelCase")]
struct ImageView {
    /// The image's name.
    image: String,
    /// Digest of the manifest as the source served it.
    manifest_digest: String,
    /// The commit that holds all layers as one tree.
    merge_commit: String,
    /// From the image's labels.
    version: Option<String>,
    /// RFC 3339, from the config.
    created: Option<String>,
    /// How many.
    layers: usize,
    /// Sum of the layers' transfer sizes.
    size_bytes: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename = "UnreadableImage")
)]
#[serde(rename_all = "camelCase")]
struct UnreadableView {
    /// The ref's name.
    r#ref: String,
    /// The image's name, where the ref's can be read as one.
    image: Option<String>,
    /// In words, for people.
    reason: String,
}

pub(crate) fn run(global: &Global, output: &Output) -> anyhow::Result<ExitCode> {
    let listed = repository::open(global)?.list()?;
    let view = View {
        images: listed.images.iter().map(ImageView::of).collect(),
        unreadable: listed
            .unreadable
            .into_iter()
            .map(|unreadable| UnreadableView {
                r#ref: unreadable.name,
                image: unreadable.reference.map(|reference| reference.to_string()),
                reason: unreadable.reason,
            })
            .collect(),
    };
    output.result(&view, || human(&view))?;
    if view.images.is_empty() && view.unreadable.is_empty() && output.is_human() && !output.quiet {
        say("no images are stored here; `bootc-storage image pull` brings one");
    }
    for unreadable in &view.unreadable {
        output.warn(&format!(
            "{} cannot be read: {}",
            unreadable.r#ref, unreadable.reason
        ));
    }
    Ok(ExitCode::SUCCESS)
}

impl ImageView {
    fn of(image: &StoredImage) -> Self {
        Self {
            image: image.reference.to_string(),
            manifest_digest: image.manifest_digest.to_string(),
            merge_commit: image.merge_commit.to_string(),
            version: image.config.version().map(str::to_owned),
            created: image.config.created().map(str::to_owned),
            layers: image.manifest.layers().len(),
            size_bytes: image.manifest.layers().iter().map(|layer| layer.size).sum(),
        }
    }
}

fn human(view: &View) -> String {
    let rows: Vec<Vec<String>> = view
        .images
        .iter()
        .map(|image| {
            vec![
                plain(&image.image),
                image
                    .manifest_digest
                    .chars()
                    .take("sha256:".len() + 12)
                    .collect(),
                plain(image.version.as_deref().unwrap_or("-")),
                time(image.created.as_deref().unwrap_or("-")),
                image.layers.to_string(),
                size(image.size_bytes),
            ]
        })
        .collect();
    table(
        &["IMAGE", "DIGEST", "VERSION", "CREATED", "LAYERS", "SIZE"],
        &rows,
    )
}

#[cfg(test)]
mod tests {
    use super::{ImageView, View, human};

    #[test]
    fn a_line_an_image() {
        let view = View {
            images: vec![ImageView {
                image: "docker://quay.io/os/\u{1b}[2Jimage:1".to_owned(),
                manifest_digest: format!("sha256:{}", "ab".repeat(32)),
                merge_commit: "cd".repeat(32),
                version: Some("41.2".to_owned()),
                created: None,
                layers: 65,
                size_bytes: 601_736_180,
            }],
            unreadable: Vec::new(),
        };
        assert_eq!(
            human(&view),
            "\
IMAGE                                 DIGEST               VERSION  CREATED  LAYERS  SIZE
docker://quay.io/os/\\u{1b}[2Jimage:1  sha256:abababababab  41.2     -        65      602 MB
"
        );
    }
}
