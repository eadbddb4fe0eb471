//! `host upgrade`.

use std::process::ExitCode;

use bootc_storage::host::{LockedHost, UpdateRequest};
use bootc_storage::pull::PullConfig;
use serde::Serialize;

use super::shown::DeploymentView;
use super::update::{carry_out, finish, pull_config, stateroot};
use crate::args::{Global, UpgradeArgs};
use crate::exit;
use crate::output::Output;
use crate::progress::Progress;
use crate::text::{plain, size};

/// What `host upgrade --check --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename = "HostUpgradeCheck")
)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckView {
    /// Where upgrades come from.
    image: String,
    /// There is something new.
    available: bool,
    /// Digest of the manifest at the source.
    image_digest: String,
    /// From the labels of the image at the source.
    version: Option<String>,
    /// RFC 3339, of the image at the source.
    timestamp: Option<String>,
    /// What is deployed now: digest of its manifest.
    deployed_digest: Option<String>,
    /// Layers that would be fetched.
    layers_missing: usize,
    /// Layers that are there.
    layers_present: usize,
    /// Transfer size of the missing ones.
    missing_bytes: u64,
}

/// What `host upgrade --from-downloaded --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "HostReleased"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReleasedView {
    /// What goes to the boot order when the system goes down.
    deployment: DeploymentView,
}

pub(super) fn run(
    global: &Global,
    args: &UpgradeArgs,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let config = pull_config(&args.source)?;
    let mut host = super::open_locked(global, output)?;
    if args.from_downloaded {
        return release(&host, args, output);
    }
    let stateroot = stateroot(&host, &args.place)?;
    let source = host.upgrade_source(&stateroot)?;
    let request = UpdateRequest {
        source,
        target: None,
        stateroot,
        extra_arguments: Vec::new(),
        locked: args.download_only,
        always: false,
    };
    if args.check {
        return check(&host, &request, args, &config, output);
    }
    let view = carry_out(&mut host, &request, &config, &args.bound, false, output)?;
    finish(&view, &args.after, output)
}

fn release(host: &LockedHost, args: &UpgradeArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let released = host.release_staged()?;
    let view = ReleasedView {
        deployment: DeploymentView::of(&released.id),
    };
    output.result(&view, || {
        format!("Queued for next boot: {}\n", view.deployment.human())
    })?;
    if args.after.apply {
        super::reboot(output)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check(
    host: &LockedHost,
    request: &UpdateRequest,
    args: &UpgradeArgs,
    config: &PullConfig,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let progress = Progress::new(output);
    let checked = host.check_update(request, config, &progress.observer());
    progress.finish();
    let (plan, deployed_digest) = checked?;
    let missing = plan.missing().count();
    let digest = plan.manifest_digest.to_string();
    let deployed_digest = deployed_digest.map(|digest| digest.to_string());
    let view = CheckView {
        image: request.source.to_string(),
        available: deployed_digest.as_ref() != Some(&digest),
        image_digest: digest,
        version: plan.config.version().map(str::to_owned),
        timestamp: plan.config.created().map(str::to_owned),
        deployed_digest,
        layers_missing: missing,
        layers_present: plan.layers.len() - missing,
        missing_bytes: plan.missing_bytes(),
    };
    output.result(&view, || view.human())?;
    if !view.available && args.after.unchanged_exit_77 {
        return Ok(ExitCode::from(exit::UNCHANGED));
    }
    Ok(ExitCode::SUCCESS)
}

impl CheckView {
    fn human(&self) -> String {
        if !self.available {
            return format!("No update available for {}\n", plain(&self.image));
        }
        format!(
            "Update available for {}\n  Version: {}\n  Digest: {}\n  Layers: {} present, {} needed ({})\n",
            plain(&self.image),
            plain(self.version.as_deref().unwrap_or("-")),
            self.image_digest,
            self.layers_present,
            self.layers_missing,
            size(self.missing_bytes)
        )
    }
}
