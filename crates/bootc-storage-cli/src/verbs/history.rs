//! `image history`.

use std::process::ExitCode;

use bootc_storage::HistoryEntry;
use serde::Serialize;

use crate::args::{Global, NameArgs};
use crate::output::Output;
use crate::repository;
use crate::text::{plain, size, table};

/// One build step, as `image history --format json` prints it, oldest first.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EntryView {
    created: Option<String>,
    created_by: Option<String>,
    comment: Option<String>,
    /// The layer it made; null for a step that changed only metadata.
    digest: Option<String>,
    size_bytes: Option<u64>,
    present: Option<bool>,
}

/// Commands are cut to this many characters for people.
const COMMAND_WIDTH: usize = 70;

pub(crate) fn run(global: &Global, args: &NameArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let storage = repository::open(global)?;
    let image = storage.inspect(&args.image)?;
    let entries: Vec<EntryView> = storage
        .history(&image)?
        .into_iter()
        .map(EntryView::of)
        .collect();
    output.result(&entries, || human(&entries))?;
    Ok(ExitCode::SUCCESS)
}

impl EntryView {
    fn of(entry: HistoryEntry) -> Self {
        let layer = entry.layer;
        Self {
            created: entry.created,
            created_by: entry.created_by,
            comment: entry.comment,
            size_bytes: layer.as_ref().map(|layer| layer.size_bytes),
            present: layer.as_ref().map(|layer| layer.present),
            digest: layer.map(|layer| layer.digest.to_string()),
        }
    }
}

/// Newest first, as podman shows it.
fn human(entries: &[EntryView]) -> String {
    let rows: Vec<Vec<String>> = entries
        .iter()
        .rev()
        .map(|entry| {
            let command = plain(entry.created_by.as_deref().unwrap_or("-"));
            vec![
                entry
                    .digest
                    .as_deref()
                    .map_or("-".to_owned(), |d| d.chars().take(19).collect()),
                plain(entry.created.as_deref().unwrap_or("-")),
                entry.size_bytes.map_or("-".to_owned(), size),
                command.chars().take(COMMAND_WIDTH).collect(),
            ]
        })
        .collect();
    table(&["LAYER", "CREATED", "SIZE", "CREATED BY"], &rows)
}
