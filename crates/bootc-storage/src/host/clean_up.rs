//! Removing what no deployment needs any more.

use std::collections::BTreeSet;

use oci_manifest::ImageReference;

use super::LockedHost;
use super::deployment::Deployments;
use super::sysroot::libostree;
use super::update::stored_name;
use crate::prune::{PrunePlan, Pruned};
use crate::storage::NO_CANCEL;
use crate::stored::image_ref_of;
use crate::{Error, Event, Observer, Phase};

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CleanedUp {
    /// Names of images that deployments had and none has any more.
    pub images: Vec<String>,
    /// Layers and objects.
    pub pruned: Pruned,
}

impl LockedHost {
    /// The names of stored images that deployments take upgrades from.
    ///
    /// # Errors
    /// When the deployments cannot be read.
    pub fn deployed_images(&self) -> Result<BTreeSet<String>, Error> {
        Ok(images_of(&self.deployments()?))
    }

    /// Remove what deployments left that are gone: their directories and boot files, their refs, the images among
    /// `before` that none takes upgrades from any more, and what nothing needs then. Refs of deployments are written anew,
    /// by libostree.
    ///
    /// # Errors
    /// As [`Storage::apply_prune`](crate::Storage::apply_prune); when libostree refuses.
    pub fn clean_up(
        &mut self,
        before: &BTreeSet<String>,
        observer: &Observer,
    ) -> Result<CleanedUp, Error> {
        self.sysroot
            .prepare_cleanup(NO_CANCEL)
            .map_err(libostree("clean up after the deployments that are gone"))?;
        let after = self.deployed_images()?;
        let gone = self.stored_among(before.difference(&after))?;
        if gone.is_empty() {
            return Ok(CleanedUp {
                images: Vec::new(),
                pruned: self.storage.apply_prune(observer)?,
            });
        }
        let removed = self.storage.remove(&gone, observer)?;
        Ok(CleanedUp {
            images: removed.images,
            pruned: removed.pruned,
        })
    }

    /// What a clean-up would remove of the repository, and why the rest stays. Writes nothing.
    ///
    /// # Errors
    /// When refs, deployments or objects cannot be read.
    pub fn plan_clean_up(
        &self,
        before: &BTreeSet<String>,
        observer: &Observer,
    ) -> Result<PrunePlan, Error> {
        observer(Event::Phase(Phase::Prune));
        let after = self.deployed_images()?;
        let gone = self.stored_among(before.difference(&after))?;
        let mut refs = Vec::new();
        for image in gone {
            refs.push(image_ref_of(&image)?.to_string());
        }
        self.storage.plan_prune_without(&refs, observer)
    }

    /// Stored images that no deployment takes upgrades from.
    ///
    /// # Errors
    /// When refs or deployments cannot be read.
    pub fn undeployed_images(&self) -> Result<BTreeSet<String>, Error> {
        let deployed = self.deployed_images()?;
        let stored = self.storage.list()?.images.into_iter();
        Ok(stored
            .map(|image| image.reference.to_string())
            .filter(|name| !deployed.contains(name))
            .collect())
    }

    fn stored_among<'a>(
        &self,
        names: impl Iterator<Item = &'a String>,
    ) -> Result<Vec<ImageReference>, Error> {
        let listed = self.storage.list()?;
        let stored: BTreeSet<String> = listed
            .images
            .iter()
            .map(|image| image.reference.to_string())
            .collect();
        Ok(names
            .filter(|name| stored.contains(*name))
            .filter_map(|name| name.parse().ok())
            .collect())
    }
}

/// The names under which the deployments' images are stored.
fn images_of(deployments: &Deployments) -> BTreeSet<String> {
    deployments
        .list
        .iter()
        .filter_map(|deployment| deployment.origin.as_ref()?.container_image().ok()?)
        .map(|reference| stored_name(&reference).to_string())
        .collect()
}
