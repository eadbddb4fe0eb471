//! The programs that are compared, each built in release mode, once.

use crate::run::Run;
use crate::setup::{self, Optimised};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// Where each is.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    pub(super) ours: PathBuf,
    /// This program, optimised: what it is measured as must not be a debug build.
    pub(super) limit: PathBuf,
    pub(super) ostree_ext: PathBuf,
    pub(super) composefs: PathBuf,
}

impl Programs {
    /// Builds what is missing.
    pub(super) fn build() -> Result<Self> {
        let packages = ["--package", "bootc-storage-cli", "--package", "xtask"];
        Run::new("cargo")
            .args(["build", "--release", "--locked", "--quiet"])
            .args(packages)
            .run()?;
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        let target = std::path::absolute(target)?;
        Ok(Self {
            ours: target.join("release/bootc-storage"),
            limit: target.join("release/xtask"),
            ostree_ext: ostree_ext(&target)?,
            composefs: setup::optimised(Optimised::COMPOSEFS)?,
        })
    }
}

/// The tests build the same peer without optimisation: a measurement of that would be no fair one.
fn ostree_ext(target: &Path) -> Result<PathBuf> {
    let folder = target.join("bench-peers");
    Run::new("cargo")
        .args(["build", "--release", "--locked", "--quiet"])
        .args([
            "--manifest-path",
            "tests/peers/ostree-ext/Cargo.toml",
            "--target-dir",
        ])
        .arg(&folder)
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3")
        .run()?;
    Ok(folder.join("release/ostree-ext-cli"))
}
