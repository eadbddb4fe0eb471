//! Who is measured, and how each does the same thing.

use super::inputs::Input;
use super::programs::Programs;
use crate::image::registry::Registry;
use crate::run::Run;
use anyhow::{Context as _, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Ours, its peers, and what the machine can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(super) enum Contestant {
    Ours,
    /// Without SELinux labels: what these cost.
    OursWithoutLabels,
    /// Without digests of files and of the composefs image: what these cost.
    OursWithoutDigest,
    /// From a registry on loopback, through skopeo.
    OursFromRegistry,
    /// The least that a pull has to do: `limit.rs`.
    Limit,
    OstreeExt,
    Composefs,
    Umoci,
    /// Each layer in turn; whiteouts are left as files.
    Tar,
}

/// What is measured, in the order in which a host comes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, clap::ValueEnum)]
pub(super) enum Step {
    /// Into an empty repository.
    First,
    /// The same again.
    Noop,
    /// The layers are there, the image is not.
    Flatten,
    /// The two top layers are new.
    Update,
    /// What only the version before had goes.
    Prune,
}

impl Step {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::First => "first pull",
            Self::Noop => "no-op",
            Self::Flatten => "flatten only",
            Self::Update => "update",
            Self::Prune => "prune",
        }
    }
}

/// Where a contestant works.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) programs: &'a Programs,
    pub(super) input: &'a Input,
    /// The fresh file system.
    pub(super) mount: &'a Path,
    pub(super) registry: Option<&'a Registry>,
}

impl Place<'_> {
    pub(super) fn repo(&self) -> PathBuf {
        self.mount.join("repo")
    }

    fn repo_option(&self) -> String {
        format!("--repo={}", self.repo().display())
    }

    /// Offers a version under the name that all contestants pull.
    pub(super) fn publish(&self, version: usize) -> Result<()> {
        self.input.publish(version)?;
        if let Some(registry) = self.registry {
            Run::new("skopeo")
                .args(["copy", "--quiet", "--dest-tls-verify=false"])
                .args([self.input.reference(), registry.name()])
                .read()?;
        }
        Ok(())
    }
}

impl Contestant {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OursWithoutLabels => "ours, no labels",
            Self::OursWithoutDigest => "ours, no digests",
            Self::OursFromRegistry => "ours, from a registry",
            Self::Limit => "limit program",
            Self::OstreeExt => "ostree-ext 0.15.3",
            Self::Composefs => "composefs-ctl 0.9.4",
            Self::Umoci => "umoci unpack",
            Self::Tar => "tar -x, sync",
        }
    }

    /// The same program on the same files, with some of its work left out or none.
    pub(super) fn is_ours_alone(self) -> bool {
        matches!(
            self,
            Self::Ours | Self::OursWithoutLabels | Self::OursWithoutDigest
        )
    }

    /// Whether its syncs are counted. umoci was seen to make none; under strace, which stops each thread of its runtime at
    /// each wake-up, it takes seven minutes in place of half a one.
    pub(super) fn bears_strace(self) -> bool {
        self != Self::Umoci
    }

    /// What it can do of the steps.
    pub(super) fn steps(self) -> &'static [Step] {
        match self {
            Self::Ours => &[
                Step::First,
                Step::Noop,
                Step::Flatten,
                Step::Update,
                Step::Prune,
            ],
            Self::OursWithoutLabels
            | Self::OursWithoutDigest
            | Self::OursFromRegistry
            | Self::OstreeExt
            | Self::Composefs => &[Step::First, Step::Noop, Step::Update],
            Self::Limit | Self::Umoci | Self::Tar => &[Step::First],
        }
    }

    /// What its users have done long before.
    pub(super) fn prepare(self, place: &Place<'_>) -> Result<()> {
        match self {
            Self::OstreeExt => {
                let init = Run::new("ostree").args(["init", "--mode=bare"]);
                init.arg(place.repo_option()).read()?;
            }
            Self::Composefs => {
                let init = Run::new(&place.programs.composefs).args(["init", "--insecure"]);
                init.arg(place.repo()).read()?;
            }
            Self::Tar => fs::create_dir(place.repo())?,
            _ => (),
        }
        Ok(())
    }

    /// What has to be so before the step, and is not measured.
    pub(super) fn before(self, step: Step, place: &Place<'_>) -> Result<()> {
        match step {
            Step::First => place.publish(1),
            Step::Update => place.publish(2),
            Step::Flatten => {
                let delete =
                    Run::new("ostree").args(["refs", "--delete", "ostree/container/image"]);
                delete.arg(place.repo_option()).read().map(drop)
            }
            Step::Noop | Step::Prune => Ok(()),
        }
    }

    /// The command that is measured.
    pub(super) fn command(self, step: Step, place: &Place<'_>) -> Result<Run> {
        let image = place.input.reference();
        let programs = place.programs;
        Ok(match self {
            Self::Ours if step == Step::Prune => ours(place, "prune"),
            Self::Ours => ours(place, "pull").args(["--repo-mode", "bare", &image]),
            Self::OursWithoutLabels => {
                ours(place, "pull")
                    .arg("--disable-selinux")
                    .args(["--repo-mode", "bare", &image])
            }
            Self::OursWithoutDigest => ours(place, "pull").arg("--no-composefs-digest").args([
                "--repo-mode",
                "bare",
                &image,
            ]),
            Self::OursFromRegistry => {
                let registry = place.registry.context("no registry was started")?;
                from_registry(place, &registry.name())
            }
            Self::Limit => Run::new(&programs.limit)
                .args(["limit", "--into"])
                .arg(place.repo())
                .args(place.input.layers(1)?),
            Self::OstreeExt => Run::new(&programs.ostree_ext)
                .args(["container", "image", "pull"])
                .arg(place.repo())
                .arg(format!("ostree-unverified-image:{image}")),
            Self::Composefs => Run::new(&programs.composefs)
                .arg("--repo")
                .arg(place.repo())
                .args(["oci", "pull", &image, "host"]),
            Self::Umoci => Run::new("umoci")
                .args(["unpack", "--image"])
                .arg(image.trim_start_matches("oci:"))
                .arg(place.repo()),
            // 2: some entry could not be made as it is, such as a link in the place of a folder.
            Self::Tar => Run::new("sh")
                .args([
                    "-c",
                    "cd \"$0\" && for l; do tar -xf \"$l\" || [ $? = 2 ] || exit 1; done",
                ])
                .arg(place.repo())
                .args(place.input.layers(1)?),
        })
    }
}

/// Our pull of an image in a registry without TLS.
pub(super) fn from_registry(place: &Place<'_>, name: &str) -> Run {
    ours(place, "pull")
        .args(["--repo-mode", "bare", "--insecure-skip-tls-verification"])
        .arg(name)
}

fn ours(place: &Place<'_>, verb: &str) -> Run {
    Run::new(&place.programs.ours)
        .args(["image", verb, "--quiet", "--repo"])
        .arg(place.repo())
}
