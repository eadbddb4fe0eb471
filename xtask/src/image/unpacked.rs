//! A tree that an unpacking tool made, brought to where an ostree commit has it.

use anyhow::{Context as _, Result};
use std::fs;
use std::path::Path;

/// The rule that `image pull` follows for an image without an ostree base: /etc is kept as /usr/etc,
/// and what would be hidden under a host's run-time mounts is not kept.
pub(crate) fn place(root: &Path) -> Result<()> {
    fs::rename(root.join("etc"), root.join("usr/etc")).context("moving etc to usr/etc")?;
    for name in ["run", "tmp", "proc", "sys", "dev"] {
        let folder = root.join(name);
        if !folder.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}
