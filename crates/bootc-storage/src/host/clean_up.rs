//! Removing what no deployment needs any more.

use std::collections::BTreeSet;
use std::io;

use oci_manifest::ImageReference;
use ostree_objects::Checksum;

use super::deployment::{DeploymentId, Deployments};
use super::plan::store;
use super::sysroot::libostree;
use super::update::stored_name;
use super::{HostError, LockedHost};
use crate::prune::{PrunePlan, Pruned};
use crate::storage::NO_CANCEL;
use crate::stored::image_ref_of;
use crate::{Error, Event, Observer, Phase};

/// Below these libostree keeps the commits of deployments.
const DEPLOYMENT_REFS: [&str; 2] = ["ostree/0", "ostree/1"];

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

    /// A command that was killed has left work for [`Self::clean_up`]: the refs that keep deployments' commits are not
    /// those of the deployments, or there are directories of none.
    ///
    /// # Errors
    /// When refs or deployments cannot be read.
    pub fn needs_clean_up(&self) -> Result<bool, Error> {
        let deployments = self.deployments()?;
        let wanted: BTreeSet<Checksum> = deployments.list.iter().map(|one| one.id.commit).collect();
        let mut kept = BTreeSet::new();
        for prefix in DEPLOYMENT_REFS {
            let listed = self.storage.repo.list_refs(prefix);
            let listed = listed.map_err(store("list the refs of deployments"))?;
            kept.extend(listed.refs.into_iter().map(|(_, commit)| commit));
        }
        Ok(kept != wanted || self.has_other_directories(&deployments)?)
    }

    /// There are directories in the place of deployments that none of them has.
    fn has_other_directories(&self, deployments: &Deployments) -> Result<bool, HostError> {
        let looking = |source| HostError::Io {
            action: "list the directories of deployments",
            source,
        };
        for stateroot in self.stateroots()? {
            let place = format!("ostree/deploy/{stateroot}/deploy");
            let entries = match self.dirs.root.read_dir(place) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries.map_err(looking)?,
            };
            for entry in entries {
                let name = entry.map_err(looking)?.file_name();
                let found = DeploymentId::of_directory(&stateroot, &name.to_string_lossy());
                let is_known = |id| deployments.list.iter().any(|one| one.id == id);
                if found.is_some_and(|id| !is_known(id)) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
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
