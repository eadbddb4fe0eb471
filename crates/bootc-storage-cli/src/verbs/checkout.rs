//! `image checkout`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use serde::Serialize;

use super::commit_of;
use crate::args::{CheckoutArgs, Global};
use crate::output::Output;
use crate::repository;
use crate::text::plain;

/// What `image checkout --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Checkout"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    /// The commit whose tree it is.
    commit: String,
    /// The directory that was made.
    directory: String,
}

pub(crate) fn run(
    global: &Global,
    args: &CheckoutArgs,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let storage = repository::open(global)?;
    let commit = commit_of(&storage, &args.tree)?;
    let path = args.directory.as_path();
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        bail!("{} is no name for a new directory", path.display());
    };
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let dir = Dir::open_ambient_dir(parent, ambient_authority())
        .with_context(|| format!("opening {}", parent.display()))?;
    storage.checkout(&commit, &dir, name)?;
    let view = View {
        commit: commit.to_string(),
        directory: path.display().to_string(),
    };
    output.result(&view, || {
        let line = format!("{}: the tree of commit {}", view.directory, view.commit);
        format!("{}\n", plain(&line))
    })?;
    Ok(ExitCode::SUCCESS)
}
