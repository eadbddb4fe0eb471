//! Removing images by name.

use oci_manifest::ImageReference;
use ostree_refs::image_ref;

use crate::lock::LockMode;
use crate::prune::Pruned;
use crate::{Error, Observer, Storage};

/// What a removal did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    /// Names of the images that were there and are gone.
    pub images: Vec<String>,
    /// What nothing needed any more.
    pub pruned: Pruned,
}

impl Storage {
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
            let mut refs = Vec::with_capacity(images.len());
            for reference in images {
                let name = image_ref(reference).map_err(|source| Error::Ref {
                    reference: reference.to_string(),
                    source,
                })?;
                // A ref that is there and broken can be removed all the same.
                if matches!(self.repo.resolve_ref(name.as_str()), Ok(None)) {
                    return Err(Error::NotFound {
                        reference: reference.to_string(),
                    });
                }
                refs.push((reference.to_string(), name));
            }
            for (reference, name) in refs {
                self.delete_ref(name.as_str())?;
                removed.images.push(reference);
            }
            self.remove_layer_refs(observer)?
        };
        removed.pruned = self.prune_objects(layers)?;
        Ok(removed)
    }
}
