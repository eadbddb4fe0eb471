//! `image pull`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use bootc_storage::pull::{
    Compat, LayerPlan, LayerState, PullConfig, PullPlan, Pulled, default_jobs,
};
use bootc_storage::{Event, Warning};
use ostree_layer::Limits;
use serde::Serialize;

use super::role::RoleView;
use crate::args::{CompatArg, Global, PullArgs};
use crate::exit;
use crate::layer_notes::notes;
use crate::output::Output;
use crate::progress::{Progress, replaced_text};
use crate::repository;
use crate::source_options::source_config;
use crate::text::{plain, size, table};

/// What `--dry-run` and `--check` print.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PullPlan"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlanView {
    /// The image's name, without how it is to be verified.
    image: String,
    /// The ref that the image would have.
    r#ref: String,
    /// Digest of the manifest at the source.
    manifest_digest: String,
    /// Digest of what is stored under this name now; null when nothing is.
    stored_digest: Option<String>,
    /// Version of the image at the source, from its labels.
    version: Option<String>,
    /// Version of what is stored now.
    stored_version: Option<String>,
    /// A pull would change nothing.
    unchanged: bool,
    /// In the order of the manifest.
    layers: Vec<LayerView>,
    /// Transfer size of the missing layers.
    missing_bytes: u64,
    /// What the missing layers need on disk.
    space: SpaceView,
    /// Which paths of derived layers are kept: `all`, or `usr-only` on a base without a root that is an overlay; either
    /// with `+factory-var` where /var goes to /usr/share/factory/var. Null while the base that decides it is not stored, and when nothing
    /// is to be done.
    path_policy: Option<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PlannedLayer"))]
#[serde(rename_all = "camelCase")]
struct LayerView {
    /// The blob's digest.
    digest: String,
    /// The digest of the uncompressed tar.
    diff_id: String,
    role: RoleView,
    /// Transfer size.
    size_bytes: u64,
    state: StateView,
    /// The stored layer's commit; null when it is missing.
    commit: Option<String>,
}

/// Whether a layer is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "LayerState"))]
#[serde(rename_all = "kebab-case")]
enum StateView {
    /// Stored under this digest.
    Present,
    /// Stored under another digest, with the same content, which was verified when it was stored.
    SameContent,
    /// To be transferred.
    Missing,
}

impl StateView {
    fn text(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::SameContent => "same-content",
            Self::Missing => "missing",
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Space"))]
#[serde(rename_all = "camelCase")]
struct SpaceView {
    /// The missing layers' transfer size: what is needed at least.
    at_least_bytes: u64,
    /// What they take unpacked, as far as that can be told beforehand.
    estimated_bytes: u64,
    /// What may be written, beside the reserve.
    available_bytes: u64,
    /// What the repository keeps free (core.min-free-space).
    reserved_bytes: u64,
}

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
    unchanged: bool,
    /// How many layers were there before.
    layers_reused: usize,
    /// The layers that this pull stored, in the order of the manifest.
    layers_stored: Vec<StoredView>,
    /// Paths of this pull's layers that an ostree host has no place for, counted by top-level name.
    dropped_paths: BTreeMap<String, u64>,
    /// In words, for people.
    warnings: Vec<String>,
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

pub(crate) fn run(global: &Global, args: &PullArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let config = PullConfig {
        source: source_config(&args.source)?,
        compat: match args.compat {
            CompatArg::None => Compat::None,
            CompatArg::OstreeExt => Compat::OstreeExt,
        },
        jobs: args.jobs.unwrap_or_else(default_jobs),
        limits: Limits::default(),
    };
    let mode = args.repo_mode.map(Into::into);
    let opened = if args.check || args.dry_run {
        repository::open_or_imagine(global, mode)?
    } else {
        repository::open_or_create(global, mode)?
    };
    let storage = &opened.storage;
    let progress = Progress::new(output);
    let observer = progress.observer();
    let plan = storage.plan_pull(&args.reference, &config, &observer);
    if args.check || args.dry_run {
        progress.finish();
        let plan = plan?;
        let view = PlanView::of(&plan);
        output.result(&view, || {
            if args.check {
                view.verdict()
            } else {
                view.human()
            }
        })?;
        return Ok(exit_code(args, plan.is_unchanged()));
    }
    let pulled = plan.and_then(|plan| {
        if plan.space.is_tight() {
            let warning = Warning::TightSpace {
                estimated_bytes: plan.space.estimated_bytes,
                available_bytes: plan.space.available_bytes,
            };
            observer(Event::Warning(warning));
        }
        observer(Event::Planned(&plan));
        let pulled = storage.apply_pull(&plan, &config, &observer)?;
        Ok((plan, pulled))
    });
    progress.finish();
    let (plan, pulled) = pulled?;
    let view = PulledView::of(&plan, &pulled);
    for warning in &view.warnings {
        output.warn(warning);
    }
    output.result(&view, || view.human())?;
    Ok(exit_code(args, pulled.unchanged))
}

fn exit_code(args: &PullArgs, unchanged: bool) -> ExitCode {
    if unchanged && args.unchanged_exit_77 {
        ExitCode::from(exit::UNCHANGED)
    } else {
        ExitCode::SUCCESS
    }
}

impl PlanView {
    fn of(plan: &PullPlan) -> Self {
        let previous = plan.previous.as_ref();
        Self {
            image: plan.reference.imgref.canonical().to_string(),
            r#ref: plan.ref_name.to_string(),
            manifest_digest: plan.manifest_digest.to_string(),
            stored_digest: previous.map(|image| image.manifest_digest.to_string()),
            version: plan.config.version().map(str::to_owned),
            stored_version: previous
                .and_then(|image| image.config.version())
                .map(str::to_owned),
            unchanged: plan.is_unchanged(),
            layers: plan.layers.iter().map(LayerView::of).collect(),
            missing_bytes: plan.missing_bytes(),
            space: SpaceView {
                at_least_bytes: plan.space.at_least_bytes,
                estimated_bytes: plan.space.estimated_bytes,
                available_bytes: plan.space.available_bytes,
                reserved_bytes: plan.space.reserved_bytes,
            },
            path_policy: plan.path_policy.map(|policy| policy.to_string()),
        }
    }

    fn verdict(&self) -> String {
        if self.unchanged {
            return format!(
                "No changes in {} ({})\n",
                plain(&self.image),
                self.manifest_digest
            );
        }
        let missing = self
            .layers
            .iter()
            .filter(|layer| layer.state == StateView::Missing)
            .count();
        let mut text = format!("{} available: {}\n", self.news(), plain(&self.image));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "Digest: {}", self.manifest_digest);
        if let Some(version) = &self.version {
            let _ = writeln!(text, "Version: {}", plain(version));
        }
        let _ = writeln!(
            text,
            "layers already present: {}; layers needed: {missing} ({})",
            self.layers.len() - missing,
            size(self.missing_bytes)
        );
        text
    }

    fn news(&self) -> &'static str {
        if self.stored_digest.is_some() {
            "Update"
        } else {
            "Image"
        }
    }

