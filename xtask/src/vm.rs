//! Tests that need a kernel of their own: a small machine is booted, does something, and says what came of it.
//!
//! The machine is QEMU from a root file system of newer Debian packages, kept in the cache; nothing of it is installed. It
//! boots that Debian's kernel with an initramfs made here, which holds the program and what it needs, and runs the stage's
//! script. What the script finds it prints as `RESULT name value`, on the serial line.

mod initramfs;
mod machine;
mod root;
mod stages;

use anyhow::{Result, bail};

use crate::packages::Need;
use crate::run::Run;
use crate::setup;
use stages::{STAGES, Stage};

/// Which of them to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Stages, by name [default: all].
    stage: Vec<String>,
    /// List the stages, and run none.
    #[arg(long)]
    list: bool,
    /// Keep what the machine booted with, and say where it is.
    #[arg(long)]
    keep: bool,
}

/// Runs them, one after another; an error if one does not find what it should.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.list {
        for stage in STAGES {
            println!("{:<10} {}", stage.name, stage.about);
        }
        return Ok(());
    }
    let wanted = wanted(&options.stage)?;
    if !rustix::process::geteuid().is_root() {
        bail!("run it as root: the machine's root file system is made with mmdebstrap");
    }
    setup::ensure(&[Need::Build, Need::Demo])?;
    let root = root::ensure()?;
    Run::new("cargo")
        .args(["build", "--release", "--locked"])
        .args(["--package", "bootc-storage-cli"])
        .run()?;
    let mut failed = Vec::new();
    for stage in wanted {
        println!("\n## {}: {}", stage.name, stage.about);
        let faults = stage.run(&root, options.keep)?;
        for fault in &faults {
            println!("  {fault}");
        }
        if !faults.is_empty() {
            failed.push(stage.name);
        }
    }
    if failed.is_empty() {
        println!("\nall stages passed");
        Ok(())
    } else {
        bail!("failed: {}", failed.join(", "))
    }
}

fn wanted(names: &[String]) -> Result<Vec<&'static Stage>> {
    if names.is_empty() {
        return Ok(STAGES.iter().collect());
    }
    let mut found = Vec::new();
    for name in names {
        match STAGES.iter().find(|stage| stage.name == name) {
            Some(stage) => found.push(stage),
            None => bail!("there is no stage {name}; --list shows them"),
        }
    }
    Ok(found)
}
