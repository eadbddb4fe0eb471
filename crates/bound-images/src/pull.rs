//! Pulling what is missing: several at once, again what may pass, and none by name only.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use oci_manifest::Digest;

use crate::plan::{ImageState, Plan, PlannedImage};
use crate::program::{Activity, Watch, failed};
use crate::spool::Spool;
use crate::storage::{Running, Storage};
use crate::{
    Access, BoundReference, Credentials, Error, Event, LockRecord, OnEvent, PullFailure, Source,
};

/// How images are pulled.
#[derive(Debug, Clone)]
pub struct PullConfig {
    /// For registries.
    pub credentials: Credentials,
    /// How sources are read.
    pub access: Access,
    /// Where images are taken from; the first that has one.
    pub sources: Vec<Source>,
    /// How many at once.
    pub jobs: NonZeroUsize,
    /// How often a pull is tried that failed in a way that may pass; podman tries thrice each time.
    pub attempts: u32,
    /// The wait after the first failure; it doubles.
    pub first_delay: Duration,
    /// A pull that neither reads nor writes for so long, nor one beside it, is ended and tried again.
    pub stall: Duration,
}

/// What a pull did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// Every image of the plan with the digest that it has now; one that drifted with the digest that was recorded.
    pub record: LockRecord,
    /// Those that were pulled.
    pub pulled: Vec<BoundReference>,
}

impl Storage {
    /// Pull what a plan says is missing, then see that all of it is there. What is there is not touched. When this
    /// returns `Ok`, podman has synced it as it syncs images. One at a time: what another had transferred so far would go.
    ///
    /// # Errors
    /// [`Error::Pull`] for the first image that fails: those under way are finished, no other is begun, and what is
    /// stored stays for the next time. [`Error::NotStored`].
    pub fn pull_missing(
        &self,
        plan: &Plan,
        config: &PullConfig,
        on_event: OnEvent<'_>,
    ) -> Result<Synced, Error> {
        let missing: Vec<&PlannedImage> = plan
            .images
            .iter()
            .filter(|image| image.state.is_missing())
            .collect();
        self.pull_each(&missing, config, on_event)?;
        let images = self.images()?;
        let digest = |image: &PlannedImage| -> Result<(BoundReference, Digest), Error> {
            // What a deployment was made with stays what it needs, whatever has its name now.
            if let ImageState::Drifted { recorded, .. } = &image.state {
                return Ok((image.reference.clone(), recorded.clone()));
            }
            match ImageState::of(&image.reference, &LockRecord::default(), &images) {
                ImageState::Present { digest } => Ok((image.reference.clone(), digest)),
                _ => Err(Error::NotStored {
                    reference: image.reference.to_string(),
                }),
            }
        };
        let record: LockRecord = plan.images.iter().map(digest).collect::<Result<_, _>>()?;
        for image in &missing {
            if let Some(digest) = record.digest(&image.reference) {
                on_event(&Event::Pulled {
                    reference: image.reference.clone(),
                    digest: digest.clone(),
                });
            }
        }
        Ok(Synced {
            record,
            pulled: missing
                .iter()
                .map(|image| image.reference.clone())
                .collect(),
        })
    }

    fn pull_each(
        &self,
        missing: &[&PlannedImage],
        config: &PullConfig,
        on_event: OnEvent<'_>,
    ) -> Result<(), Error> {
        let spool = Spool::open(&self.root).map_err(spooling)?;
        let pull = Pull {
            storage: self,
            config,
            on_event,
            spool,
            activity: Activity::new(),
        };
        let pulled = pull.each(missing);
        crate::spool::remove(&self.root).map_err(spooling)?;
        pulled
    }
}

/// Pulls under way.
struct Pull<'a> {
    storage: &'a Storage,
    config: &'a PullConfig,
    on_event: OnEvent<'a>,
    spool: Spool,
    activity: Activity,
}

