//! The program `bootc-storage`: arguments, progress, tables, JSON, exit codes.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "the program talks to a person and opens the paths it was given"
)]

mod args;
mod exit;
mod layer_notes;
mod output;
mod progress;
mod repository;
mod source_options;
mod text;
mod verbs;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Cli, Command, ImageVerb};
use crate::output::Output;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return exit::usage(&error),
    };
    let output = Output::new(&cli.global);
    match run(cli, &output) {
        Ok(code) => code,
        Err(error) => {
            output.error(&error);
            exit::code_of(&error)
        }
    }
}

fn run(cli: Cli, output: &Output) -> anyhow::Result<ExitCode> {
    let global = &cli.global;
    match cli.command {
        Command::Image(image) => match image.verb {
            ImageVerb::Pull(args) => verbs::pull::run(global, &args, output),
            ImageVerb::List => verbs::list::run(global, output),
            ImageVerb::Inspect(args) => verbs::inspect::run(global, &args, output),
            ImageVerb::History(args) => verbs::history::run(global, &args, output),
            ImageVerb::Remove(args) => verbs::remove::run(global, &args, output),
            ImageVerb::Prune(args) => verbs::prune::run(global, &args, output),
            ImageVerb::Check(args) => verbs::check::run(global, &args, output),
        },
    }
}
