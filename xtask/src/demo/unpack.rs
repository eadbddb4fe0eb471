//! The independent unpack: umoci's root file system, brought to where an ostree commit has it.

use super::host::{is_root, remove, timed};
use super::image::Image;
use crate::run::Run;
use anyhow::{Context as _, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Both versions.
pub(crate) fn versions(image: &Image, scratch: &Path) -> Result<[PathBuf; 2]> {
    Ok([version(image, scratch, 1)?, version(image, scratch, 2)?])
}

fn version(image: &Image, scratch: &Path, version: u32) -> Result<PathBuf> {
    let bundle = scratch.join(format!("umoci-{version}"));
    remove(&bundle)?;
    let rootless = (!is_root()).then_some("--rootless");
    let reference = format!("{}:v{version}", image.oci().display());
    timed(
        &Run::new("umoci")
            .args(["unpack", "--image"])
            .arg(reference)
            .args(rootless)
            .arg(&bundle),
    )?;
    let root = bundle.join("rootfs");
    place(&root)?;
    Ok(root)
}

/// The rule that `image pull` follows for an image without an ostree base: /etc is kept as /usr/etc,
/// and what would be hidden under a host's run-time mounts is not kept.
fn place(root: &Path) -> Result<()> {
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
