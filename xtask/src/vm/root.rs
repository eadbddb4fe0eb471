//! The root file system that QEMU and the kernel come from.

use crate::image::recipe::{Source, proxy};
use crate::run::Run;
use crate::setup::cache;
use anyhow::{Context as _, Result};
use std::fs;
use std::path::PathBuf;

/// Its kernel mounts composefs with fs-verity (Linux 6.12), which Debian 12's does not.
const SUITE: &str = "trixie";
const PACKAGES: &str = "qemu-system-x86,linux-image-amd64,busybox-static,kmod";

/// A kernel, and where it is.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) folder: PathBuf,
    /// The kernel's version, as its files are named.
    pub(super) kernel: String,
}

/// Makes it, once.
pub(super) fn ensure() -> Result<Root> {
    let folder = cache().join(format!("vm-{SUITE}"));
    if !folder.exists() {
        let source = Source::find(None, None)?;
        println!(
            "making a root file system of Debian {SUITE} with QEMU and a kernel; once, some 600 MB"
        );
        let unfinished = cache().join(format!("vm-{SUITE}.new"));
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        fs::create_dir_all(cache())?;
        let mut command = Run::new("mmdebstrap").args([
            "--variant=minbase",
            "--format=directory",
            "--components=main",
            "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg",
            "--aptopt=Acquire::Languages \"none\"",
            "--aptopt=APT::Install-Recommends \"false\"",
            // Some mirrors stand still. What they have is signed all the same.
            "--aptopt=Acquire::Check-Valid-Until \"false\"",
        ]);
        if let Some(proxy) = proxy() {
            command = command.arg(format!("--aptopt=Acquire::http::Proxy \"{proxy}\""));
        }
        command
            .arg(format!("--include={PACKAGES}"))
            .arg(SUITE)
            .arg(&unfinished)
            .arg(&source.mirror)
            .run()?;
        fs::rename(&unfinished, &folder).context("putting the root file system into place")?;
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
