//! What `host deploy`, `upgrade` and `switch` have in common: pull, deploy, clean up, and say what came of it.

use std::num::NonZeroUsize;
use std::process::ExitCode;

use bootc_storage::host::kargs::KernelArguments;
use bootc_storage::host::{LockedHost, Stateroot, UpdateRequest, Updated};
use bootc_storage::pull::{Compat, ComposefsDigest, Labels, PullConfig, default_jobs};
use ostree_layer::Limits;
use serde::Serialize;

use super::shown::{CleanedUpView, DeploymentView};
use crate::args::{AfterArgs, BoundSourceArgs, PlaceArgs, SourceArgs};
use crate::exit;
use crate::output::Output;
use crate::progress::Progress;
use crate::source_options::source_config;
use crate::text::plain;
use crate::verbs::bound;

/// What `host deploy`, `host upgrade` and `host switch` print under `--format json`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "HostUpdate"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    /// Where upgrades come from.
    image: String,
    /// Digest of the image's manifest.
    image_digest: String,
    /// From the image's labels.
    version: Option<String>,
    /// The host had this image already, deployed or staged.
    unchanged: bool,
    /// The new deployment.
    deployment: Option<DeploymentView>,
    /// It goes to the boot order when the system goes down; otherwise it is there.
    staged: bool,
    /// It does not before `host upgrade --from-downloaded`.
    download_only: bool,
    /// The kernel command line before, without `ostree=`.
    kernel_arguments_before: Vec<String>,
    /// The kernel command line, without `ostree=`.
    kernel_arguments: Vec<String>,
    /// Deployments that go once the new one is in the boot order.
    removed_deployments: Vec<DeploymentView>,
    /// Layers that were fetched.
    layers_stored: usize,
    /// Layers that were there.
    layers_reused: usize,
    /// What it is bound to, and that was missing.
    bound_images_pulled: Vec<String>,
    /// What it is bound to in all.
    bound_images: usize,
    /// What nothing needs any more.
    cleaned_up: Option<CleanedUpView>,
}

pub(crate) fn pull_config(source: &SourceArgs) -> anyhow::Result<PullConfig> {
    let jobs: NonZeroUsize = default_jobs();
    Ok(PullConfig {
        source: source_config(source)?,
        compat: Compat::None,
        labels: Labels::OfPolicy,
        composefs_digest: ComposefsDigest::Named,
        jobs,
        limits: Limits::default(),
    })
}

pub(super) fn stateroot(host: &LockedHost, place: &PlaceArgs) -> anyhow::Result<Stateroot> {
    match &place.stateroot {
        Some(stateroot) => Ok(stateroot.clone()),
        None => Ok(host.usual_stateroot()?),
    }
}

/// Pull, deploy, remove what is left over, and print it.
pub(super) fn carry_out(
    host: &mut LockedHost,
    request: &UpdateRequest,
    config: &PullConfig,
    from: &BoundSourceArgs,
    retain: bool,
    output: &Output,
) -> anyhow::Result<View> {
    let bound = bound::bound_config(config, from)?;
    let progress = Progress::new(output);
    let observer = progress.observer();
    let before = host.deployed_images()?;
    let done = host
        .plan_update(request, config, &observer)
        .and_then(|plan| host.apply_update(request, &plan, config, &bound, &observer))
        .and_then(|updated| {
            let unneeded = if retain {
                host.deployed_images()?
            } else {
                before
            };
            // Where nothing changed, a command before this one may have been killed when all was done but this.
            let cleaned_up = if updated.deployed.is_some() || host.needs_clean_up()? {
                Some(host.clean_up(&unneeded, &observer)?)
            } else {
                None
            };
            Ok((updated, cleaned_up))
        });
    progress.finish();
    let (updated, cleaned_up) = done?;
    if cleaned_up.is_some() {
        bound::prune_beside(host, &bound.run, output);
    }
    let mut view = View::of(request, &updated);
    view.cleaned_up = cleaned_up.as_ref().map(CleanedUpView::of);
    Ok(view)
}