    fn human(&self) -> String {
        let mut text = self.verdict();
        let rows: Vec<Vec<String>> = self
            .layers
            .iter()
            .enumerate()
            .map(|(index, layer)| layer.row(index))
            .collect();
        text.push_str(&table(&["LAYER", "DIGEST", "ROLE", "SIZE", "STATE"], &rows));
        if !self.unchanged {
            let _ = writeln!(
                text,
                "Paths of derived layers: {}",
                policy_text(self.path_policy.as_deref())
            );
            let _ = writeln!(
                text,
                "Space: about {} needed, {} free beside a reserve of {}",
                size(self.space.estimated_bytes),
                size(self.space.available_bytes),
                size(self.space.reserved_bytes)
            );
        }
        text
    }
}

fn policy_text(policy: Option<&str>) -> &str {
    match policy {
        None => "the base decides, once it is stored",
        Some("all") => "all are kept",
        Some("all+factory-var") => "all are kept, /var as /usr/share/factory/var",
        Some("usr-only") => "only what an ostree host has a place for is kept: /usr, /etc, /var",
        Some("usr-only+factory-var") => {
            "only what an ostree host has a place for is kept: /usr, /etc, /var (as /usr/share/factory/var)"
        }
        Some(other) => other,
    }
}

impl LayerView {
    fn of(plan: &LayerPlan) -> Self {
        let (state, commit) = match &plan.state {
            LayerState::Present { commit } => (StateView::Present, Some(commit)),
            LayerState::SameContent { commit, .. } => (StateView::SameContent, Some(commit)),
            LayerState::Missing => (StateView::Missing, None),
        };
        Self {
            digest: plan.layer.descriptor.digest.to_string(),
            diff_id: plan.layer.diff_id.to_string(),
            role: plan.layer.role.into(),
            size_bytes: plan.layer.descriptor.size,
            state,
            commit: commit.map(ToString::to_string),
        }
    }

    fn row(&self, index: usize) -> Vec<String> {
        vec![
            index.to_string(),
            self.digest.clone(),
            self.role.text().to_owned(),
            size(self.size_bytes),
            self.state.text().to_owned(),
        ]
    }
}

impl PulledView {
    fn of(plan: &PullPlan, pulled: &Pulled) -> Self {
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
            warnings,
        }
    }

    fn human(&self) -> String {
        if self.unchanged {
            return format!(
                "No changes in {} => {}\n",
                plain(&self.image),
                self.merge_commit
            );
        }
        format!(
            "Wrote: {} => {}\nDigest: {}\nLayers: {} stored, {} reused\n",
            plain(&self.image),
            self.merge_commit,
            self.manifest_digest,
            self.layers_stored.len(),
            self.layers_reused
        )
    }
}
