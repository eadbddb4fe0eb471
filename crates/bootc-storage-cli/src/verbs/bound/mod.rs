//! `bound`: application images that deployments are bound to.

mod config;
mod list;
mod plan;
mod prune;
mod pull;
mod shown;
mod verify;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use bootc_storage::host::{Deployment, LockedHost, Which};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use clap::CommandFactory as _;
use clap::error::ErrorKind;
use oci_manifest::ImageReference;

pub(crate) use self::config::{bound_config, machine_run};
pub(crate) use self::prune::{View as PruneView, prune_beside, would_prune};
pub(crate) use self::shown::{ImageView, summary};
#[cfg(test)]
pub(crate) use self::{
    list::View as ListView, plan::View as PlanView, pull::View as PullView,
    verify::View as VerifyView,
};
use crate::args::{BoundVerb, Cli, Global};
use crate::output::Output;
use crate::usage;

pub(crate) fn run(global: &Global, verb: &BoundVerb, output: &Output) -> anyhow::Result<ExitCode> {
    if global.repo.is_some() {
        let wrong = Cli::command().error(
            ErrorKind::ArgumentConflict,
            "bound images are a whole host's: give its root with --sysroot in place of --repo",
        );
        return Ok(usage::report(&wrong));
    }
    match verb {
        BoundVerb::List(args) => list::run(global, args, output),
        BoundVerb::Plan(args) => plan::run(global, args, output),
        BoundVerb::Pull(args) => pull::run(global, args, output),
        BoundVerb::Verify(args) => verify::run(global, args, output),
        BoundVerb::Prune(args) => prune::run(global, args, output),
    }
}

/// The deployment that was named, else the one that boots next.
fn deployment(host: &LockedHost, which: Option<Which>) -> anyhow::Result<Deployment> {
    Ok(host.deployment(which.unwrap_or(Which::Index(0)))?)
}

/// The host's own image, by which deployments go on.
fn image_of(deployment: &Deployment) -> Option<ImageReference> {
    let origin = deployment.origin.as_ref()?;
    let reference = origin.container_image().ok()??;
    Some(reference.imgref)
}

fn open_root(path: &Path) -> anyhow::Result<Dir> {
    Dir::open_ambient_dir(path, ambient_authority())
        .with_context(|| format!("opening {}", path.display()))
}
