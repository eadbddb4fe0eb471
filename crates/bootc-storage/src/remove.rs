//! Removing images by name.

use std::collections::BTreeMap;

use oci_manifest::ImageReference;
use ostree_refs::RefName;

use crate::lock::LockMode;
use crate::prune::{PrunePlan, Pruned};
use crate::stored::image_ref_of;
use crate::{Error, Event, Observer, Phase, Storage};

/// What a removal did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    /// Names of the images that were there and are gone.
    pub images: Vec<String>,
    /// What nothing needed any more.
    pub pruned: Pruned,
}

/// What a removal would do.
#[derive(Debug)]
pub struct RemovePlan {
    /// Names of the images that would go.
    pub images: Vec<String>,
    /// What would go with them, and what stays for which reason.
    pub prune: PrunePlan,
}

impl Storage {
    /// Find out what removing these images would do. Writes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a name that is not stored; otherwise as [`Self::plan_prune`].
    pub fn plan_remove(
        &self,
        images: &[ImageReference],
        observer: &Observer,
    ) -> Result<RemovePlan, Error> {
        observer(Event::Phase(Phase::Prune));
        let refs = self.stored_names(images)?;
        let without: Vec<String> = refs.keys().map(ToString::to_string).collect();
        Ok(RemovePlan {
            images: refs.values().map(ImageReference::to_string).collect(),
            prune: self.plan_prune_without(&without, observer)?,
        })
    }

    /// Remove images, then the layers and objects that nothing needs any more. What a deployment boots stays: its own
    /// ref keeps it.
    ///
    /// All names are looked up first: if one is missing, nothing is removed.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a name that is not stored; otherwise as [`Self::apply_prune`].
    pub fn remove(&self, images: &[ImageReference], observer: &Observer) -> Result<Removed, Error> {
        let mut removed = Removed::default();
        let layers = {
            let _lock = self.lock(LockMode::Exclusive, observer)?;
            let refs = self.stored_names(images)?;
            self.delete_refs(refs.keys().map(RefName::as_str))?;
            removed
                .images
                .extend(refs.values().map(ImageReference::to_string));
            self.remove_layer_refs(observer)?
        };
        removed.pruned = self.prune_objects(&layers)?;
        Ok(removed)
    }

    /// Refs and names of stored images, each once.
    fn stored_names(
        &self,
        images: &[ImageReference],
    ) -> Result<BTreeMap<RefName, ImageReference>, Error> {
        let mut refs = BTreeMap::new();
        for reference in images {
            let (name, ref_name) = self.stored_name(reference)?;
            refs.insert(ref_name, name);
        }
        Ok(refs)
    }

    /// The name under which the image is stored, and its ref: as it is written, else in canonical form.
    fn stored_name(&self, reference: &ImageReference) -> Result<(ImageReference, RefName), Error> {
        for name in [reference.clone(), reference.canonical()] {
            let ref_name = image_ref_of(&name)?;
            // A ref that is there and broken can be removed all the same.
            if !matches!(self.repo.resolve_ref(ref_name.as_str()), Ok(None)) {
                return Ok((name, ref_name));
            }
        }
        Err(Error::NotFound {
            reference: reference.to_string(),
        })
    }
}
