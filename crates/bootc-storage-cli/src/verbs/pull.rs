//! `image pull`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use bootc_storage::pull::{
    Compat, LayerPlan, LayerState, PullConfig, PullPlan, Pulled, default_jobs,
};
use bootc_storage::{Event, Warning};
use ostree_layer::Limits;
use ostree_objects::RepoMode;
use serde::Serialize;

use super::inspect::role;
use crate::args::{CompatArg, Global, ModeArg, PullArgs};
use crate::exit;
use crate::layer_notes::notes;
use crate::output::Output;
use crate::progress::{Progress, replaced_text};
use crate::repository;
use crate::source_options::source_config;
use crate::text::{plain, size, table};

/// What `--dry-run` and `--check` print.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PlanView {
    image: String,
    r#ref: String,
    manifest_digest: String,
    /// What is stored under this name now.
    stored_digest: Option<String>,
    version: Option<String>,
    stored_version: Option<String>,
    unchanged: bool,
    layers: Vec<LayerView>,
    missing_bytes: u64,
    space: SpaceView,
    /// Which paths of derived layers are kept; null while the base that decides it is not stored.
    path_policy: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LayerView {
    digest: String,
    diff_id: String,
    role: &'static str,
    size_bytes: u64,
    /// present, same-content or missing.
    state: &'static str,
    commit: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SpaceView {
    at_least_bytes: u64,
    estimated_bytes: u64,
    available_bytes: u64,
    reserved_bytes: u64,
}

/// What a pull prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PulledView {
    image: String,
    r#ref: String,
    manifest_digest: String,
    merge_commit: String,
    unchanged: bool,
    layers_reused: usize,
    layers_stored: Vec<StoredView>,
    /// Paths of this pull's layers that an ostree host has no place for, counted by top-level name.
    dropped_paths: BTreeMap<String, u64>,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StoredView {
    digest: String,
    commit: String,
    /// Uncompressed.
    bytes: u64,
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
    let mode = match args.repo_mode {
        ModeArg::Bare => RepoMode::Bare,
        ModeArg::BareUser => RepoMode::BareUser,
        ModeArg::Archive => RepoMode::Archive,
    };
    let storage = repository::open_or_create(global, mode)?;
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
            .filter(|layer| layer.state == "missing")
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
        let policy = self
            .path_policy
            .as_deref()
            .unwrap_or("decided by the base once it is stored");
        let _ = writeln!(text, "Paths of derived layers: {policy}");
        let _ = writeln!(
            text,
            "Space: about {} needed, {} free beside a reserve of {}",
            size(self.space.estimated_bytes),
            size(self.space.available_bytes),
            size(self.space.reserved_bytes)
        );
        text
    }
}

impl LayerView {
    fn of(plan: &LayerPlan) -> Self {
        let (state, commit) = match &plan.state {
            LayerState::Present { commit } => ("present", Some(commit)),
            LayerState::SameContent { commit, .. } => ("same-content", Some(commit)),
            LayerState::Missing => ("missing", None),
        };
        Self {
            digest: plan.layer.descriptor.digest.to_string(),
            diff_id: plan.layer.diff_id.to_string(),
            role: role(plan.layer.role),
            size_bytes: plan.layer.descriptor.size,
            state,
            commit: commit.map(ToString::to_string),
        }
    }

    fn row(&self, index: usize) -> Vec<String> {
        vec![
            index.to_string(),
            self.digest.clone(),
            self.role.to_owned(),
            size(self.size_bytes),
            self.state.to_owned(),
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
