//! libcomposefs's own programs, with which tests compare our composefs images: Debian's packages of a suite that has
//! them, unpacked in the cache. Nothing is installed, and the tests start the programs by their own dynamic loader.

use crate::run::Run;
use crate::setup::cache;
use crate::suite::Packages;
use anyhow::{Context as _, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Debian 12 has no composefs, and the libostree of Debian 13 is built without it.
const PACKAGES: Packages = Packages {
    suite: "testing",
    variant: "extract",
    include: "composefs,ostree",
    options: &[],
};

/// Names a folder with the programs; what xtask would unpack is not needed then.
const OVERRIDE: &str = "COMPOSEFS_REFERENCE";

/// Unpacks the packages, once.
pub(crate) fn ensure() -> Result<()> {
    if std::env::var_os(OVERRIDE).is_some() {
        return Ok(());
    }
    let folder = folder();
    if folder.join("usr/bin/mkcomposefs").exists() {
        return Ok(());
    }
    println!(
        "unpacking Debian {}'s {}, to compare composefs images with; once, some 80 MB",
        PACKAGES.suite, PACKAGES.include
    );
    PACKAGES.put_into(&folder).with_context(|| {
        format!("where Debian's packages cannot be had: install composefs and ostree, and set {OVERRIDE}=/")
    })
}

/// One of the programs, started by its own dynamic loader and with its own libraries.
pub(crate) fn program(name: &str) -> Result<Run> {
    let root = folder();
    // Debian: usr/lib64/ld-linux-x86-64.so.2, usr/lib/ld-linux-aarch64.so.1; usr/lib/<triple>/. Fedora: usr/lib64/.
    let loader = ["usr/lib64", "usr/lib"]
        .into_iter()
        .find_map(|folder| entry(&root.join(folder), |name| name.starts_with("ld-linux-")))
        .with_context(|| format!("no dynamic loader in {}", root.display()))?;
    let libraries = entry(&root.join("usr/lib"), |name| name.ends_with("-linux-gnu"))
        .unwrap_or_else(|| root.join("usr/lib64"));
    Ok(Run::new(loader)
        .arg("--library-path")
        .arg(libraries)
        .arg(root.join("usr/bin").join(name)))
}

fn folder() -> PathBuf {
    std::env::var_os(OVERRIDE).map_or_else(|| cache().join("composefs-reference"), PathBuf::from)
}

fn entry(folder: &Path, wanted: impl Fn(&str) -> bool) -> Option<PathBuf> {
    let mut entries = fs::read_dir(folder).ok()?.flatten();
    entries
        .find(|entry| entry.file_name().to_str().is_some_and(&wanted))
        .map(|entry| entry.path())
}
