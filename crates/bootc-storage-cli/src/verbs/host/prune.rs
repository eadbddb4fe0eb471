//! `host prune`.

use std::collections::BTreeSet;
use std::process::ExitCode;

use super::shown::CleanedUpView;
use crate::args::{Global, HostPruneArgs};
use crate::output::Output;
use crate::progress::Progress;
use crate::verbs::bound;
use crate::verbs::prune::PlanView;

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
        let view = PlanView::of(plan?);
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
