//! What the guest writes onto its disk for results: how far it is, and an archive of what it found.

use crate::vm::expectations::Results;
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

pub(super) const SIZE_BYTES: u64 = 64 << 20;
const PROGRESS_BYTES: usize = 512;
/// Where the archive begins.
const ARCHIVE: u64 = 1 << 20;

/// The last line that the guest wrote: the part that it is at, or `end`.
pub(super) fn progress(out: &Path) -> Result<String> {
    let mut bytes = [0; PROGRESS_BYTES];
    File::open(out)?.read_exact_at(&mut bytes, 0)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.trim_matches(['\0', ' ', '\n']).to_owned())
}

/// Unpacks the archive to look at, and reads the results; none if the guest has written none yet.
pub(super) fn unpack(out: &Path, to: &Path) -> Result<Results> {
    let mut file = File::open(out)?;
    file.seek(SeekFrom::Start(ARCHIVE))?;
    let mut archive = tar::Archive::new(file);
    archive.set_preserve_permissions(false);
    archive.unpack(to).context("the results of the guest")?;
    read(to)
}

/// Lines `STAGE.NAME VALUE`; each value of a JSON document `STAGE.json`-wise, by its path.
fn read(folder: &Path) -> Result<Results> {
    let mut results = Results::new();
    let text = std::fs::read_to_string(folder.join("results")).unwrap_or_default();
    for line in text.lines() {
        let (name, value) = line.split_once(' ').unwrap_or((line, ""));
        results.insert(name.to_owned(), value.to_owned());
    }
    for entry in std::fs::read_dir(folder.join("files"))
        .into_iter()
        .flatten()
    {
        let path = entry?.path();
        let Some(name) = path
            .file_name()
            .and_then(|name| name.to_str()?.strip_suffix(".json"))
        else {
            continue;
        };
        let mut text = String::new();
        File::open(&path)?.read_to_string(&mut text)?;
        // One that a failed command left empty has no values.
        if let Ok(document) = serde_json::from_str(&text) {
            leaves(name, &document, &mut results);
        }
    }
    Ok(results)
}

fn leaves(name: &str, value: &Value, results: &mut Results) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                leaves(&format!("{name}/{key}"), value, results);
            }
        }
        Value::Array(items) => {
            for (number, value) in items.iter().enumerate() {
                leaves(&format!("{name}/{number}"), value, results);
            }
        }
        Value::String(text) => drop(results.insert(name.to_owned(), text.clone())),
        other => drop(results.insert(name.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::{leaves, progress};
    use crate::vm::expectations::Results;

    #[test]
    fn values_of_documents_are_named_by_their_paths() {
        let document = serde_json::json!({"status": {"booted": [{"x": "y"}, 2]}, "none": null});
        let mut results = Results::new();
        leaves("boot.status", &document, &mut results);
        assert_eq!(results["boot.status/status/booted/0/x"], "y");
        assert_eq!(results["boot.status/status/booted/1"], "2");
        assert_eq!(results["boot.status/none"], "null");
    }

    #[test]
    fn progress_is_the_first_line_of_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out");
        std::fs::write(&file, vec![0; 4096]).unwrap();
        assert_eq!(progress(&file).unwrap(), "");
        let mut bytes = format!("{:<511}\n", "part 01-boot").into_bytes();
        bytes.extend([0; 4096]);
        std::fs::write(&file, bytes).unwrap();
        assert_eq!(progress(&file).unwrap(), "part 01-boot");
    }
}
