//! `host init`.

use std::process::ExitCode;

use bootc_storage::host::InitConfig;
use serde::Serialize;

use crate::args::{Global, InitArgs};
use crate::output::Output;
use crate::progress::Progress;

/// What `host init --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "HostInit"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    /// The stateroot.
    stateroot: String,
    /// There was no repository before.
    repository_made: bool,
    /// There was no such stateroot before.
    stateroot_made: bool,
}

pub(super) fn run(global: &Global, args: &InitArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let host = super::open(global)?;
    let progress = Progress::new(output);
    let config = InitConfig {
        stateroot: args.stateroot.clone(),
        bootloader: args.bootloader.map(Into::into),
    };
    let made = host.init(&config, &progress.observer());
    progress.finish();
    let made = made?;
    let view = View {
        stateroot: args.stateroot.to_string(),
        repository_made: made.repository,
        stateroot_made: made.stateroot,
    };
    output.result(&view, || {
        let made = match (made.repository, made.stateroot) {
            (true, _) => "Made: repository and stateroot",
            (false, true) => "Made: stateroot",
            (false, false) => "There already: stateroot",
        };
        format!("{made} {}\n", view.stateroot)
    })?;
    Ok(ExitCode::SUCCESS)
}
