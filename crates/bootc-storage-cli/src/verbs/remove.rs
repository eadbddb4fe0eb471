//! `image remove`.

use std::process::ExitCode;

use serde::Serialize;

use crate::args::{Global, RemoveArgs};
use crate::output::Output;
use crate::progress::Progress;
use crate::repository;
use crate::text::{plain, size};

/// What `image remove --format json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    images: Vec<String>,
    layers: u64,
    objects: u64,
    freed_bytes: u64,
}

pub(crate) fn run(global: &Global, args: &RemoveArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let storage = repository::open(global)?;
    let progress = Progress::new(output);
    let removed = storage.remove(&args.images, &progress.observer());
    progress.finish();
    let removed = removed?;
    let view = View {
        images: removed.images,
        layers: removed.pruned.layers,
        objects: removed.pruned.objects,
        freed_bytes: removed.pruned.bytes,
    };
    output.result(&view, || {
        let mut text = String::new();
        for image in &view.images {
            text.push_str(&format!("Removed: {}\n", plain(image)));
        }
        text.push_str(&format!(
            "Freed: {} ({} layers, {} objects)\n",
            size(view.freed_bytes),
            view.layers,
            view.objects
        ));
        text
    })?;
    Ok(ExitCode::SUCCESS)
}
