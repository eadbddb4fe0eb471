//! libcomposefs's own programs, with which tests compare our composefs images: Debian's packages of a suite that has
//! them, unpacked in the cache. Nothing is installed, and the tests start the programs by their own dynamic loader.

use crate::image::recipe::{Source, proxy};
use crate::run::Run;
use crate::setup::cache;
use anyhow::{Context as _, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Debian 12 has no composefs, and the libostree of Debian 13 is built without it.
const SUITE: &str = "testing";
const PACKAGES: &str = "composefs,ostree";

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
    let source = Source::find(None, None).with_context(|| {
        format!("where Debian's packages cannot be had: install composefs and ostree, and set {OVERRIDE}=/")
    })?;
    println!(
        "unpacking Debian {SUITE}'s {PACKAGES}, to compare composefs images with; once, some 80 MB"
    );
    let unfinished = cache().join("composefs-reference.new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    fs::create_dir_all(cache())?;
    let mut command = Run::new("mmdebstrap").args([
        "--variant=extract",
        "--format=directory",
        "--components=main",
        "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg",
        "--aptopt=Acquire::Languages \"none\"",
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
    fs::rename(&unfinished, &folder).context("putting the unpacked packages into place")
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
