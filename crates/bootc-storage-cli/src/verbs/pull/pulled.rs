//! What a pull did, as it is printed.

use std::collections::BTreeMap;

use bootc_storage::Storage;
use bootc_storage::pull::{PullPlan, Pulled};
use serde::Serialize;

use crate::layer_notes::notes;
use crate::progress::replaced_text;
use crate::text::{count, plain};

/// What a pull prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Pulled"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct PulledView {
    /// The image's name, without how it was verified.
    image: String,
    /// The image's ref.
    r#ref: String,
    /// Digest of the manifest.
    manifest_digest: String,
    /// The commit that holds all layers as one tree.
    merge_commit: String,
    /// The image was stored already; nothing was written.
    pub(super) unchanged: bool,
    /// How many layers were there before.
    layers_reused: usize,
    /// The layers that this pull stored, in the order of the manifest.
    layers_stored: Vec<StoredView>,
    /// Paths of this pull's layers that an ostree host has no place for, counted by top-level name.
    dropped_paths: BTreeMap<String, u64>,
    /// The name of the image's SELinux policy; null when it has none or no labels were wanted.
    policy: Option<String>,
    /// Paths of the base and of layers whose label was not that policy's and was set right.
    relabelled_paths: u64,
    /// In words, for people.
    pub(super) warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "StoredLayer"))]
#[serde(rename_all = "camelCase")]
struct StoredView {
    /// The blob's digest.
    digest: String,
    /// The layer's commit.
    commit: String,
    /// Size of the uncompressed tar.
    bytes: u64,
    /// Entries of the tar.
    entries: u64,
}

impl PulledView {
    pub(super) fn of(plan: &PullPlan, pulled: &Pulled) -> Self {
        let mut dropped_paths: BTreeMap<String, u64> = BTreeMap::new();
        let mut warnings = Vec::new();
        for layer in &pulled.stored {
            for (name, count) in &layer.report.dropped_paths {
                *dropped_paths.entry(name.clone()).or_default() += count;
            }
            let short = layer.digest.short();
            for note in notes(&layer.report) {
                warnings.push(format!("layer {} {short}: {note}", layer.index));
            }
        }
        if let Some(merge) = &pulled.merge {
            warnings.extend(merge.replaced.iter().map(replaced_text));
        }
        if !dropped_paths.is_empty() {
            let list: Vec<String> = dropped_paths
                .iter()
                .map(|(name, count)| format!("{name}: {count}"))
                .collect();
            warnings.push(format!(
                "Image contains non-ostree compatible file paths: {}",
                list.join(" ")
            ));
        }
        let labels = pulled.labels.as_ref();
        Self {
            image: plan.reference.imgref.canonical().to_string(),
            r#ref: plan.ref_name.to_string(),
            manifest_digest: pulled.manifest_digest.to_string(),
            merge_commit: pulled.merge_commit.to_string(),
            unchanged: pulled.unchanged,
            layers_reused: pulled.reused,
            layers_stored: pulled
                .stored
                .iter()
                .map(|layer| StoredView {
                    digest: layer.digest.to_string(),
                    commit: layer.commit.to_string(),
                    bytes: layer.report.bytes,
                    entries: layer.report.entries,
                })
                .collect(),
            dropped_paths,
            policy: labels.and_then(|labels| labels.policy.clone()),
            relabelled_paths: labels.map_or(0, |labels| labels.changed),
            warnings,
        }
    }

    /// Nothing was done, so what is stored says which policy it has; read only for who asks, since it costs more than the
    /// rest.
    pub(super) fn with_stored_policy(mut self, storage: &Storage, plan: &PullPlan) -> Self {
        if let (true, Some(stored)) = (self.unchanged, &plan.previous) {
            // The stored image was whole a moment ago; what cannot be read is for `check` to say.
            let policy = storage.image_policy(stored).unwrap_or_default();
            self.policy = policy.map(|policy| policy.policy.name().to_owned());
        }
        self
    }

    pub(super) fn human(&self) -> String {
        if self.unchanged {
            return format!(
                "No changes in {} => {}\n",
                plain(&self.image),
                self.merge_commit
            );
        }
        let labels = match (&self.policy, self.relabelled_paths) {
            (None, _) => "of no policy".to_owned(),
            (Some(policy), 0) => format!("of policy {}", plain(policy)),
            (Some(policy), changed) => format!(
                "of policy {}; {} set right",
                plain(policy),
                count(changed, "path")
            ),
        };
        format!(
            "Wrote: {} => {}\nDigest: {}\nLayers: {} stored, {} reused\nLabels: {labels}\n",
            plain(&self.image),
            self.merge_commit,
            self.manifest_digest,
            self.layers_stored.len(),
            self.layers_reused
        )
    }
}
