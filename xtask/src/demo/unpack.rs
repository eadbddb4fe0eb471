//! The independent unpack: umoci's root file system, brought to where an ostree commit has it.

use super::host::{is_root, remove, timed};
use crate::image::debian::Image;
use crate::image::unpacked::place;
use crate::run::Run;
use anyhow::Result;
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
