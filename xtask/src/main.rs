//! Every chore of the project: `cargo xtask help` lists them.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people at a terminal: it prints"
)]

mod bench;
mod demo;
mod image;
mod packages;
mod reference;
mod run;
mod setup;
mod suite;
mod test;
mod tidy;
mod vm;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The chores of this project, each of which installs what it lacks.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Install what the other chores need and this machine lacks.
    Setup,
    /// Check everything, stage by stage.
    Test(test::Options),
    /// Check the rules of this repository that no other tool knows.
    Tidy,
    /// Make a real image, pull it, look at it, check it, update it, compare it.
    Demo(demo::Options),
    /// Measure the program side by side with its peers and with what the machine can do.
    Bench(bench::Options),
    /// Boot machines: a kernel of its own, or a whole host from installation to power cut.
    Vmtest(vm::Options),
    /// What the bench measures the program against: the least that a pull has to do.
    #[command(hide = true)]
    Limit(bench::LimitOptions),
}

fn main() -> ExitCode {
    match perform(Arguments::parse().chore) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(chore: Chore) -> Result<ExitCode> {
    if let Chore::Limit(options) = &chore {
        return bench::limit(options).map(|()| ExitCode::SUCCESS);
    }
    std::env::set_current_dir(repository_root())?;
    match chore {
        Chore::Test(options) => return test::run(&options),
        Chore::Tidy => tidy::run()?,
        Chore::Demo(options) => demo::run(&options)?,
        Chore::Vmtest(options) => vm::run(&options)?,
        Chore::Bench(options) => return bench::run(&options),
        Chore::Limit(_) => (),
        Chore::Setup => {
            setup::ensure(&packages::Need::ALL)?;
            reference::ensure()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The folder of the workspace's Cargo.toml.
fn repository_root() -> &'static std::path::Path {
    let manifest = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}
