//! `image inspect`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use bootc_storage::{StoredImage, StoredLayer};
use oci_manifest::Role;
use serde::Serialize;
use serde_json::Value;

use crate::args::{Global, NameArgs};
use crate::output::Output;
use crate::repository;
use crate::text::{plain, size, table};

/// What `image inspect --format json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    image: String,
    manifest_digest: String,
    merge_commit: String,
    base_commit: Option<String>,
    importer: Option<String>,
    version: Option<String>,
    created: Option<String>,
    architecture: String,
    os: String,
    labels: BTreeMap<String, String>,
    layers: Vec<LayerView>,
    /// As stored.
    manifest: Value,
    /// As stored.
    config: Value,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LayerView {
    digest: String,
    diff_id: Option<String>,
    role: Option<&'static str>,
    size_bytes: u64,
    /// The layer's commit; null when its ref is missing.
    commit: Option<String>,
}

pub(crate) fn run(global: &Global, args: &NameArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let storage = repository::open(global)?;
    let image = storage.inspect(&args.image)?;
    let view = View::of(&image, &image.layers(&storage)?);
    output.result(&view, || view.human())?;
    Ok(ExitCode::SUCCESS)
}

impl View {
    fn of(image: &StoredImage, layers: &[StoredLayer]) -> Self {
        let config = &image.config;
        Self {
            image: image.reference.to_string(),
            manifest_digest: image.manifest_digest.to_string(),
            merge_commit: image.merge_commit.to_string(),
            base_commit: image.base_commit.map(|commit| commit.to_string()),
            importer: image.importer.clone(),
            version: config.version().map(str::to_owned),
            created: config.created().map(str::to_owned),
            architecture: config.architecture().to_owned(),
            os: config.os().to_owned(),
            labels: config
                .labels()
                .iter()
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
            layers: layers.iter().map(LayerView::of).collect(),
            manifest: serde_json::from_str(image.manifest.raw()).unwrap_or(Value::Null),
            config: serde_json::from_str(config.raw()).unwrap_or(Value::Null),
        }
    }

    fn human(&self) -> String {
        let none = "-".to_owned();
        let mut text = String::new();
        for (name, value) in [
            ("Image", &self.image),
            ("Digest", &self.manifest_digest),
            ("Version", self.version.as_ref().unwrap_or(&none)),
            ("Created", self.created.as_ref().unwrap_or(&none)),
            ("Platform", &format!("{}/{}", self.os, self.architecture)),
            ("Commit", &self.merge_commit),
            ("Base commit", self.base_commit.as_ref().unwrap_or(&none)),
            ("Imported by", self.importer.as_ref().unwrap_or(&none)),
        ] {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{:<12} {}", format!("{name}:"), plain(value));
        }
        if !self.labels.is_empty() {
            text.push_str("Labels:\n");
            for (key, value) in &self.labels {
                let _ = writeln!(text, "  {}={}", plain(key), plain(value));
            }
        }
        let rows: Vec<Vec<String>> = self.layers.iter().enumerate().map(LayerView::row).collect();
        text.push_str(&table(
            &["LAYER", "DIGEST", "ROLE", "SIZE", "COMMIT"],
            &rows,
        ));
        text
    }
}

impl LayerView {
    fn of(layer: &StoredLayer) -> Self {
        Self {
            digest: layer.digest.to_string(),
            diff_id: layer.diff_id.as_ref().map(ToString::to_string),
            role: layer.role.map(role),
            size_bytes: layer.size_bytes,
            commit: layer.commit.map(|commit| commit.to_string()),
        }
    }

    fn row((index, layer): (usize, &Self)) -> Vec<String> {
        vec![
            index.to_string(),
            layer.digest.clone(),
            layer.role.unwrap_or("?").to_owned(),
            size(layer.size_bytes),
            layer
                .commit
                .as_deref()
                .map_or("missing".to_owned(), |c| c.chars().take(12).collect()),
        ]
    }
}

pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Commit => "commit",
        Role::Chunk => "chunk",
        Role::Derived => "derived",
    }
}
