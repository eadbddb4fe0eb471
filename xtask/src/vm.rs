//! Tests that need a machine of their own: it is booted, does something, and says what came of it.
//!
//! The machine is QEMU from a root file system of newer Debian packages, kept in the cache; nothing of it is installed. Some
//! stages boot that Debian's kernel with an initramfs made here; others a whole operating system, as it is used.

mod expectations;
mod kernel;
mod os;
mod root;
mod stages;

use crate::packages::Need;
use crate::run::Run;
use crate::setup;
use anyhow::{Result, bail};
use expectations::Results;
use os::{Host, InstalledBy, Tools};
use stages::{Machine, Stage};
use std::path::PathBuf;
use std::time::Instant;

/// Which of them to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Stages, by name; `smoke` is boot, upgrade and rollback [default: all].
    stage: Vec<String>,
    /// List the stages, and run none.
    #[arg(long)]
    list: bool,
    /// Keep what the machines booted with, and say where it is.
    #[arg(long)]
    keep: bool,
}

impl Options {
    /// The stages that every change has to pass.
    pub(crate) fn smoke() -> Self {
        Self {
            stage: vec![stages::SMOKE.to_owned()],
            list: false,
            keep: false,
        }
    }
}

/// Runs them, one after another; an error if one does not find what it should.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.list {
        for stage in stages::all() {
            println!("{:<10} {}", stage.name, stage.about);
        }
        let smoke = stages::SMOKE_STAGES.join(", ");
        println!("{:<10} {smoke}", stages::SMOKE);
        return Ok(());
    }
    let wanted = stages::named(&options.stage)?;
    if !rustix::process::geteuid().is_root() {
        bail!("run it as root: the machines' root file systems are made with mmdebstrap");
    }
    setup::ensure(&[Need::Build, Need::Demo])?;
    let _alone = os::alone()?;
    let root = root::ensure()?;
    let program = build()?;
    let mut failed = Vec::new();
    let (kernels, hosts): (Vec<_>, Vec<_>) = wanted
        .into_iter()
        .partition(|stage| matches!(stage.machine, Machine::Kernel(_)));
    for stage in kernels {
        if let Machine::Kernel(script) = stage.machine {
            title(stage);
            let results = kernel::run(stage.name, script, &root, &program, options.keep)?;
            judge(stage, &results, &mut failed);
        }
    }
    if !hosts.is_empty() {
        let tools = Tools {
            root: &root,
            program: &program,
            accelerator: kernel::accelerator(&root)?,
        };
        for stages in stages::by_host(hosts) {
            lead(&tools, &stages, options.keep, &mut failed)?;
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    println!("\nall stages passed");
    Ok(())
}

/// One host goes through all of these.
fn lead(
    tools: &Tools<'_>,
    stages: &[&'static Stage],
    keep: bool,
    failed: &mut Vec<&'static str>,
) -> Result<()> {
    let names: Vec<_> = stages.iter().map(|stage| stage.name).collect();
    println!("\n## a host: {} ({})", names.join(", "), tools.accelerator);
    let begun = Instant::now();
    let (by, cut) = match stages.first().map(|stage| &stage.machine) {
        Some(Machine::Os(steps)) => (steps.installed_by, false),
        _ => (InstalledBy::Us, true),
    };
    let host = Host::install(tools, by)?;
    let found = if cut {
        os::cut(&host).map(|results| (results, Ok(())))
    } else {
        os::lead(&host, stages)
    };
    host.end(keep || found.is_err())?;
    let (results, ended) = found?;
    for stage in stages {
        title(stage);
        judge(stage, &expectations::of(stage.name, &results), failed);
    }
    println!("\n{}: {} s", names.join(", "), begun.elapsed().as_secs());
    ended
}

fn title(stage: &Stage) {
    println!("\n## {}: {}", stage.name, stage.about);
}

/// Shows what a stage found, and what of it is not as it should be.
fn judge(stage: &'static Stage, results: &Results, failed: &mut Vec<&'static str>) {
    let shown = |name: &str| !name.contains('/') && !name.starts_with("host.");
    for (name, value) in results.iter().filter(|(name, _)| shown(name)) {
        println!("  {name}: {value}");
    }
    let faults = stage.expected.faults(results);
    for fault in &faults {
        println!("  WRONG: {fault}");
    }
    if !faults.is_empty() {
        failed.push(stage.name);
    }
}

fn build() -> Result<PathBuf> {
    Run::new("cargo")
        .args(["build", "--release", "--locked"])
        .args(["--package", "bootc-storage-cli"])
        .run()?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    Ok(std::path::absolute(target.join("release/bootc-storage"))?)
}
