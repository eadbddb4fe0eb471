//! `composefs dump`.

use std::process::ExitCode;

use anyhow::Context as _;
use ostree_flatten::composefs::write_dump;
use serde::Serialize;

use super::{Named, image_file, stored_tree};
use crate::args::{Global, TreeOrFileArgs};
use crate::output::Output;

/// What `composefs dump --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Dump"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    /// What was asked for.
    name: String,
    /// A line for each file, as composefs-dump(5) has them.
    lines: Vec<String>,
}

pub(crate) fn run(
    global: &Global,
    args: &TreeOrFileArgs,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let tree = match Named::find(&args.name)? {
        Named::File(path) => image_file(path)?.1.tree,
        Named::Tree(name) => stored_tree(global, &name)?.tree,
    };
    let mut dump = Vec::new();
    write_dump(&tree, &mut dump)?;
    drop(tree);
    // Whatever is not printable ASCII is escaped in it.
    let dump = String::from_utf8(dump).context("the dump is no text")?;
    let lines = |dump: &str| dump.lines().map(str::to_owned).collect();
    let view = View {
        name: args.name.clone(),
        lines: if !output.is_human() {
            lines(&dump)
        } else {
            Vec::new()
        },
    };
    output.result(&view, || dump)?;
    Ok(ExitCode::SUCCESS)
}
