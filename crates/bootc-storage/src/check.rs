//! Whether stored images are whole: refs, commits, manifests, and every object's content.

mod uses;

use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::{num::NonZeroUsize, sync::PoisonError, thread};

use oci_manifest::{Digest, ImageReference, Role};
use ostree_layer::DIFF_ID_KEY;
use ostree_objects::{Checksum, ObjectName, ObjectType};
use ostree_store::{Repo, Verdict};

use crate::list::chain;
use crate::reach::Reachable;
use crate::stored::{StoredImage, StoredLayer, text};
use crate::{Error, Event, Observer, Phase, Storage};

/// The outcome of a check.
#[derive(Debug, Default)]
pub struct CheckReport {
    /// Names of the images that were checked.
    pub images: Vec<String>,
    /// Objects that were read and hashed.
    pub objects: u64,
    /// What is wrong, in no particular order.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The image it was found in; none for an object that several may share.
    pub image: Option<String>,
    /// The ref, layer or object.
    pub subject: String,
    /// What is wrong with it.
    pub what: String,
    /// Every stored image that needs it, be it for a layer only, checked or not.
    pub images: Vec<String>,
    /// Where an object is in one of their merged trees: a few paths of possibly many, none for what is in none.
    pub paths: Vec<String>,
    /// What mends it.
    pub advice: &'static str,
}

const PULL_AGAIN: &str =
    "remove the image, and every other that shares what is damaged, and pull it again";

impl Storage {
    /// Check the named images, or all.
    ///
    /// Every object that an image or one of its layers leads to is read and hashed, each once. Problems are collected,
    /// none ends the check.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a name that is not stored, and when the repository cannot be read at all.
    pub fn check(
        &self,
        names: &[ImageReference],
        jobs: NonZeroUsize,
        observer: &Observer,
    ) -> Result<CheckReport, Error> {
        observer(Event::Phase(Phase::Check));
        let _lock = self.lock_for_reading(observer)?;
        let mut report = CheckReport::default();
        let mut reachable = Reachable::default();
        for image in self.images_to_check(names, &mut report)? {
            self.check_image(&image, &mut reachable, &mut report)?;
            report.images.push(image.reference.to_string());
        }
        let mut damaged = check_objects(&self.repo, &reachable.objects, jobs, &mut report)?;
        // An object that is missing or damaged could not be walked either: said once.
        for (name, reason) in reachable.unreadable {
            damaged.entry(name).or_insert(reason);
        }
        self.tell_damaged(damaged, &mut report)?;
        Ok(report)
    }

    /// A problem for each object that is not as it should be, with what it is part of.
    fn tell_damaged(
        &self,
        damaged: BTreeMap<ObjectName, String>,
        report: &mut CheckReport,
    ) -> Result<(), Error> {
        if damaged.is_empty() {
            return Ok(());
        }
        let names: HashSet<ObjectName> = damaged.keys().copied().collect();
        let mut uses = uses::find(self, &self.list()?.images, &names)?;
        for (name, what) in damaged {
            let uses = uses.remove(&name).unwrap_or_default();
            report.problems.push(Problem {
                images: uses.images,
                paths: uses.paths,
                ..problem(None, name.to_string(), what)
            });
        }
        Ok(())
    }

    fn images_to_check(
        &self,
        names: &[ImageReference],
        report: &mut CheckReport,
    ) -> Result<Vec<StoredImage>, Error> {
        if !names.is_empty() {
            let mut images: Vec<StoredImage> = Vec::with_capacity(names.len());
            for name in names {
                match self.inspect(name) {
                    // A name may come twice, or once as it is and once in canonical form.
                    Ok(image) if images.iter().any(|other| is_same(other, &image)) => {}
                    Ok(image) => images.push(image),
                    Err(error @ (Error::NotFound { .. } | Error::Ref { .. })) => return Err(error),
                    Err(error) => {
                        let name = name.to_string();
                        report
                            .problems
                            .push(problem(Some(&name), name.clone(), chain(&error)));
                    }
                }
            }
            return Ok(images);
        }
        let listed = self.list()?;
        for unreadable in listed.unreadable {
            report
                .problems
                .push(problem(None, unreadable.name, unreadable.reason));
        }
        Ok(listed.images)
    }

