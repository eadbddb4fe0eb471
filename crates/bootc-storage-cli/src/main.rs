//! The program `bootc-storage`: arguments, progress, tables, JSON, exit codes.
#![expect(
    clippy::disallowed_methods,
    reason = "the program opens the paths it was given"
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test fails by panic"
    )
)]

mod advice;
mod args;
mod bound_advice;
mod exit;
mod interrupt;
mod layer_notes;
mod output;
mod output_file;
mod progress;
mod repository;
#[cfg(test)]
mod schemas;
mod source_options;
mod text;
mod usage;
mod verbs;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Cli, Command, ComposefsVerb, Global, ImageVerb, SelinuxVerb};
use crate::output::Output;

fn main() -> ExitCode {
    let Cli { global, command } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::report(&error),
    };
    let output = Output::new(&global);
    match run(&global, command, &output) {
        Ok(code) => code,
        Err(error) => {
            output.error(&error, || verbs::prune::would_free(&global));
            exit::code_of(&error)
        }
    }
}

fn run(global: &Global, command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    let image = match command {
        Command::Image(image) => image,
        Command::Host(host) => {
            // Where signals cannot be watched, they end the program all the same.
            drop(interrupt::watch(
                interrupt::note_host(&host.verb),
                global.quiet,
            ));
            return verbs::host::run(global, &host.verb, output);
        }
        Command::Bound(bound) => {
            drop(interrupt::watch(
                interrupt::note_bound(&bound.verb),
                global.quiet,
            ));
            return verbs::bound::run(global, &bound.verb, output);
        }
        Command::Selinux(selinux) => {
            return match selinux.verb {
                SelinuxVerb::Check(args) => verbs::selinux::check(global, &args, output),
                SelinuxVerb::Lookup(args) => verbs::selinux::lookup(global, &args, output),
            };
        }
        Command::Composefs(composefs) => {
            return match composefs.verb {
                ComposefsVerb::Build(args) => verbs::composefs::build(global, &args, output),
                ComposefsVerb::Digest(args) => verbs::composefs::digest(global, &args, output),
                ComposefsVerb::Dump(args) => verbs::composefs::dump(global, &args, output),
                ComposefsVerb::Mount(args) => verbs::composefs::mount(global, &args, output),
                ComposefsVerb::Check(args) => verbs::composefs::check(global, &args, output),
            };
        }
    };
    // Where signals cannot be watched, they end the program all the same.
    drop(interrupt::watch(interrupt::note(&image.verb), global.quiet));
    match image.verb {
        ImageVerb::Pull(args) => verbs::pull::run(global, &args, output),
        ImageVerb::List => verbs::list::run(global, output),
        ImageVerb::Inspect(args) => verbs::inspect::run(global, &args, output),
        ImageVerb::History(args) => verbs::history::run(global, &args, output),
        ImageVerb::Remove(args) => verbs::remove::run(global, &args, output),
        ImageVerb::Prune(args) => verbs::prune::run(global, &args, output),
        ImageVerb::Check(args) => verbs::check::run(global, &args, output),
        ImageVerb::Checkout(args) => verbs::checkout::run(global, &args, output),
    }
}
