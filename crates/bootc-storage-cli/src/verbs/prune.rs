//! `image prune`.

use std::process::ExitCode;

use bootc_storage::{PrunePlan, RootKind};
use serde::Serialize;

use crate::args::{Global, PruneArgs};
use crate::output::Output;
use crate::progress::Progress;
use crate::repository;
use crate::text::{plain, size, table};

/// What `image prune --dry-run --format json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PlanView {
    /// What stays, and why.
    kept: Vec<RootView>,
    /// Layer refs that would go: no image and no deployment names them.
    layers: Vec<LayerView>,
    objects: u64,
    bytes: u64,
    /// Refs that cannot be read; while there are any, no layer ref goes.
    unreadable: Vec<UnreadableView>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RootView {
    r#ref: String,
    reason: &'static str,
    commit: String,
    layers: Option<usize>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LayerView {
    r#ref: String,
    digest: Option<String>,
    commit: String,
    reason: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct UnreadableView {
    r#ref: String,
    reason: String,
}

/// What `image prune --format json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PrunedView {
    layers: u64,
    objects: u64,
    freed_bytes: u64,
}

const UNNEEDED: &str = "no image and no deployment names it";

pub(crate) fn run(global: &Global, args: &PruneArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let storage = repository::open(global)?;
    let progress = Progress::new(output);
    if args.dry_run {
        let plan = storage.plan_prune(&progress.observer());
        progress.finish();
        let view = PlanView::of(plan?);
        output.result(&view, || view.human())?;
        return Ok(ExitCode::SUCCESS);
    }
    let pruned = storage.apply_prune(&progress.observer());
    progress.finish();
    let pruned = pruned?;
    let view = PrunedView {
        layers: pruned.layers,
        objects: pruned.objects,
        freed_bytes: pruned.bytes,
    };
    output.result(&view, || {
        format!(
            "Freed: {} ({} layers, {} objects)\n",
            size(view.freed_bytes),
            view.layers,
            view.objects
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

impl PlanView {
    fn of(plan: PrunePlan) -> Self {
        Self {
            kept: plan
                .roots
                .into_iter()
                .map(|root| RootView {
                    r#ref: root.name,
                    reason: reason(root.kind),
                    commit: root.commit.to_string(),
                    layers: root.layers,
                })
                .collect(),
            layers: plan
                .layers
                .into_iter()
                .map(|layer| LayerView {
                    r#ref: layer.name,
                    digest: layer.digest.map(|digest| digest.to_string()),
                    commit: layer.commit.to_string(),
                    reason: UNNEEDED,
                })
                .collect(),
            objects: plan.objects,
            bytes: plan.bytes,
            unreadable: plan
                .unreadable
                .into_iter()
                .map(|(name, reason)| UnreadableView {
                    r#ref: name,
                    reason,
                })
                .collect(),
        }
    }

    fn human(&self) -> String {
        let mut text = String::new();
        let kept: Vec<Vec<String>> = self
            .kept
            .iter()
            .map(|root| {
                let layers = root
                    .layers
                    .map_or("-".to_owned(), |layers| layers.to_string());
                vec![plain(&root.r#ref), root.reason.to_owned(), layers]
            })
            .collect();
        text.push_str(&table(&["KEPT", "BECAUSE IT IS", "LAYERS"], &kept));
        let gone: Vec<Vec<String>> = self
            .layers
            .iter()
            .map(|layer| {
                vec![
                    plain(layer.digest.as_deref().unwrap_or(&layer.r#ref)),
                    UNNEEDED.to_owned(),
                ]
            })
            .collect();
        if !gone.is_empty() {
            text.push('\n');
            text.push_str(&table(&["LAYER TO REMOVE", "BECAUSE"], &gone));
        }
        text.push_str(&format!(
            "\nWould free: {} ({} layers, {} objects)\n",
            size(self.bytes),
            self.layers.len(),
            self.objects
        ));
        text
    }
}

fn reason(kind: RootKind) -> &'static str {
    match kind {
        RootKind::Image => "a stored image",
        RootKind::Deployment => "a deployment",
        RootKind::RpmOstreeBase => "a base of rpm-ostree",
        RootKind::BaseImage => "a base kept by another tool",
        RootKind::Layer => "a layer",
        RootKind::Other => "a ref",
    }
}
