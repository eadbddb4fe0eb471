//! `host rollback`.

use std::process::ExitCode;

use bootc_storage::host::RollbackPlan;
use serde::Serialize;

use super::shown::DeploymentView;
use crate::args::{Global, RollbackArgs};
use crate::output::Output;
use crate::progress::Progress;

/// What `host rollback --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "HostRollback"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    /// What boots next.
    deployment: DeploymentView,
    /// What would have booted.
    instead_of: DeploymentView,
    /// A rollback was queued, and is no more.
    undone: bool,
    /// A staged deployment that went with it.
    dropped: Option<DeploymentView>,
    /// The staged deployment as it can be booted now.
    kept: Option<DeploymentView>,
}

pub(super) fn run(
    global: &Global,
    args: &RollbackArgs,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let progress = Progress::new(output);
    let observer = progress.observer();
    let mut host = super::open(global)?.lock(&observer)?;
    let plan = host.plan_rollback(args.keep_staged)?;
    let mut view = View::of(&plan);
    if !args.dry_run {
        let before = host.deployed_images()?;
        let kept = host.apply_rollback(&plan, &observer);
        let done = kept.and_then(|kept| Ok((kept, host.clean_up(&before, &observer)?)));
        progress.finish();
        let (kept, _) = done?;
        view.kept = kept.as_ref().map(DeploymentView::of);
    }
    output.result(&view, || view.human(args))?;
    if args.apply {
        super::reboot(output)?;
    }
    Ok(ExitCode::SUCCESS)
}

impl View {
    fn of(plan: &RollbackPlan) -> Self {
        let staged = plan
            .staged
            .as_ref()
            .map(|staged| DeploymentView::of(&staged.id));
        let (dropped, kept) = if plan.keeps_staged {
            (None, staged)
        } else {
            (staged, None)
        };
        Self {
            deployment: DeploymentView::of(&plan.target.id),
            instead_of: DeploymentView::of(&plan.from),
            undone: plan.undoes,
            dropped,
            kept,
        }
    }

    fn human(&self, args: &RollbackArgs) -> String {
        let would = if args.dry_run {
            "Would boot next"
        } else {
            "Next boot"
        };
        let mut text = format!(
            "{would}: {}, instead of {}\n",
            self.deployment.human(),
            self.instead_of.human()
        );
        if self.undone {
            text.push_str("The rollback that was queued is undone\n");
        }
        if let Some(dropped) = &self.dropped {
            text.push_str(&format!(
                "Dropped: {}, which was staged (--keep-staged keeps it)\n",
                dropped.human()
            ));
        }
        if let Some(kept) = &self.kept {
            text.push_str(&format!("Kept: {}, which was staged\n", kept.human()));
        }
        text
    }
}
