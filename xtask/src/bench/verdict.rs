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
    /// Whether somebody's files are held against ours.
    has_files: bool,
    /// Names of the commits' trees, of which equal files have equal ones.
    trees: Vec<(Step, String)>,
}

/// Labels of derived layers are written by some and not by others; all else must agree.
const RULE: Rule = Rule {
    owners: true,
    labels: false,
};

impl Reference {
    /// For these contestants.
    pub(super) fn new(
        scratch: &Path,
        contestants: &[Contestant],
        encapsulated: bool,
    ) -> Result<Self> {
        let folder = scratch.join("reference");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir(&folder)?;
        Ok(Self {
            folder,
            encapsulated,
            objects: Objects::default(),
            has_files: contestants.iter().any(|who| has_files(*who)),
            trees: Vec::new(),
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
            self.trees.push((step, tree(place)?));
            if self.has_files {
                checkout(place, &ours)?;
            }
            if step == Step::First {
                self.objects = objects::below(&place.repo().join("objects"))?;
            }
            return Ok(None);
        }
        let verdict = match self.compare(who, step, place, &ours) {
            Ok(verdict) => verdict,
            Err(error) => Verdict::Differs(format!("{error:#}")),
        };
        Ok(Some(verdict))
    }

    fn compare(
        &self,
        who: Contestant,
        step: Step,
        place: &Place<'_>,
        ours: &Path,
    ) -> Result<Verdict> {
        let found = match who {
            Contestant::OursFromRegistry | Contestant::OursWithoutDigest
                if self.trees.contains(&(step, tree(place)?)) =>
            {
                return Ok(Verdict::Equal("the commit's tree".into()));
            }
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

/// Whether its result is looked at file by file.
fn has_files(who: Contestant) -> bool {
    !matches!(who, Contestant::Ours | Contestant::Limit | Contestant::Tar)
}

/// The root's line, with the checksums of its dirtree and dirmeta.
fn tree(place: &Place<'_>) -> Result<String> {
    let (repo, image) = image_in(place)?;
    Run::new("ostree")
        .args(["ls", "--checksum", "--dironly", &repo, &image, "/"])
        .read()
}

fn checkout(place: &Place<'_>, to: &Path) -> Result<()> {
    let (repo, image) = image_in(place)?;
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    Run::new("ostree")
        .args(["checkout", &repo, &image])
        .arg(to)
        .read()
        .map(drop)
}

/// The repository, as an option, and its one image.
fn image_in(place: &Place<'_>) -> Result<(String, String)> {
    let repo = format!("--repo={}", place.repo().display());
    let refs = Run::new("ostree").args(["refs", &repo]).read()?;
    let mut images = refs
        .lines()
        .filter(|name| name.starts_with("ostree/container/image/"));
    let image = images.next().context("no image is in the repository")?;
    Ok((repo, image.to_owned()))
}
