//! Whether two contestants came to the same result: looked at in a run that is not measured.

use super::contestant::{Contestant, Place, Step};
use super::dump;
use super::objects::{self, Objects};
use crate::image::compare::{self, Rule};
use crate::image::unpacked;
use crate::run::Run;
use anyhow::{Context as _, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// What a comparison with ours came to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) enum Verdict {
    /// What was equal.
    Equal(String),
    /// Why the results cannot be held against each other.
    OtherFormat(String),
    Differs(String),
}

impl Verdict {
    /// Whether speeds may be compared.
    pub(super) fn allows_ratio(&self) -> bool {
        !matches!(self, Self::Differs(_))
    }
}

/// Our results of one case, kept until all peers have been held against them.
#[derive(Debug)]
pub(super) struct Reference {
    folder: PathBuf,
    encapsulated: bool,
    objects: Objects,
}

/// Labels of derived layers are written by some and not by others; all else must agree.
const RULE: Rule = Rule {
    owners: true,
    labels: false,
};

impl Reference {
    pub(super) fn new(scratch: &Path, encapsulated: bool) -> Result<Self> {
        let folder = scratch.join("reference");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir(&folder)?;
        Ok(Self {
            folder,
            encapsulated,
            objects: Objects::default(),
        })
    }

    /// Takes our result, or holds a peer's against it. `None` where the step leaves no tree.
    pub(super) fn judge(
        &mut self,
        who: Contestant,
        step: Step,
        place: &Place<'_>,
    ) -> Result<Option<Verdict>> {
        if !matches!(step, Step::First | Step::Update) {
            return Ok(None);
        }
        let ours = self.folder.join(format!("{step:?}"));
        if who == Contestant::Ours {
            checkout(place, &ours)?;
            if step == Step::First {
                self.objects = objects::below(&place.repo().join("objects"))?;
            }
            return Ok(None);
        }
        let verdict = match self.compare(who, place, &ours) {
            Ok(verdict) => verdict,
            Err(error) => Verdict::Differs(format!("{error:#}")),
        };
        Ok(Some(verdict))
    }

    fn compare(&self, who: Contestant, place: &Place<'_>, ours: &Path) -> Result<Verdict> {
        let found = match who {
            Contestant::OstreeExt
            | Contestant::OursFromRegistry
            | Contestant::OursWithoutLabels
            | Contestant::OursWithoutDigest => {
                let found = self.folder.join("peer");
                checkout(place, &found)?;
                found
            }
            Contestant::Umoci => {
                let found = place.repo().join("rootfs");
                unpacked::place(&found)?;
                found
            }
            Contestant::Composefs => {
                let entries = dump::compare(place, ours)?;
                return Ok(Verdict::Equal(format!(
                    "{entries} entries of its dump: all but content"
                )));
            }
            Contestant::Limit if self.encapsulated => {
                return Ok(Verdict::OtherFormat(
                    "it takes objects of a commit for files".into(),
                ));
            }
            Contestant::Limit => {
                let count = self.objects.compare(&objects::below(&place.repo())?)?;
                return Ok(Verdict::Equal(format!("{count} objects")));
            }
            Contestant::Tar | Contestant::Ours => {
                return Ok(Verdict::OtherFormat(
                    "it deletes nothing for a whiteout".into(),
                ));
            }
        };
        let compared = compare::trees(ours, &found, RULE)?;
        fs::remove_dir_all(&found)?;
        Ok(Verdict::Equal(format!("{} entries", compared.entries())))
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("{}: {error}", self.folder.display());
        }
    }
}

fn checkout(place: &Place<'_>, to: &Path) -> Result<()> {
    let repo = format!("--repo={}", place.repo().display());
    let refs = Run::new("ostree").args(["refs", &repo]).read()?;
    let mut images = refs
        .lines()
        .filter(|name| name.starts_with("ostree/container/image/"));
    let image = images.next().context("no image is in the repository")?;
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    Run::new("ostree")
        .args(["checkout", &repo, image])
        .arg(to)
        .read()
        .map(drop)
}
