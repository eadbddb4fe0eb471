//! `image inspect`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use bootc_storage::{Storage, StoredImage, StoredLayer};
use serde::Serialize;
use serde_json::Value;

use super::role::RoleView;
use crate::args::{Global, NameArgs};
use crate::output::Output;
use crate::repository;
use crate::text::{count, len, plain, size, table};

/// What `image inspect --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Image"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    /// The image's name.
    image: String,
    /// Digest of the manifest as the source served it.
    manifest_digest: String,
    /// The commit that holds all layers as one tree.
    merge_commit: String,
    /// The commit of an encapsulated image's base.
    base_commit: Option<String>,
    /// The program that stored it, and its version.
    importer: Option<String>,
    /// From the image's labels.
    version: Option<String>,
    /// RFC 3339, from the config.
    created: Option<String>,
    /// As OCI names it: amd64, arm64.
    architecture: String,
    /// As OCI names it: linux.
    os: String,
    /// The config's.
    labels: BTreeMap<String, String>,
    /// The SELinux policy in the image; null when it has none that can be used.
    policy: Option<PolicyView>,
    /// In the order of the manifest.
    layers: Vec<LayerView>,
    /// The OCI manifest, as stored.
    manifest: Value,
    /// The OCI config, as stored.
    config: Value,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Layer"))]
#[serde(rename_all = "camelCase")]
struct LayerView {
    /// The blob's digest.
    digest: String,
    /// The digest of the uncompressed tar, as the config says.
    diff_id: Option<String>,
    /// Null when manifest and config disagree.
    role: Option<RoleView>,
    /// Transfer size.
    size_bytes: u64,
    /// The layer's commit; null when its ref is missing.
    commit: Option<String>,
}

/// The policy that labels the image, and what it labels.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Policy"))]
#[serde(rename_all = "camelCase")]
struct PolicyView {
    /// `SELINUXTYPE`.
    name: String,
    /// What tells it from others that label differently.
    fingerprint: String,
    /// Position of the layer that brought its rules; null when no stored layer has them.
    layer: Option<usize>,
    /// Paths that it gives a label.
    labelled: u64,
    /// Paths whose stored label is another; `selinux check` names them.
    mislabelled: u64,
}

impl PolicyView {
    fn of(storage: &Storage, image: &StoredImage) -> anyhow::Result<Option<Self>> {
        let Some(policy) = storage.image_policy(image)? else {
            return Ok(None);
        };
        let check = storage.check_labels(image, &policy)?;
        Ok(Some(Self {
            name: policy.policy.name().to_owned(),
            fingerprint: policy.policy.fingerprint().to_string(),
            layer: policy.layer,
            labelled: check.labelled,
            mislabelled: len(&check.mislabelled),
        }))
    }

    fn text(&self) -> String {
        let layer = match self.layer {
            Some(layer) => format!(" of layer {layer}"),
            None => String::new(),
        };
        let wrong = match self.mislabelled {
            0 => String::new(),
            wrong => format!(", {wrong} others (see selinux check)"),
        };
        format!(
            "{}{layer}: {}{wrong}",
            self.name,
            count(self.labelled, "label")
        )
    }
}

pub(crate) fn run(global: &Global, args: &NameArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let storage = repository::open(global)?;
    let image = storage.inspect(&args.image)?;
    let policy = match PolicyView::of(&storage, &image) {
        Ok(policy) => policy,
        // All else of the image can be shown.
        Err(error) => {
            output.warn(&format!("{error:#}"));
            None
        }
    };
    let view = View::of(&image, policy, &image.layers(&storage)?);
    output.result(&view, || view.human())?;
    Ok(ExitCode::SUCCESS)
}

impl View {
    fn of(image: &StoredImage, policy: Option<PolicyView>, layers: &[StoredLayer]) -> Self {
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
            policy,
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
            (
                "SELinux",
                self.policy
                    .as_ref()
                    .map(PolicyView::text)
                    .as_ref()
                    .unwrap_or(&none),
            ),
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
            role: layer.role.map(RoleView::from),
            size_bytes: layer.size_bytes,
            commit: layer.commit.map(|commit| commit.to_string()),
        }
    }

    fn row((index, layer): (usize, &Self)) -> Vec<String> {
        vec![
            index.to_string(),
            layer.digest.clone(),
            layer.role.map_or("?", RoleView::text).to_owned(),
            size(layer.size_bytes),
            layer
                .commit
                .as_deref()
                .map_or("missing".to_owned(), |c| c.chars().take(12).collect()),
        ]
    }
}