impl Pull<'_> {
    fn each(&self, missing: &[&PlannedImage]) -> Result<(), Error> {
        // What is left to begin, and the first failure, after which nothing is begun.
        let left = Mutex::new((missing.iter(), None::<Error>));
        let lock = || {
            left.lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
        };
        let next = || {
            let mut left = lock();
            match left.1 {
                None => left.0.next(),
                Some(_) => None,
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..self.config.jobs.get().min(missing.len()) {
                scope.spawn(|| {
                    while let Some(image) = next() {
                        if let Err(error) = self.one(image) {
                            lock().1.get_or_insert(error);
                        }
                    }
                });
            }
        });
        lock().1.take().map_or(Ok(()), Err)
    }

    fn one(&self, image: &PlannedImage) -> Result<(), Error> {
        let reference = &image.reference;
        let recorded = match &image.state {
            ImageState::Missing { recorded } => recorded.as_ref(),
            _ => None,
        };
        // A tag that was something else when the deployment was made is asked for by what it was.
        if let (Some(digest), Some(_)) = (recorded, reference.tag()) {
            let pulled = match source_of(image, digest) {
                Some(source) => self.from(image, reference, source),
                None => self.recorded(image, digest),
            };
            match pulled {
                Err(error) if is_not_found(&error) => {
                    self.tell_not_there(reference, &Source::Registry, &error);
                }
                done => return done,
            }
        }
        let (last, others) = match self.config.sources.split_last() {
            Some(split) => split,
            None => (&Source::Registry, &[][..]),
        };
        for source in others {
            match self.from(image, reference, source) {
                Err(error) if is_not_found(&error) => {
                    self.tell_not_there(reference, source, &error);
                }
                done => return done,
            }
        }
        self.from(image, reference, last)
    }

    /// Pull by digest, and give it the name that it had.
    fn recorded(&self, image: &PlannedImage, digest: &Digest) -> Result<(), Error> {
        let exact = image.reference.at(digest.clone());
        let images = self.storage.images()?;
        if !images.iter().any(|image| image.answers_to(&exact)) {
            self.from(image, &exact, &Source::Registry)?;
        }
        let (exact, name) = (exact.to_string(), image.reference.to_string());
        let arguments = ["image", "tag", &exact, &name];
        let ended = self.storage.ask_podman(&arguments)?;
        if ended.success {
            Ok(())
        } else {
            Err(failed("podman", &arguments, &ended))
        }
    }

    /// Pull what `image` is declared as, under the name `reference`.
    fn from(
        &self,
        image: &PlannedImage,
        reference: &BoundReference,
        source: &Source,
    ) -> Result<(), Error> {
        (self.on_event)(&Event::Pulling {
            reference: reference.clone(),
            source: source.clone(),
        });
        let attempts = self.config.attempts;
        let mut delay = self.config.first_delay;
        let mut attempt = 1;
        loop {
            let error = match self.once(image, reference, source) {
                Err(error) if error.is_retryable() && attempt < attempts => error,
                done => return done,
            };
            (self.on_event)(&Event::Retrying {
                reference: reference.clone(),
                attempt,
                attempts,
                delay,
                message: error.to_string(),
            });
            std::thread::sleep(delay);
            delay = delay.saturating_mul(2);
            attempt += 1;
        }
    }

    fn once(
        &self,
        image: &PlannedImage,
        reference: &BoundReference,
        source: &Source,
    ) -> Result<(), Error> {
        let place = self.spool.place().map_err(spooling)?;
        let total = expected_bytes(image, source);
        let told = AtomicU64::new(0);
        let look = || {
            let bytes = place.blob_bytes();
            if bytes > told.fetch_max(bytes, Ordering::Relaxed) {
                (self.on_event)(&Event::Progress {
                    reference: reference.clone(),
                    bytes,
                    total,
                });
            }
        };
        let running = Running {
            credentials: &self.config.credentials,
            place: Some(&place),
            watch: Watch {
                stall: self.config.stall,
                activity: &self.activity,
                look: &look,
            },
        };
        self.storage
            .take(reference, source, &self.config.access, &running)
    }

    fn tell_not_there(&self, reference: &BoundReference, source: &Source, error: &Error) {
        (self.on_event)(&Event::NotThere {
            reference: reference.clone(),
            source: source.clone(),
            message: error.to_string(),
        });
    }
}

/// A source that is known to have exactly this under the image's name.
fn source_of<'a>(image: &'a PlannedImage, digest: &Digest) -> Option<&'a Source> {
    let answer = image.answer.as_ref()?;
    let found = answer.found.as_ref().ok()?;
    (found.digest == *digest).then_some(&answer.source)
}

/// What comes from a source, if that is the one that was asked. The machine's own storage gives layers unpacked, and says
/// how large they were when they came to it.
fn expected_bytes(image: &PlannedImage, source: &Source) -> Option<u64> {
    let answer = image.answer.as_ref()?;
    let is_exact = answer.source == *source && *source != Source::Machine;
    is_exact.then(|| image.bytes_to_fetch()).flatten()
}

fn is_not_found(error: &Error) -> bool {
    matches!(
        error,
        Error::Pull {
            kind: PullFailure::NotFound,
            ..
        }
    )
}

fn spooling(source: std::io::Error) -> Error {
    Error::Io {
        action: "make a place for the blobs of bound images",
        source,
    }
}
