//! What a deployment needs and the storage has.

use oci_manifest::Digest;

use crate::registry::{Found, Registry};
use crate::storage::{STORAGE, Storage};
use crate::{BoundReference, Declarations, Error, LockRecord, Source, StoredImage};

/// What is to be done so that a tree's bound images are there. Making it writes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Each image once, in the order of the links that declare it.
    pub images: Vec<PlannedImage>,
}

/// One image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedImage {
    /// The image.
    pub reference: BoundReference,
    /// The links that declare it.
    pub declarations: Vec<String>,
    /// As it is written in the first of them.
    pub declared: String,
    /// What the storage has.
    pub state: ImageState,
    /// What the registry, or another source, says, where it was asked.
    pub registry: Option<Result<Found, String>>,
}

/// What a storage has of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageState {
    /// It is there.
    Present {
        /// Digest of its manifest.
        digest: Digest,
    },
    /// Its name is now that of another image than was recorded for the deployment.
    Drifted {
        /// What was recorded.
        recorded: Digest,
        /// What has the name.
        now: Digest,
        /// The recorded image is still there, without the name.
        recorded_is_there: bool,
    },
    /// No image has its name.
    Missing {
        /// What was recorded for the deployment.
        recorded: Option<Digest>,
    },
}

impl ImageState {
    /// What `images` have of an image for which a deployment recorded that.
    #[must_use]
    pub fn of(reference: &BoundReference, record: &LockRecord, images: &[StoredImage]) -> Self {
        let recorded = record.digest(reference).cloned();
        let Some(image) = images.iter().find(|image| image.answers_to(reference)) else {
            return Self::Missing { recorded };
        };
        match recorded {
            Some(recorded) if !image.has_digest(&recorded) => Self::Drifted {
                recorded_is_there: images.iter().any(|image| image.has_digest(&recorded)),
                recorded,
                now: image.digest.clone(),
            },
            _ => Self::Present {
                digest: image.digest.clone(),
            },
        }
    }

    /// It has to be pulled.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}

impl PlannedImage {
    /// The tag names another image in the registry than in the storage.
    #[must_use]
    pub fn has_moved(&self, images: &[StoredImage]) -> bool {
        let Some(Ok(found)) = &self.registry else {
            return false;
        };
        images
            .iter()
            .filter(|image| image.answers_to(&self.reference))
            .any(|image| !image.has_digest(&found.digest))
    }

    /// What its pull transfers at least, where that is known.
    #[must_use]
    pub fn bytes_to_fetch(&self) -> Option<u64> {
        match (&self.state, &self.registry) {
            (ImageState::Missing { .. }, Some(Ok(found))) => Some(found.bytes),
            (ImageState::Missing { .. }, _) => None,
            _ => Some(0),
        }
    }
}

impl Plan {
    /// Compare declarations with what a storage has. `record` is that of the same deployment, where there is one.
    #[must_use]
    pub fn new(declarations: &Declarations, record: &LockRecord, images: &[StoredImage]) -> Self {
        let mut plan = Self::default();
        for declaration in &declarations.list {
            let reference = &declaration.reference;
            let same = plan
                .images
                .iter_mut()
                .find(|image| image.reference == *reference);
            if let Some(image) = same {
                image.declarations.push(declaration.name.clone());
                continue;
            }
            plan.images.push(PlannedImage {
                declarations: vec![declaration.name.clone()],
                declared: declaration.declared.clone(),
                state: ImageState::of(reference, record, images),
                registry: None,
                reference: reference.clone(),
            });
        }
        plan
    }

    /// Ask sources about images, those that are missing or all: the first that has one answers for it, else the last says
    /// why not.
    pub fn ask(&mut self, registry: &Registry<'_>, sources: &[Source], all: bool) {
        for image in &mut self.images {
            if !all && !image.state.is_missing() {
                continue;
            }
            for source in sources {
                let answer = registry.look_up(&image.reference, source);
                let is_found = answer.is_ok();
                image.registry = Some(answer);
                if is_found {
                    break;
                }
            }
        }
    }

    /// Nothing has to be pulled.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.images.iter().any(|image| image.state.is_missing())
    }

    /// That what is missing, as far as its size is known, fits on the storage's file system.
    ///
    /// # Errors
    /// [`Error::NoSpace`].
    pub fn check_space(&self, storage: &Storage) -> Result<(), Error> {
        let needed_bytes = self
            .images
            .iter()
            .filter_map(PlannedImage::bytes_to_fetch)
            .fold(0, u64::saturating_add);
        let available_bytes = storage.available_bytes()?;
        if needed_bytes > available_bytes {
            return Err(Error::NoSpace {
                needed_bytes,
                available_bytes,
                place: STORAGE,
            });
        }
        Ok(())
    }
}