impl View {
    fn of(request: &UpdateRequest, updated: &Updated) -> Self {
        let plan = updated.deployed.as_ref().map(|(plan, _)| plan);
        let deployed = updated.deployed.as_ref().map(|(_, deployed)| deployed);
        Self {
            image: request.reference().to_string(),
            image_digest: updated.manifest_digest.to_string(),
            version: updated.image.config.version().map(str::to_owned),
            unchanged: updated.deployed.is_none(),
            deployment: deployed.map(|deployed| DeploymentView::of(&deployed.id)),
            staged: updated.staged_before || deployed.is_some_and(|deployed| deployed.staged),
            download_only: request.locked,
            kernel_arguments_before: plan
                .map_or_else(Vec::new, |plan| words(&plan.arguments_before)),
            kernel_arguments: plan.map_or_else(Vec::new, |plan| words(&plan.arguments)),
            removed_deployments: plan.map_or_else(Vec::new, |plan| {
                plan.removes.iter().map(DeploymentView::of).collect()
            }),
            layers_stored: updated.pulled.stored.len(),
            layers_reused: updated.pulled.reused,
            bound_images_pulled: updated
                .bound
                .pulled
                .iter()
                .map(ToString::to_string)
                .collect(),
            bound_images: updated.bound.record.images().count(),
            cleaned_up: None,
        }
    }

    pub(super) const fn changed(&self) -> bool {
        !self.unchanged
    }

    pub(super) fn human(&self) -> String {
        let version = self.version.as_deref().unwrap_or("-");
        let mut text = String::new();
        if self.unchanged && self.staged {
            text.push_str("No changes: this image is staged already\n");
        } else if self.unchanged {
            text.push_str("No changes: this image is deployed already\n");
        }
        if let Some(deployment) = &self.deployment {
            let what = match (self.staged, self.download_only) {
                (true, true) => "Downloaded, to be applied by `host upgrade --from-downloaded`",
                (true, false) => "Queued for next boot",
                (false, _) => "Deployed",
            };
            text.push_str(&format!(
                "{what}: {}\n  Deployment: {}\n",
                plain(&self.image),
                deployment.human()
            ));
        }
        text.push_str(&format!(
            "  Version: {}\n  Digest: {}\n",
            plain(version),
            self.image_digest
        ));
        if let Some(change) = self.argument_change() {
            text.push_str(&format!("  Kernel arguments: {}\n", plain(&change)));
        }
        if self.bound_images > 0 {
            let pulled = self.bound_images_pulled.len();
            text.push_str(&format!(
                "  Bound images: {} ({pulled} pulled)\n",
                self.bound_images
            ));
        }
        for removed in &self.removed_deployments {
            let when = if self.staged {
                "Removed at next boot"
            } else {
                "Removed"
            };
            text.push_str(&format!("{when}: {}\n", removed.human()));
        }
        if let Some(cleaned_up) = &self.cleaned_up {
            text.push_str(&cleaned_up.human());
        }
        text
    }

    /// What was added and removed; none when nothing was.
    fn argument_change(&self) -> Option<String> {
        let added = self
            .kernel_arguments
            .iter()
            .filter(|argument| !self.kernel_arguments_before.contains(argument))
            .map(|argument| format!("+{argument}"));
        let removed = self
            .kernel_arguments_before
            .iter()
            .filter(|argument| !self.kernel_arguments.contains(argument))
            .map(|argument| format!("-{argument}"));
        let change: Vec<String> = added.chain(removed).collect();
        (!change.is_empty()).then(|| change.join(" "))
    }
}

/// Print the result, reboot if that was asked for, and say by the exit code whether anything changed.
pub(super) fn finish(view: &View, after: &AfterArgs, output: &Output) -> anyhow::Result<ExitCode> {
    output.result(view, || view.human())?;
    if after.apply && (view.changed() || view.staged) {
        super::reboot(output)?;
    }
    if view.unchanged && after.unchanged_exit_77 {
        return Ok(ExitCode::from(exit::UNCHANGED));
    }
    Ok(ExitCode::SUCCESS)
}

fn words(arguments: &KernelArguments) -> Vec<String> {
    arguments
        .iter()
        .map(|argument| argument.as_str().to_owned())
        .collect()
}
