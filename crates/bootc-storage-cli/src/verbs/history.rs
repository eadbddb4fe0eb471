//! `image history`.

use std::process::ExitCode;

use bootc_storage::HistoryEntry;
use serde::Serialize;

use crate::args::{Global, NameArgs};
use crate::output::Output;
use crate::repository;
use crate::text::{plain, size, table, time};

/// What `image history --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "History"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    /// The image's name.
    image: String,
    /// Build steps, oldest first.
    entries: Vec<EntryView>,
}

/// One build step.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Step"))]
#[serde(rename_all = "camelCase")]
struct EntryView {
    /// RFC 3339.
    created: Option<String>,
    /// The command.
    created_by: Option<String>,
    /// What the build noted.
    comment: Option<String>,
    /// The layer it made; null for a step that changed only metadata.
    digest: Option<String>,
    /// The layer's transfer size.
    size_bytes: Option<u64>,
    /// The layer's ref is there.
    present: Option<bool>,
}

/// Commands are cut to this many characters for people.
const COMMAND_WIDTH: usize = 70;

pub(crate) fn run(global: &Global, args: &NameArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let storage = repository::open(global)?;
    let image = storage.inspect(&args.image)?;
    let entries = storage.history(&image)?;
    let view = View {
        image: image.reference.to_string(),
        entries: entries.into_iter().map(EntryView::of).collect(),
    };
    output.result(&view, || human(&view.entries))?;
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
                time(entry.created.as_deref().unwrap_or("-")),
                entry.size_bytes.map_or("-".to_owned(), size),
                command.chars().take(COMMAND_WIDTH).collect(),
            ]
        })
        .collect();
    table(&["LAYER", "CREATED", "SIZE", "CREATED BY"], &rows)
}

#[cfg(test)]
mod tests {
    use super::{EntryView, human};

    #[test]
    fn newest_first_and_cut() {
        let step = |command: &str, digest: Option<&str>| EntryView {
            created: Some("2025-01-01T00:00:00Z".to_owned()),
            created_by: Some(command.to_owned()),
            comment: None,
            digest: digest.map(|hex| format!("sha256:{}", hex.repeat(32))),
            size_bytes: digest.map(|_| 48_340_000),
            present: digest.map(|_| true),
        };
        let long = format!("RUN {}", "x".repeat(100));
        let text = human(&[step("COPY / /", Some("ab")), step(&long, None)]);
        let cut = &long[..70];
        assert_eq!(
            text,
            format!(
                "\
LAYER                CREATED               SIZE     CREATED BY
-                    2025-01-01T00:00:00Z  -        {cut}
sha256:abababababab  2025-01-01T00:00:00Z  48.3 MB  COPY / /
"
            )
        );
    }
}
