//! `bound prune`, and the same after a change of deployments.

use std::process::ExitCode;

use bootc_storage::host::LockedHost;
use bootc_storage::host::bound::BoundPruned;
use bound_images::PrunePlan;
use cap_std::fs::Dir;
use serde::Serialize;

use super::machine_run;
use super::shown::{StoredView, images};
use crate::args::{BoundPruneArgs, Global};
use crate::output::Output;
use crate::text::{plain, size};
use crate::verbs::host;

const UNNEEDED: &str = ": no deployment declares it or was made with it, and no container uses it";

/// What `bound prune --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "BoundPrune"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    /// Nothing was changed.
    dry_run: bool,
    /// What went, or would go.
    removed: Vec<StoredView>,
    /// What podman did not remove.
    refused: Vec<RefusedView>,
    /// What stays.
    kept: Vec<KeptView>,
    /// Deployments that cannot be read, so that all they may need stays.
    unreadable: Vec<UnreadableView>,
    /// What the layers took that went, or would go: not those that another image has too.
    freed_bytes: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename = "KeptBoundImage")
)]
#[serde(rename_all = "camelCase")]
struct KeptView {
    #[serde(flatten)]
    image: StoredView,
    /// Why it stays, in words.
    reasons: Vec<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename = "RefusedBoundImage")
)]
#[serde(rename_all = "camelCase")]
struct RefusedView {
    #[serde(flatten)]
    image: StoredView,
    /// What podman said.
    reason: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename = "UnreadableDeployment")
)]
#[serde(rename_all = "camelCase")]
struct UnreadableView {
    /// The deployment.
    deployment: String,
    /// Why, in words.
    reason: String,
}

pub(super) fn run(
    global: &Global,
    args: &BoundPruneArgs,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let host = host::open_locked(global, output)?;
    let run = machine_run()?;
    let view = if args.dry_run {
        View::of_plan(&host.plan_bound_prune(&run)?)
    } else {
        View::of(&host.prune_bound(&run)?)
    };
    output.result(&view, || view.human())?;
    Ok(ExitCode::SUCCESS)
}

/// What a prune of bound images would do, beside one of the rest; in words, why that is not known.
pub(crate) fn would_prune(host: &LockedHost) -> Result<View, String> {
    let plan = machine_run().and_then(|run| Ok(host.plan_bound_prune(&run)?));
    match plan {
        Ok(plan) => Ok(View::of_plan(&plan)),
        Err(error) => Err(format!("{error:#}")),
    }
}

/// Prune after a change of deployments, which is done whatever comes of this.
pub(crate) fn prune_beside(host: &LockedHost, run: &Dir, output: &Output) {
    match host.prune_bound(run) {
        Ok(pruned) => {
            for (deployment, reason) in &pruned.plan.unreadable {
                output.warn(&format!(
                    "what {deployment} is bound to cannot be read, all that it may need is kept: {reason}"
                ));
            }
            for (image, reason) in &pruned.done.refused {
                let image = StoredView::of(image).human();
                output.warn(&format!("bound image {image} stays: {reason}"));
            }
            for image in &pruned.done.removed {
                let image = StoredView::of(image).human();
                output.note(&format!("removed bound image {image}"));
            }
        }
        Err(error) => output.warn(&format!(
            "bound images were not pruned: {:#}",
            anyhow::Error::from(error)
        )),
    }
}

impl View {
    fn of_plan(plan: &PrunePlan) -> Self {
        Self {
            dry_run: true,
            freed_bytes: plan.freed_bytes(),
            removed: plan.remove.iter().map(StoredView::of).collect(),
            refused: Vec::new(),
            kept: plan
                .keep
                .iter()
                .map(|(image, reasons)| KeptView {
                    image: StoredView::of(image),
                    reasons: reasons.iter().map(ToString::to_string).collect(),
                })
                .collect(),
            unreadable: plan
                .unreadable
                .iter()
                .map(|(deployment, reason)| UnreadableView {
                    deployment: deployment.clone(),
                    reason: reason.clone(),
                })
                .collect(),
        }
    }

    fn of(pruned: &BoundPruned) -> Self {
        let refused = pruned.done.refused.iter();
        Self {
            dry_run: false,
            freed_bytes: pruned.done.freed_bytes(&pruned.plan),
            removed: pruned.done.removed.iter().map(StoredView::of).collect(),
            refused: refused
                .map(|(image, reason)| RefusedView {
                    image: StoredView::of(image),
                    reason: reason.clone(),
                })
                .collect(),
            ..Self::of_plan(&pruned.plan)
        }
    }

    pub(crate) fn human(&self) -> String {
        let mut text = String::new();
        let word = if self.dry_run {
            "Would remove"
        } else {
            "Removed"
        };
        for image in &self.removed {
            let why = if self.dry_run { UNNEEDED } else { "" };
            text.push_str(&format!("{word}: {}{why}\n", image.human()));
        }
        for image in &self.refused {
            text.push_str(&format!(
                "Not removed: {}: {}\n",
                image.image.human(),
                plain(&image.reason)
            ));
        }
        if self.dry_run {
            for kept in &self.kept {
                text.push_str(&format!("Keeps: {}\n", kept.image.human()));
                for reason in &kept.reasons {
                    text.push_str(&format!("  {}\n", plain(reason)));
                }
            }
        }
        for one in &self.unreadable {
            text.push_str(&format!(
                "Cannot read {}: {}\n",
                plain(&one.deployment),
                plain(&one.reason)
            ));
        }
        if self.removed.is_empty() {
            text.push_str("Nothing to remove\n");
        } else {
            text.push_str(&format!(
                "{}, {}\n",
                images(self.removed.len()),
                size(self.freed_bytes)
            ));
        }
        text
    }
}
