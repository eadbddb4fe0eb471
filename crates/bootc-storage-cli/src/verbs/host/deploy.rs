//! `host deploy`.

use std::process::ExitCode;

use bootc_storage::host::UpdateRequest;

use super::update::{carry_out, pull_config, stateroot};
use crate::args::{DeployArgs, Global};
use crate::output::Output;

pub(super) fn run(global: &Global, args: &DeployArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let config = pull_config(&args.source)?;
    let mut host = super::open_locked(global, output)?;
    let request = UpdateRequest {
        source: args.reference.clone(),
        target: args.target.clone(),
        stateroot: stateroot(&host, &args.place)?,
        extra_arguments: args.kernel_arguments.clone(),
        locked: false,
        always: true,
    };
    let view = carry_out(&mut host, &request, &config, &args.bound, false, output)?;
    output.result(&view, || view.human())?;
    Ok(ExitCode::SUCCESS)
}
