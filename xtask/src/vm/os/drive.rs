//! What the guest is to do: an archive on a disk of its own, which the image's unit unpacks and runs.

use anyhow::Result;
use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;

const DRIVER: &str = include_str!("guest/driver.sh");
const TOOLS: &str = include_str!("guest/tools.sh");
/// Disks are counted in these.
const ROUND_BYTES: u64 = 1 << 20;

/// A stage's script, as far as it gets without a restart.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) stage: &'a str,
    pub(super) script: &'a str,
}

impl Part<'_> {
    /// As files of the guest are called, in the order in which they run.
    pub(super) fn file_name(&self, number: usize) -> String {
        format!("{number:02}-{}", self.stage)
    }
}

/// Writes the archive: the parts, and values that they find as variables.
pub(super) fn write(parts: &[Part<'_>], settings: &[(&str, String)], to: &Path) -> Result<()> {
    let file = File::create(to)?;
    let mut tar = tar::Builder::new(&file);
    let mut add = |name: &str, text: &str| {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, text.as_bytes())
    };
    add("driver.sh", DRIVER)?;
    add("tools.sh", TOOLS)?;
    let mut text = String::new();
    for (name, value) in settings {
        writeln!(text, "{name}='{value}'")?;
    }
    add("settings", &text)?;
    for (number, part) in parts.iter().enumerate() {
        add(&format!("parts/{}", part.file_name(number)), part.script)?;
    }
    tar.finish()?;
    let length = file.metadata()?.len();
    file.set_len(length.next_multiple_of(ROUND_BYTES))?;
    Ok(())
}
