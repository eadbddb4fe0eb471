//! `image remove`.

use std::process::ExitCode;

use bootc_storage::{RemovePlan, Storage};
use serde::Serialize;

use super::prune;
use crate::args::{Global, RemoveArgs};
use crate::output::Output;
use crate::progress::Progress;
use crate::repository;
use crate::text::{count, plain, size};

/// What `image remove --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Removed"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    /// Names of the images that were removed.
    images: Vec<String>,
    /// Layers that went with them.
    layers: u64,
    /// Objects that went with them.
    objects: u64,
    /// Their size on disk.
    freed_bytes: u64,
}

/// What `image remove --dry-run --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "RemovePlan"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlanView {
    /// Names of the images that would be removed.
    images: Vec<String>,
    /// What would go with them, and what stays.
    #[serde(flatten)]
    prune: prune::PlanView,
}

pub(crate) fn run(global: &Global, args: &RemoveArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let storage = repository::open(global)?;
    if args.dry_run {
        return plan(&storage, args, output);
    }
    let progress = Progress::new(output);
    let removed = storage.remove(&args.images, &progress.observer());
    progress.finish();
    let removed = removed?;
    let view = View {
        images: removed.images,
        layers: removed.pruned.layers,
        objects: removed.pruned.objects,
        freed_bytes: removed.pruned.bytes,
    };
    output.result(&view, || {
        let mut text = String::new();
        for image in &view.images {
            text.push_str(&format!("Removed: {}\n", plain(image)));
        }
        text.push_str(&format!(
            "Freed: {} ({}, {})\n",
            size(view.freed_bytes),
            count(view.layers, "layer"),
            count(view.objects, "object")
        ));
        text
    })?;
    Ok(ExitCode::SUCCESS)
}

fn plan(storage: &Storage, args: &RemoveArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let progress = Progress::new(output);
    let plan = storage.plan_remove(&args.images, &progress.observer());
    progress.finish();
    let RemovePlan { images, prune } = plan?;
    let view = PlanView {
        images,
        prune: prune::PlanView::of(prune),
    };
    output.result(&view, || {
        let mut text = String::new();
        for image in &view.images {
            text.push_str(&format!("Would remove: {}\n", plain(image)));
        }
        text.push('\n');
        text + &view.prune.human()
    })?;
    Ok(ExitCode::SUCCESS)
}
