//! `composefs build`.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use ostree_flatten::composefs::{Format, Tree, Written, parse_dump, write_image};
use serde::Serialize;

use super::stored_tree;
use crate::args::{BuildArgs, Global};
use crate::output::Output;
use crate::output_file::write_file;
use crate::text::{plain, size};

/// What `composefs build --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Build"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    /// The file that was written.
    file: String,
    /// The commit whose tree it is; null for a dump.
    commit: Option<String>,
    /// The image's fs-verity digest.
    digest: String,
    /// Bytes of the image.
    size_bytes: u64,
    /// Version of the format.
    version: u32,
}

pub(crate) fn run(global: &Global, args: &BuildArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let (commit, written) = match (&args.tree, &args.from_dump) {
        (Some(name), _) => {
            let tree = stored_tree(global, name)?;
            let written = write_file(&args.output, args.verity, |out| Ok(tree.write_image(out)?))?;
            (Some(tree.commit), written)
        }
        (None, Some(dump)) => (None, from_dump(dump, args)?),
        // Excluded by the arguments' group.
        (None, None) => return Ok(ExitCode::FAILURE),
    };
    let view = View {
        file: args.output.display().to_string(),
        commit: commit.map(|commit| commit.to_string()),
        digest: written.digest.to_string(),
        size_bytes: written.size,
        version: written.format.number(),
    };
    output.result(&view, || {
        let line = format!("{}  {} {}", view.digest, view.file, size(view.size_bytes));
        format!("{}\n", plain(&line))
    })?;
    Ok(ExitCode::SUCCESS)
}

fn from_dump(dump: &Path, args: &BuildArgs) -> anyhow::Result<Written> {
    let tree = read_dump(dump)?;
    let lowest = args.min_version.unwrap_or(*Format::DEFAULT.start());
    let highest = args.max_version.unwrap_or(*Format::DEFAULT.end());
    write_file(&args.output, args.verity, |out| {
        write_image(&tree, lowest..=highest, out)
            .with_context(|| format!("writing {}", args.output.display()))
    })
}

fn read_dump(path: &Path) -> anyhow::Result<Tree> {
    let reading = || format!("reading {}", path.display());
    let input: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(path).with_context(reading)?))
    };
    parse_dump(input).with_context(reading)
}
