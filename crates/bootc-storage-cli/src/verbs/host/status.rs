//! `host status`.

use std::process::ExitCode;

use bootc_storage::host::bound::BoundStatus;
use bootc_storage::host::status::bootc_v1::{BootEntry, Host as BootcHost};
use bootc_storage::host::{Deployment, Host, Status};
use serde::Serialize;

use crate::args::{Global, StatusArgs};
use crate::exit;
use crate::output::Output;
use crate::text::plain;
use crate::verbs::bound::{ImageView, machine_run, summary};

/// What `host status` prints under `--format json` and `yaml`: bootc's document, and what it has no words for.
#[derive(Debug, Serialize)]
struct View {
    #[serde(flatten)]
    bootc: BootcHost,
    /// Only with `--verbose`.
    #[serde(skip_serializing_if = "Option::is_none")]
    verbose: Option<VerboseView>,
}

/// What `--verbose` adds, under `verbose`.
#[derive(Debug, Serialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename = "HostStatusVerbose")
)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VerboseView {
    /// Every deployment in boot order, with the number that `host pin` and `host undeploy` take.
    deployments: Vec<VerboseDeployment>,
    /// Boot entries that lead to no deployment.
    broken_entries: Vec<BrokenEntry>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct VerboseDeployment {
    index: usize,
    stateroot: String,
    checksum: String,
    deploy_serial: u32,
    booted: bool,
    staged: bool,
    /// As written in its origin.
    image: Option<String>,
    /// Checksum of kernel and initramfs.
    boot_checksum: String,
    /// The kernel command line without `ostree=`.
    kernel_arguments: String,
    /// The application images that it is bound to.
    bound_images: Vec<ImageView>,
    /// What is wrong with it, in words.
    problems: Vec<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct BrokenEntry {
    /// Its file in /boot/loader/entries.
    file: String,
    /// What is wrong with it, in words.
    problem: String,
}

pub(super) fn run(global: &Global, args: &StatusArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let host = super::open(global)?;
    let status = host.status()?;
    if !host.dirs().is_host() {
        output.warn("this is not the root of an ostree host (it has no ostree/repo)");
    }
    let bound = bound_images(&host, &status)?;
    let view = View {
        bootc: BootcHost::from(&status.state),
        verbose: args.verbose.then(|| VerboseView::of(&status, &bound)),
    };
    output.result(&view, || human(&status, &bound, args.verbose))?;
    for (file, problem) in &status.deployments.broken_entries {
        output.warn(&format!("boot entry {file}: {problem}"));
    }
    let is_pending = status.deployments.staged().is_some()
        || status.deployments.booted().is_some_and(|booted| {
            status
                .deployments
                .first()
                .is_some_and(|first| first.id != booted.id)
        });
    if args.pending_exit_77 && is_pending {
        return Ok(ExitCode::from(exit::UNCHANGED));
    }
    Ok(ExitCode::SUCCESS)
}

/// What the storage has of them is asked as root only.
fn bound_images(host: &Host, status: &Status) -> anyhow::Result<Vec<BoundStatus>> {
    let is_root = rustix::process::geteuid().is_root();
    let run = if is_root { Some(machine_run()?) } else { None };
    Ok(host.bound_status(&status.deployments.list, run.as_ref()))
}

impl VerboseView {
    fn of(status: &Status, bound: &[BoundStatus]) -> Self {
        let all = status
            .deployments
            .list
            .iter()
            .zip(&status.state.deployments)
            .zip(bound);
        Self {
            deployments: all
                .enumerate()
                .map(|(index, ((deployment, state), bound))| VerboseDeployment {
                    index,
                    stateroot: deployment.id.stateroot.clone(),
                    checksum: deployment.id.commit.to_string(),
                    deploy_serial: deployment.id.serial,
                    booted: deployment.booted,
                    staged: deployment.staged.is_some(),
                    image: followed(deployment),
                    boot_checksum: deployment.boot_checksum.clone(),
                    kernel_arguments: deployment.kernel_arguments.to_string(),
                    bound_images: bound.images.iter().map(ImageView::of).collect(),
                    problems: [state.problems.as_slice(), &bound.problems].concat(),
                })
                .collect(),
            broken_entries: status
                .deployments
                .broken_entries
                .iter()
                .map(|(file, problem)| BrokenEntry {
                    file: file.clone(),
                    problem: problem.clone(),
                })
                .collect(),
        }
    }
}

fn human(status: &Status, bound: &[BoundStatus], verbose: bool) -> String {
    if status.deployments.list.is_empty() {
        return "Nothing is deployed; `host deploy REFERENCE` makes a first deployment\n"
            .to_owned();
    }
    let mut text = String::new();
    let rollback = status.deployments.rollback().map(|rollback| &rollback.id);
    let all = status
        .deployments
        .list
        .iter()
        .zip(&status.state.deployments)
        .zip(bound);
    for (index, ((deployment, state), bound)) in all.enumerate() {
        let entry = BootEntry::from(state);
        let mark = if deployment.booted { '*' } else { ' ' };
        let name = followed(deployment).unwrap_or_else(|| "no container image".to_owned());
        text.push_str(&format!("{mark} {index}  {}\n", plain(&name)));
        let mut line = |key: &str, value: &str| {
            text.push_str(&format!("     {key:<10} {}\n", plain(value)));
        };
        line(
            "State:",
            &roles(deployment, &entry, rollback == Some(&deployment.id)),
        );
        if let Some(image) = &entry.image {
            let version = image.version.as_deref().unwrap_or("-");
            match &image.timestamp {
                Some(timestamp) => line("Version:", &format!("{version} ({timestamp})")),
                None => line("Version:", version),
            }
            line("Digest:", &image.image_digest);
        }
        if let Some(update) = &entry.cached_update {
            let version = update.version.as_deref().unwrap_or("-");
            line("Update:", &format!("{version} {}", update.image_digest));
        }
        let images: Vec<ImageView> = bound.images.iter().map(ImageView::of).collect();
        if let Some(summary) = summary(&images) {
            line("Bound:", &summary);
        }
        if verbose {
            for image in &images {
                line("", &image.human());
            }
            line("Stateroot:", &deployment.id.stateroot);
            line(
                "Commit:",
                &format!("{}.{}", deployment.id.commit, deployment.id.serial),
            );
            line("Kernel:", &deployment.boot_checksum);
            line("Arguments:", &deployment.kernel_arguments.to_string());
        }
        for problem in state.problems.iter().chain(&bound.problems) {
            line("Problem:", problem);
        }
    }
    text
}

/// What the deployment follows: an image, else what its origin has.
fn followed(deployment: &Deployment) -> Option<String> {
    let origin = deployment.origin.as_ref()?;
    match origin.container_image() {
        Ok(Some(image)) => Some(image.to_string()),
        _ => Some(format!("ostree branch {}", origin.refspec().ok()??)),
    }
}

fn roles(deployment: &Deployment, entry: &BootEntry, is_rollback: bool) -> String {
    let mut roles = Vec::new();
    if entry.download_only {
        roles.push("downloaded, waits for `host upgrade --from-downloaded`");
    } else if deployment.staged.is_some() {
        roles.push("staged for the next boot");
    }
    if deployment.booted {
        roles.push("booted");
    }
    if is_rollback {
        roles.push("rollback");
    }
    if entry.pinned {
        roles.push("pinned");
    }
    if entry.incompatible {
        roles.push("changed by rpm-ostree");
    }
    if roles.is_empty() {
        roles.push("deployed");
    }
    roles.join(", ")
}
