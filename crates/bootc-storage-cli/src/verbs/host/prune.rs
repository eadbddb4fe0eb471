//! `host prune`.

use std::collections::BTreeSet;
use std::process::ExitCode;

use serde::Serialize;

use super::shown::CleanedUpView;
use crate::args::{Global, HostPruneArgs};
use crate::output::Output;
use crate::progress::Progress;
use crate::text::plain;
use crate::verbs::{bound, prune};

/// What `host prune --dry-run --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "HostPrunePlan"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlanView {
    #[serde(flatten)]
    repository: prune::PlanView,
    /// Bound images that would go, and that stay; none where that is not known.
    bound_images: Option<bound::PruneView>,
    /// Why it is not, in words.
    bound_images_problem: Option<String>,
}

impl PlanView {
    fn human(&self) -> String {
        let mut text = self.repository.human();
        if let Some(bound) = &self.bound_images {
            text.push_str(&format!("\nBound images\n{}", bound.human()));
        }
        if let Some(problem) = &self.bound_images_problem {
            text.push_str(&format!("\nBound images would stay: {}\n", plain(problem)));
        }
        text
    }
}

pub(super) fn run(
    global: &Global,
    args: &HostPruneArgs,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let progress = Progress::new(output);
    let observer = progress.observer();
    let mut host = super::open(global)?.lock(&observer)?;
    let unneeded = if args.unused_images {
        host.undeployed_images()?
    } else {
        BTreeSet::new()
    };
    if args.dry_run {
        let plan = host.plan_clean_up(&unneeded, &observer);
        progress.finish();
        let (bound_images, bound_images_problem) = match bound::would_prune(&host) {
            Ok(view) => (Some(view), None),
            Err(problem) => (None, Some(problem)),
        };
        let view = PlanView {
            repository: prune::PlanView::of(plan?),
            bound_images,
            bound_images_problem,
        };
        output.result(&view, || view.human())?;
        return Ok(ExitCode::SUCCESS);
    }
    let cleaned_up = host.clean_up(&unneeded, &observer);
    progress.finish();
    let view = CleanedUpView::of(&cleaned_up?);
    bound::prune_beside(&host, &bound::machine_run()?, output);
    output.result(&view, || match view.human() {
        text if text.is_empty() => "Nothing to remove\n".to_owned(),
        text => text,
    })?;
    Ok(ExitCode::SUCCESS)
}
