//! A host's life: installed, booted, and led through stages one after another, over restarts, by one machine.

use super::disk::Disk;
use super::drive::{self, Part};
use super::guest::{self, Cache, Guest};
use super::images::{self, Images};
use super::install::Installer;
use super::packages::{self, OsRoot, home, remove};
use super::tree::BOUND;
use super::{Steps, mounted, report, requests};
use crate::image::registry::Registry;
use crate::image::stored;
use crate::run::Run;
use crate::vm::expectations::Results;
use crate::vm::root::Root;
use crate::vm::stages::{Machine, Stage};
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

/// A disk, a registry, and what is known of both before the guest starts.
#[derive(Debug)]
pub(in crate::vm) struct Journey<'a> {
    tools: &'a Tools<'a>,
    work: PathBuf,
    registry: Registry,
    facts: Results,
    /// The digests of the operating system's layers.
    layers: BTreeSet<String>,
}

/// The repositories of the registry.
const OS: &str = "vmtest/os";

impl<'a> Journey<'a> {
    /// Installs a host, and offers its next version in a registry.
    pub(in crate::vm) fn begin(tools: &'a Tools<'a>) -> Result<Self> {
        mounted::privately()?;
        let os = packages::ensure()?;
        let work = home().join("journey");
        remove(&work)?;
        fs::create_dir_all(&work)?;
        let work = work.canonicalize()?;
        let images = images::ensure(&os, tools.program, &work)?;
        let mut facts = install(tools, &os, &images, &work)?;
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

    /// Leads the host through these stages; what they found, also when one did not come to its end.
    pub(in crate::vm) fn run(&self, stages: &[&'static Stage]) -> Result<(Results, Result<()>)> {
        let steps = stages.iter().flat_map(|stage| parts_of(stage));
        let (parts, seconds): (Vec<_>, Vec<_>) = steps.unzip();
        let settings = [("registry_port", self.registry.port().to_string())];
        drive::write(&parts, &settings, &self.work.join("drive"))?;
        let guest = Guest {
            root: self.tools.root,
            work: self.work.clone(),
            accelerator: self.tools.accelerator,
        };
        let since = requests::mark(&self.work.join("registry"))?;
        let limit = |at: &str| {
            let running =
                (0..parts.len()).find(|number| at.ends_with(&parts[*number].file_name(*number)));
            let restarting = at.starts_with("restart");
            let number = running.map_or(0, |number| number + usize::from(restarting));
            seconds
                .get(number)
                .or(seconds.first())
                .copied()
                .unwrap_or(0)
        };
        let ended = guest.start(Cache::Unsafe)?.wait(limit);
        if ended.is_err() {
            println!("{}\n", guest::tail(&self.work));
        }
        let mut results =
            report::unpack(&self.work.join("out"), &self.work.join("results")).unwrap_or_default();
        results.extend(self.facts.clone());
        let fetched = requests::blobs(&self.work.join("registry"), since, OS)?;
        let layers: Vec<_> = fetched.intersection(&self.layers).cloned().collect();
        results.insert("upgrade.layers-fetched".to_owned(), layers.join(" "));
        Ok((results, ended))
    }

    /// Takes everything away, or says where it is.
    pub(in crate::vm) fn end(self, keep: bool) -> Result<()> {
        let Self { work, registry, .. } = self;
        drop(registry);
        if keep {
            println!("kept: {}", work.display());
            return Ok(());
        }
        remove(&work)
    }
}

/// The parts of a stage of a host, each with its limit.
fn parts_of(stage: &'static Stage) -> Vec<(Part<'static>, u64)> {
    let Machine::Os(Steps { parts, .. }) = &stage.machine else {
        return Vec::new();
    };
    let named = |part: &'static super::Part| {
        let stage = stage.name;
        (
            Part {
                stage,
                script: part.script,
            },
            part.seconds,
        )
    };
    parts.iter().map(named).collect()
}

/// The first version on a disk, and what is known of both versions.
fn install(tools: &Tools<'_>, os: &OsRoot, images: &Images, work: &Path) -> Result<Results> {
    let installer = Installer {
        program: tools.program,
        work,
    };
    let mut facts = installer.foretell(images)?;
    let disk = Disk::create(work.join("disk"), os)?;
    facts.extend(installer.install(&disk, images)?);
    Ok(facts)
}

/// The second version, and what it is bound to, under the names by which the guest asks for them.
fn publish(images: &Images, work: &Path) -> Result<Registry> {
    let registry = Registry::start(&work.join("registry"))?;
    let application = BOUND.trim_start_matches("registry.test/");
    for (tag, name) in [
        ("v2", format!("{OS}:latest")),
        ("application", application.to_owned()),
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
