//! `host switch`.

use std::process::ExitCode;

use anyhow::Context as _;
use bootc_storage::host::UpdateRequest;

use super::update::{carry_out, finish, pull_config, stateroot};
use crate::args::{Global, SwitchArgs};
use crate::output::Output;

pub(super) fn run(global: &Global, args: &SwitchArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let target = args
        .target()
        .with_context(|| format!("reading the reference {}", args.reference))?;
    let config = pull_config(&args.source)?;
    let mut host = super::open_locked(global, output)?;
    let request = UpdateRequest {
        source: target,
        target: None,
        stateroot: stateroot(&host, &args.place)?,
        extra_arguments: Vec::new(),
        locked: false,
        always: false,
    };
    let view = carry_out(
        &mut host,
        &request,
        &config,
        &args.bound,
        args.retain,
        output,
    )?;
    finish(&view, &args.after, output)
}
