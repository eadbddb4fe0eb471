//! The folder that disks and logs of a bench are in.

use crate::run::Run;
use anyhow::{Context as _, Result};
use std::fs;
use std::path::{Path, PathBuf};

const PREFIX: &str = "bootc-storage-bench-";

/// It goes when the bench ends.
#[derive(Debug)]
pub(super) struct Scratch {
    pub(super) folder: PathBuf,
    pub(super) keep: bool,
}

impl Scratch {
    pub(super) fn new(parent: &Path, keep: bool) -> Result<Self> {
        sweep(parent)?;
        let folder = parent.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
        Ok(Self { folder, keep })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.keep {
            println!("kept: {}", self.folder.join("disk.ext4").display());
        } else if let Err(error) = fs::remove_dir_all(&self.folder) {
            println!("{}: {error}", self.folder.display());
        }
    }
}

/// Takes away what benches left that were killed.
fn sweep(parent: &Path) -> Result<()> {
    for entry in fs::read_dir(parent)? {
        let folder = entry?.path();
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let Some(pid) = name.strip_prefix(PREFIX) else {
            continue;
        };
        // What was kept on purpose has no disk mounted.
        let mount = folder.join("disk");
        let mounted = Run::new("mountpoint").arg("--quiet").arg(&mount).succeeds();
        if Path::new("/proc").join(pid).exists() || !mounted {
            continue;
        }
        let image = folder.join("disk.ext4");
        Run::new("umount").arg(&mount).read()?;
        let devices = Run::new("losetup")
            .args(["--noheadings", "--output", "NAME", "--associated"])
            .arg(&image)
            .read()?;
        for device in devices.lines() {
            Run::new("losetup")
                .args(["--detach", device.trim()])
                .read()?;
        }
        fs::remove_dir_all(&folder)?;
    }
    Ok(())
}
