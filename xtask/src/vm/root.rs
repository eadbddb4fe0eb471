//! The root file system that QEMU and the kernel come from.

use crate::setup::cache;
use crate::suite::Packages;
use anyhow::{Context as _, Result};
use std::fs;
use std::path::PathBuf;

/// Its kernel mounts composefs with fs-verity (Linux 6.12), which Debian 12's does not.
const PACKAGES: Packages = Packages {
    suite: "trixie",
    variant: "minbase",
    include: "qemu-system-x86,linux-image-amd64,busybox-static,kmod",
    options: &[],
};

/// A kernel, and where it is.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) folder: PathBuf,
    /// The kernel's version, as its files are named.
    pub(super) kernel: String,
}

/// Makes it, once.
pub(super) fn ensure() -> Result<Root> {
    let folder = cache().join(format!("vm-{}", PACKAGES.suite));
    if !folder.exists() {
        println!(
            "making a root file system of Debian {} with QEMU and a kernel; once, some 600 MB",
            PACKAGES.suite
        );
        PACKAGES.put_into(&folder)?;
    }
    let kernel = fs::read_dir(folder.join("boot"))?
        .flatten()
        .find_map(|entry| {
            let name = entry.file_name();
            name.to_str()?.strip_prefix("vmlinuz-").map(str::to_owned)
        })
        .with_context(|| format!("no kernel in {}", folder.join("boot").display()))?;
    Ok(Root { folder, kernel })
}
