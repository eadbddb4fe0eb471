//! `composefs digest`.

use std::fs::File;
use std::process::ExitCode;

use anyhow::Context as _;
use ostree_flatten::composefs::FsVerityDigest;
use serde::Serialize;

use super::{Named, stored_tree};
use crate::args::{Global, TreeOrFileArgs};
use crate::exit;
use crate::output::Output;

/// What `composefs digest --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Digest"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    /// What was asked for.
    name: String,
    /// The commit of which it is the image's; null for a file.
    commit: Option<String>,
    /// The fs-verity digest (SHA-256, blocks of 4 KiB, no salt) of the composefs image, or of the file.
    digest: String,
    /// What the commit's metadata says it is; null where it says nothing.
    expected: Option<String>,
}

/// Exit code 5 when the commit's metadata says otherwise, in either format.
pub(crate) fn run(
    global: &Global,
    args: &TreeOrFileArgs,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let (commit, digest, expected) = match Named::find(&args.name)? {
        Named::File(path) => {
            let digest = File::open(path).and_then(FsVerityDigest::of_reader);
            let digest = digest.with_context(|| format!("reading {}", path.display()))?;
            (None, digest, None)
        }
        Named::Tree(name) => {
            let tree = stored_tree(global, &name)?;
            (Some(tree.commit), tree.digest()?, tree.expected)
        }
    };
    let is_wrong = expected.is_some_and(|expected| expected != digest);
    let view = View {
        name: args.name.clone(),
        commit: commit.map(|commit| commit.to_string()),
        digest: digest.to_string(),
        expected: expected.map(|expected| expected.to_string()),
    };
    output.result(&view, || format!("{}\n", view.digest))?;
    if is_wrong {
        output.warn("the commit's metadata names another digest");
        return Ok(ExitCode::from(exit::CORRUPT));
    }
    Ok(ExitCode::SUCCESS)
}
