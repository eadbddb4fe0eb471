//! File systems that are mounted for as long as a value lives, and seen by this program alone.

use crate::run::Run;
use anyhow::{Context as _, Result};
use nix::sched::{CloneFlags, unshare};
use std::path::{Path, PathBuf};

/// From here on what this program mounts is its own affair: it is gone with it, however it ends.
pub(super) fn privately() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNS).context("a mount namespace of our own")?;
    Run::new("mount").args(["--make-rprivate", "/"]).read()?;
    Ok(())
}

#[derive(Debug)]
pub(super) struct Mounted {
    at: PathBuf,
}

impl Mounted {
    pub(super) fn new(options: &str, what: &Path, at: &Path) -> Result<Self> {
        std::fs::create_dir_all(at)?;
        Run::new("mount")
            .args(["-o", options])
            .args([what, at])
            .read()?;
        Ok(Self { at: at.to_owned() })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if let Err(error) = Run::new("umount").arg(&self.at).read() {
            eprintln!("{error:#}");
        }
    }
}
