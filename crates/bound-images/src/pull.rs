//! Pulling what is missing: several at once, again what may pass, and none by name only.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::Duration;

use oci_manifest::Digest;

use crate::plan::{ImageState, Plan, PlannedImage};
use crate::program::failed;
use crate::storage::Storage;
use crate::{BoundReference, Credentials, Error, Event, LockRecord, OnEvent, PullFailure, Source};

/// How images are pulled.
#[derive(Debug, Clone)]
pub struct PullConfig {
    /// For registries.
    pub credentials: Credentials,
    /// Where images are taken from; the first that has one.
    pub sources: Vec<Source>,
    /// How many at once.
    pub jobs: NonZeroUsize,
    /// How often a pull is tried that failed in a way that may pass; podman tries thrice each time.
    pub attempts: u32,
    /// The wait after the first failure; it doubles.
    pub first_delay: Duration,
}

/// What a pull did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// Every image of the plan with the digest that it has now.
    pub record: LockRecord,
    /// Those that were pulled.
    pub pulled: Vec<BoundReference>,
}

impl Storage {
    /// Pull what a plan says is missing, then see that all of it is there. What is there is not touched. When this
    /// returns `Ok`, podman has synced it as it syncs images.
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
            for _ in 0..config.jobs.get().min(missing.len()) {
                scope.spawn(|| {
                    while let Some(image) = next() {
                        if let Err(error) = self.pull_one(image, config, on_event) {
                            lock().1.get_or_insert(error);
                        }
                    }
                });
            }
        });
        lock().1.take().map_or(Ok(()), Err)
    }

    fn pull_one(
        &self,
        image: &PlannedImage,
        config: &PullConfig,
        on_event: OnEvent<'_>,
    ) -> Result<(), Error> {
        let reference = &image.reference;
        let recorded = match &image.state {
            ImageState::Missing { recorded } => recorded.as_ref(),
            _ => None,
        };
        // A tag that was something else when the deployment was made is asked for by what it was.
        if let (Some(digest), Some(_)) = (recorded, reference.tag()) {
            match self.pull_recorded(reference, digest, config, on_event) {
                Err(error) if is_not_found(&error) => on_event(&Event::NotThere {
                    reference: reference.clone(),
                    source: Source::Registry,
                    message: error.to_string(),
                }),
                done => return done,
            }
        }
        let (last, others) = match config.sources.split_last() {
            Some(split) => split,
            None => (&Source::Registry, &[][..]),
        };
        for source in others {
            match self.pull_from(reference, source, config, on_event) {
                Err(error) if is_not_found(&error) => on_event(&Event::NotThere {
                    reference: reference.clone(),
                    source: source.clone(),
                    message: error.to_string(),
                }),
                done => return done,
            }
        }
        self.pull_from(reference, last, config, on_event)
    }

    /// Pull by digest, and give it the name that it had.
    fn pull_recorded(
        &self,
        reference: &BoundReference,
        digest: &Digest,
        config: &PullConfig,
        on_event: OnEvent<'_>,
    ) -> Result<(), Error> {
        let exact = reference.at(digest.clone());
        let images = self.images()?;
        if !images.iter().any(|image| image.answers_to(&exact)) {
            self.pull_from(&exact, &Source::Registry, config, on_event)?;
        }
        let (exact, name) = (exact.to_string(), reference.to_string());
        let arguments = ["image", "tag", &exact, &name];
        let ended = self.podman(&arguments, &Credentials::None, &|| {})?;
        if ended.success {
            Ok(())
        } else {
            Err(failed("podman", &arguments, &ended))
        }
    }

    fn pull_from(
        &self,
        reference: &BoundReference,
        source: &Source,
        config: &PullConfig,
        on_event: OnEvent<'_>,
    ) -> Result<(), Error> {
        on_event(&Event::Pulling {
            reference: reference.clone(),
            source: source.clone(),
        });
        let mut delay = config.first_delay;
        let mut attempt = 1;
        loop {
            let error = match self.take(reference, source, &config.credentials, &|| {}) {
                Err(error) if error.is_retryable() && attempt < config.attempts => error,
                done => return done,
            };
            on_event(&Event::Retrying {
                reference: reference.clone(),
                attempt,
                attempts: config.attempts,
                delay,
                message: error.to_string(),
            });
            std::thread::sleep(delay);
            delay = delay.saturating_mul(2);
            attempt += 1;
        }
    }
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
