//! What a deployment needs and the storage has.

use std::collections::{BTreeMap, BTreeSet};

use oci_manifest::Digest;

use crate::registry::Found;
use crate::{BoundReference, Declarations, LockRecord, Source, StoredImage};

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
    /// What the source that has it says, or the last that was asked.
    pub answer: Option<Answer>,
}

/// What a source says of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The source.
    pub source: Source,
    /// What it has, without the blobs that the storage has already; in words, why nothing is known.
    pub found: Result<Found, String>,
}

/// Who says what a source has.
pub trait LookUp {
    /// What a source has under this name.
    ///
    /// # Errors
    /// In words, why nothing is known, for whatever reason: who plans goes on without.
    fn look_up(&self, reference: &BoundReference, source: &Source) -> Result<Found, String>;
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
    /// What a source has, if one was asked and has it.
    #[must_use]
    pub fn found(&self) -> Option<&Found> {
        self.answer.as_ref()?.found.as_ref().ok()
    }

    /// The tag names another image at the source than in the storage.
    #[must_use]
    pub fn has_moved(&self, images: &[StoredImage]) -> bool {
        let Some(found) = self.found() else {
            return false;
        };
        images
            .iter()
            .filter(|image| image.answers_to(&self.reference))
            .any(|image| !image.has_digest(&found.digest))
    }

    /// What its pull transfers, where that is known.
    #[must_use]
    pub fn bytes_to_fetch(&self) -> Option<u64> {
        match self.state {
            ImageState::Missing { .. } => self.found().map(Found::bytes),
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
                answer: None,
                reference: reference.clone(),
            });
        }
        plan
    }

    /// Ask sources about images, those that are missing or all: the first that has one answers for it, else the last says
    /// why not. `stored` is what the storage has of blobs.
    pub fn ask(
        &mut self,
        look_up: &dyn LookUp,
        sources: &[Source],
        all: bool,
        stored: &BTreeSet<Digest>,
    ) {
        for image in &mut self.images {
            if !all && !image.state.is_missing() {
                continue;
            }
            for source in sources {
                let mut found = look_up.look_up(&image.reference, source);
                if let Ok(found) = &mut found {
                    found.blobs.retain(|digest, _| !stored.contains(digest));
                }
                let is_found = found.is_ok();
                image.answer = Some(Answer {
                    source: source.clone(),
                    found,
                });
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

    /// What the pull of all that is missing transfers, as far as it is known. A blob that several images have counts once.
    #[must_use]
    pub fn bytes_to_fetch(&self) -> u64 {
        let missing = self.images.iter().filter(|image| image.state.is_missing());
        let blobs: BTreeMap<&Digest, u64> = missing
            .filter_map(PlannedImage::found)
            .flat_map(|found| &found.blobs)
            .map(|(digest, bytes)| (digest, *bytes))
            .collect();
        blobs.into_values().fold(0, u64::saturating_add)
    }
}
