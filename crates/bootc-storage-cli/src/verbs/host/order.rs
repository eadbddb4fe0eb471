//! `host pin`, `host unpin` and `host undeploy`.

use std::process::ExitCode;

use serde::Serialize;

use super::shown::{CleanedUpView, DeploymentView};
use crate::args::{Global, WhichArgs};
use crate::output::Output;
use crate::progress::Progress;
use crate::verbs::bound;

/// What `host pin` and `host unpin` print under `--format json`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "HostPin"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct PinView {
    deployment: DeploymentView,
    /// It is kept whatever is deployed later.
    pinned: bool,
    /// It was so before.
    unchanged: bool,
}

/// What `host undeploy --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "HostUndeploy"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct UndeployView {
    deployment: DeploymentView,
    /// What nothing needs any more.
    cleaned_up: CleanedUpView,
}

pub(super) fn pin(
    global: &Global,
    args: &WhichArgs,
    output: &Output,
    pinned: bool,
) -> anyhow::Result<ExitCode> {
    let host = super::open_locked(global, output)?;
    let before = host.set_pinned(args.which, pinned)?;
    let view = PinView {
        deployment: DeploymentView::of(&before.id),
        pinned,
        unchanged: before.is_pinned() == pinned,
    };
    output.result(&view, || {
        let what = match (pinned, view.unchanged) {
            (true, false) => "Pinned",
            (false, false) => "No longer pinned",
            (true, true) => "Pinned already",
            (false, true) => "Was not pinned",
        };
        format!("{what}: {}\n", view.deployment.human())
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn undeploy(
    global: &Global,
    args: &WhichArgs,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let progress = Progress::new(output);
    let observer = progress.observer();
    let mut host = super::open(global)?.lock(&observer)?;
    let before = host.deployed_images()?;
    let done = host
        .undeploy(args.which)
        .and_then(|gone| Ok((gone, host.clean_up(&before, &observer)?)));
    progress.finish();
    let (gone, cleaned_up) = done?;
    bound::prune_beside(&host, &bound::machine_run()?, output);
    let view = UndeployView {
        deployment: DeploymentView::of(&gone.id),
        cleaned_up: CleanedUpView::of(&cleaned_up),
    };
    output.result(&view, || {
        format!(
            "Removed: {}\n{}",
            view.deployment.human(),
            view.cleaned_up.human()
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
