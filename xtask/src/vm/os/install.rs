//! Our program installs the first version on a disk, and says beforehand what will run.

use super::disk::{self, Disk};
use super::images::Images;
use crate::run::Run;
use crate::vm::expectations::Results;
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the host looks for its next version.
pub(super) const TARGET: &str = "docker://registry.test/vmtest/os:latest";

const KERNEL_ARGUMENTS: &[&str] = &[
    "root=LABEL=root",
    "rw",
    "console=ttyS0",
    "security=selinux",
    "selinux=1",
    "enforcing=0",
    "mitigations=off",
    "audit=0",
    "panic=-1",
];

/// The program, as it was built here, and a folder to work in.
#[derive(Debug)]
pub(super) struct Installer<'a> {
    pub(super) program: &'a Path,
    pub(super) work: &'a Path,
}

impl Installer<'_> {
    /// What the images will be on a host: their digests and commits, computed in a repository that no guest sees.
    pub(super) fn foretell(&self, images: &Images) -> Result<Results> {
        let mut facts = Results::new();
        let repository = self.work.join("foretold");
        let run = |verb: &[&str], reference: &str| {
            let option = ["--quiet", "--json", "--repo"];
            let run = Run::new(self.program).args(option).arg(&repository);
            run.args(verb).arg(reference).read()
        };
        for version in [1, 2] {
            let reference = images.reference(&format!("v{version}"));
            let pulled: Value = serde_json::from_str(&run(&["image", "pull"], &reference)?)?;
            let digest: Value = serde_json::from_str(&run(&["composefs", "digest"], &reference)?)?;
            let mut fact = |name: &str, value: &Value| {
                let text = value
                    .as_str()
                    .with_context(|| format!("{name} in {pulled}, {digest}"))?;
                facts.insert(format!("host.{name}-{version}"), text.to_owned());
                anyhow::Ok(())
            };
            fact("commit", &pulled["mergeCommit"])?;
            fact("image", &pulled["manifestDigest"])?;
            fact("digest", &digest["digest"])?;
        }
        fs::remove_dir_all(&repository)?;
        Ok(facts)
    }

    /// Installs the first version; the boot entry that came of it.
    pub(super) fn install(&self, disk: &Disk, images: &Images) -> Result<Results> {
        let root = self.work.join("root");
        let _mounted = disk.mount(&root)?;
        let ours = || Run::new(self.program).arg("--sysroot").arg(&root);
        ours().args(["host", "init"]).run()?;
        disk::configure(&root.join("boot"))?;
        let mut deploy = ours().args(["--quiet", "host", "deploy", "--target", TARGET]);
        for argument in KERNEL_ARGUMENTS {
            deploy = deploy.args(["--karg", argument]);
        }
        deploy.arg(images.reference("v1")).run()?;
        let argument = ostree_argument(&root)?;
        let link = root.join(argument.trim_start_matches('/'));
        let deployment = link.canonicalize().with_context(|| argument.clone())?;
        let name = deployment
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Ok([
            ("host.ostree-argument".to_owned(), argument),
            ("host.deployment".to_owned(), name),
        ]
        .into())
    }
}

/// `ostree=` of the only boot entry.
fn ostree_argument(root: &Path) -> Result<String> {
    let entries: Vec<PathBuf> = fs::read_dir(root.join("boot/loader/entries"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    let entry = entries.first().context("no boot entry was written")?;
    let text = fs::read_to_string(entry)?;
    text.split_whitespace()
        .find_map(|word| word.strip_prefix("ostree=").map(str::to_owned))
        .with_context(|| format!("{text} has no ostree="))
}