    fn check_image(
        &self,
        image: &StoredImage,
        reachable: &mut Reachable,
        report: &mut CheckReport,
    ) -> Result<(), Error> {
        let name = image.reference.to_string();
        reachable.add_commit(&self.repo, image.merge_commit);
        if image.config.diff_ids().len() < image.manifest.layers().len() {
            report.problems.push(problem(
                Some(&name),
                "config".to_owned(),
                "names fewer diff_ids than the manifest has layers".to_owned(),
            ));
        }
        for layer in image.layers(self)? {
            match layer.commit {
                None => report.problems.push(problem(
                    Some(&name),
                    format!("layer {} ({})", layer.index, layer.digest),
                    "its ref is missing or leads nowhere".to_owned(),
                )),
                Some(commit) => {
                    reachable.add_commit(&self.repo, commit);
                    self.check_layer(&name, &layer, &commit, report);
                }
            }
        }
        Ok(())
    }

    /// What the layer commit says of its diff_id agrees with the config.
    fn check_layer(
        &self,
        image: &str,
        layer: &StoredLayer,
        commit: &Checksum,
        report: &mut CheckReport,
    ) {
        if self.repo.is_partial(commit).unwrap_or(true) {
            report.problems.push(problem(
                Some(image),
                format!("layer {} ({})", layer.index, layer.digest),
                "its commit is marked as one that lacks objects".to_owned(),
            ));
        }
        let Ok(commit) = self.repo.read_commit(commit) else {
            return;
        };
        let recorded = text(&commit, DIFF_ID_KEY).and_then(|text| text.parse::<Digest>().ok());
        if layer.role == Some(Role::Derived)
            && let (Some(recorded), Some(claimed)) = (recorded, &layer.diff_id)
            && recorded != *claimed
        {
            report.problems.push(problem(
                Some(image),
                format!("layer {} ({})", layer.index, layer.digest),
                format!("its diff_id is {recorded}, the config says {claimed}"),
            ));
        }
    }
}

/// Read and hash `objects`. Returns what is wrong with those that are not as they should be.
fn check_objects(
    repo: &Repo,
    objects: &HashSet<ObjectName>,
    jobs: NonZeroUsize,
    report: &mut CheckReport,
) -> Result<BTreeMap<ObjectName, String>, Error> {
    let objects: Vec<&ObjectName> = objects.iter().collect();
    let next = AtomicUsize::new(0);
    let checked = AtomicU64::new(0);
    let problems = Mutex::new(Vec::new());
    let denied = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..jobs.get() {
            scope.spawn(|| {
                while let Some(name) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let what = match repo.verify(name) {
                        Ok(Verdict::Good) => {
                            checked.fetch_add(1, Ordering::Relaxed);
                            continue;
                        }
                        // Detached metadata is optional.
                        Ok(Verdict::Missing) if name.object_type == ObjectType::CommitMeta => {
                            continue;
                        }
                        Ok(Verdict::Missing) => "is missing".to_owned(),
                        Ok(Verdict::Corrupt { found }) => {
                            format!("is corrupt: it hashes to {found}")
                        }
                        // What we may not read is not damaged: whoever may has to check.
                        Ok(Verdict::Unreadable { reason: error }) | Err(error)
                            if is_denied(&error) =>
                        {
                            next.fetch_max(objects.len(), Ordering::Relaxed);
                            *denied.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                            return;
                        }
                        Ok(Verdict::Unreadable { reason: error }) | Err(error) => chain(&error),
                    };
                    problems
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((**name, what));
                }
            });
        }
    });
    if let Some(source) = denied.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(Error::Store {
            action: "read an object",
            source,
        });
    }
    report.objects += checked.into_inner();
    let damaged = problems
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    Ok(damaged.into_iter().collect())
}

fn is_same(one: &StoredImage, other: &StoredImage) -> bool {
    one.reference == other.reference
}

fn is_denied(error: &ostree_store::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return io.kind() == std::io::ErrorKind::PermissionDenied;
        }
        cause = error.source();
    }
    false
}

fn problem(image: Option<&str>, subject: String, what: String) -> Problem {
    Problem {
        image: image.map(str::to_owned),
        subject,
        what,
        images: image.map(str::to_owned).into_iter().collect(),
        paths: Vec::new(),
        advice: PULL_AGAIN,
    }
}
