//! `host`: what is deployed on a machine, and every change of it.

mod deploy;
mod init;
mod order;
mod prune;
mod rollback;
pub(crate) mod shown;
mod status;
mod switch;
mod update;
mod upgrade;

pub(crate) use self::update::pull_config;
#[cfg(test)]
pub(crate) use self::{
    init::View as InitView,
    order::{PinView, UndeployView},
    prune::PlanView as PrunePlanView,
    rollback::View as RollbackView,
    shown::CleanedUpView,
    status::VerboseView,
    update::View as UpdateView,
    upgrade::{CheckView, ReleasedView},
};
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, bail};
use bootc_storage::host::{Host, HostDirs, LockedHost};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use clap::CommandFactory as _;
use clap::error::ErrorKind;

use crate::args::{Cli, Global, HostVerb};
use crate::output::Output;
use crate::progress::Progress;
use crate::usage;

pub(crate) fn run(global: &Global, verb: &HostVerb, output: &Output) -> anyhow::Result<ExitCode> {
    if global.repo.is_some() {
        let wrong = Cli::command().error(
            ErrorKind::ArgumentConflict,
            "host verbs are about a whole host: give its root with --sysroot in place of --repo",
        );
        return Ok(usage::report(&wrong));
    }
    match verb {
        HostVerb::Status(args) => status::run(global, args, output),
        HostVerb::Init(args) => init::run(global, args, output),
        HostVerb::Deploy(args) => deploy::run(global, args, output),
        HostVerb::Upgrade(args) => upgrade::run(global, args, output),
        HostVerb::Switch(args) => switch::run(global, args, output),
        HostVerb::Rollback(args) => rollback::run(global, args, output),
        HostVerb::Pin(args) => order::pin(global, args, output, true),
        HostVerb::Unpin(args) => order::pin(global, args, output, false),
        HostVerb::Undeploy(args) => order::undeploy(global, args, output),
        HostVerb::Prune(args) => prune::run(global, args, output),
    }
}

/// The host that the arguments name.
pub(crate) fn open(global: &Global) -> anyhow::Result<Host> {
    let path = global.sysroot.as_deref().unwrap_or(Path::new("/"));
    let root = Dir::open_ambient_dir(path, ambient_authority())
        .with_context(|| format!("opening {}", path.display()))?;
    Ok(Host::new(HostDirs::new(root)).with_patience(global.lock_timeout))
}

/// The same, with nobody else changing it; who is waited for is said.
pub(crate) fn open_locked(global: &Global, output: &Output) -> anyhow::Result<LockedHost> {
    Ok(open(global)?.lock(&Progress::new(output).observer())?)
}

/// Boot into what is next.
fn reboot(output: &Output) -> anyhow::Result<()> {
    output.note("rebooting");
    let status = Command::new("systemctl")
        .arg("reboot")
        .status()
        .context("starting systemctl reboot")?;
    if !status.success() {
        bail!(
            "systemctl reboot failed ({status}); the change itself is done and waits for a reboot"
        );
    }
    Ok(())
}
