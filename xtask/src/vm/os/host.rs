//! A host of its own: the disk that it was installed on, the registry with its next versions, and what is known of both
//! before it boots.

use super::disk::Disk;
use super::guest::Guest;
use super::images::{self, Images};
use super::install::Installer;
use super::packages::{self, home, remove};
use super::tree::BOUND;
use super::{InstalledBy, mounted};
use crate::image::registry::Registry;
use crate::image::stored;
use crate::run::Run;
use crate::vm::expectations::Results;
use crate::vm::root::Root;
use anyhow::Result;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What every machine needs.
#[derive(Debug)]
pub(in crate::vm) struct Tools<'a> {
    pub(in crate::vm) root: &'a Root,
    pub(in crate::vm) program: &'a Path,
    /// QEMU's `-accel`.
    pub(in crate::vm) accelerator: &'a str,
}

#[derive(Debug)]
pub(in crate::vm) struct Host<'a> {
    tools: &'a Tools<'a>,
    /// Holds all that belongs to it.
    pub(super) work: PathBuf,
    registry: Registry,
    pub(super) facts: Results,
    /// The digests of the second version's layers.
    pub(super) layers: BTreeSet<String>,
}

/// Where the registry has the operating system: `v1`, `latest` (the second version) and `verified`.
pub(super) const OS: &str = "vmtest/os";

impl<'a> Host<'a> {
    /// Installs the first version, and offers the others in a registry.
    pub(in crate::vm) fn install(tools: &'a Tools<'a>, by: InstalledBy) -> Result<Self> {
        mounted::privately()?;
        let os = packages::ensure()?;
        let work = home().join("host");
        remove(&work)?;
        fs::create_dir_all(&work)?;
        let work = work.canonicalize()?;
        let images = images::ensure(&os, tools.program, &work)?;
        let installer = Installer {
            program: tools.program,
            os: &os,
            images: &images,
            work: &work,
        };
        let mut facts = installer.foretell()?;
        let disk = Disk::create(work.join("disk"), &os)?;
        facts.extend(installer.install(&disk, by)?);
        let (before, layers) = (layers_of(&images, 0)?, layers_of(&images, 1)?);
        let new: Vec<_> = layers.difference(&before).cloned().collect();
        facts.insert("host.new-layers".to_owned(), new.join(" "));
        let registry = publish(&images, &work)?;
        Ok(Self {
            tools,
            work,
            registry,
            facts,
            layers,
        })
    }

    /// The machine that boots from its disk.
    pub(super) fn guest(&self) -> Guest<'_> {
        Guest {
            root: self.tools.root,
            work: &self.work,
            accelerator: self.tools.accelerator,
        }
    }

    /// Values that scripts find as variables. What was begun under one name of `run` is not gone on with under another.
    pub(super) fn settings(&self, run: u32) -> [(&'static str, String); 2] {
        let port = self.registry.port().to_string();
        [("registry_port", port), ("run", run.to_string())]
    }

    /// Where the registry's log is.
    pub(super) fn registry(&self) -> PathBuf {
        self.work.join("registry")
    }

    /// Takes everything away, or says where it is.
    pub(in crate::vm) fn end(self, keep: bool) -> Result<()> {
        let Self { work, registry, .. } = self;
        drop(registry);
        if keep {
            let kept = home().join("kept");
            remove(&kept)?;
            fs::rename(&work, &kept)?;
            println!("kept: {}", kept.display());
            return Ok(());
        }
        remove(&work)
    }
}

/// All images, under the names by which the guest asks for them.
fn publish(images: &Images, work: &Path) -> Result<Registry> {
    let registry = Registry::start(&work.join("registry"))?;
    let application = BOUND.trim_start_matches("registry.test/");
    for (tag, name) in [
        ("v1", &format!("{OS}:v1")),
        ("v2", &format!("{OS}:latest")),
        ("verified", &format!("{OS}:verified")),
        ("application", &application.to_owned()),
    ] {
        Run::new("skopeo")
            .args(["copy", "--quiet", "--dest-tls-verify=false"])
            .arg(images.reference(tag))
            .arg(format!("docker://{}/{name}", registry.address()))
            .run()?;
    }
    Ok(registry)
}

fn layers_of(images: &Images, place: usize) -> Result<BTreeSet<String>> {
    let layers = stored::read(&images.oci, place)?.layers;
    Ok(layers
        .iter()
        .map(|layer| layer.digest.to_string())
        .collect())
}
