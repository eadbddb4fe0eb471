//! `composefs mount`.

use std::process::ExitCode;

use anyhow::Context as _;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use serde::Serialize;

use crate::args::{Global, MountArgs};
use crate::output::Output;
use crate::repository;
use crate::text::plain;
use crate::verbs::commit_of;

/// What `composefs mount --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Mount"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    /// The commit whose tree it is.
    commit: String,
    /// Where it is mounted.
    directory: String,
    /// Linux verifies each file that is read.
    verity: bool,
    /// fs-verity digest of the image that is mounted; without `verity` it names no digests of files.
    digest: String,
    /// Bytes of the image that is mounted.
    size_bytes: u64,
}

pub(crate) fn run(global: &Global, args: &MountArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let storage = repository::open(global)?;
    let commit = commit_of(&storage, &args.tree)?;
    let path = args.directory.as_path();
    let target = Dir::open_ambient_dir(path, ambient_authority())
        .with_context(|| format!("opening {}", path.display()))?;
    let mounted = storage.mount_commit(&commit, args.verity, &target)?;
    let view = View {
        commit: commit.to_string(),
        directory: path.display().to_string(),
        verity: args.verity,
        digest: mounted.digest.to_string(),
        size_bytes: mounted.size,
    };
    output.result(&view, || {
        let line = format!("{}: the tree of commit {}", view.directory, view.commit);
        format!("{}\n", plain(&line))
    })?;
    Ok(ExitCode::SUCCESS)
}
