//! Removing bound images that no deployment needs.

use std::collections::BTreeSet;

use bound_images::{
    DeploymentRoots, LockRecord, PrunePlan, PrunedImages, Storage as BoundStorage, images_in_use,
};
use cap_std::fs::Dir;
use oci_manifest::Transport;

use super::pull::record_name;
use crate::Error;
use crate::host::{Deployment, LockedHost};
use crate::list::chain;

/// What went of the bound images.
#[derive(Debug, Clone, Default)]
pub struct BoundPruned {
    /// What was to go, and why the rest stayed.
    pub plan: PrunePlan,
    /// What went.
    pub done: PrunedImages,
    /// Lock records of commits that are no longer deployed.
    pub records: usize,
}

impl LockedHost {
    /// Which images of the storage no deployment needs, and why the others stay. Writes nothing.
    ///
    /// # Errors
    /// When deployments or the storage cannot be read.
    pub fn plan_bound_prune(&self, run: &Dir) -> Result<PrunePlan, Error> {
        let Some(storage) = BoundStorage::open(&self.dirs.root, run)? else {
            return Ok(PrunePlan::default());
        };
        let images = storage.images()?;
        let deployments = self.deployments()?;
        let roots: Vec<DeploymentRoots> = deployments
            .list
            .iter()
            .map(|deployment| self.roots_of(deployment))
            .collect();
        let plan = PrunePlan::new(images.clone(), &roots, &[]);
        if plan.remove.is_empty() {
            return Ok(plan);
        }
        Ok(PrunePlan::new(images, &roots, &images_in_use()?))
    }

    /// Remove them, and the lock records of commits that are no longer deployed.
    ///
    /// # Errors
    /// As [`Self::plan_bound_prune`]; when podman cannot be run. An image that it refuses to remove is told.
    pub fn prune_bound(&self, run: &Dir) -> Result<BoundPruned, Error> {
        bound_images::sweep(&self.dirs.root)?;
        let plan = self.plan_bound_prune(run)?;
        let done = match BoundStorage::open(&self.dirs.root, run)? {
            Some(storage) => storage.apply_prune(&plan)?,
            None => PrunedImages::default(),
        };
        let deployments = self.deployments()?;
        let mut deployed = BTreeSet::new();
        for deployment in &deployments.list {
            deployed.insert(record_name(&deployment.id.commit)?);
        }
        let records = LockRecord::remove_others(&self.dirs.root, |name| deployed.contains(name))?;
        Ok(BoundPruned {
            plan,
            done,
            records,
        })
    }

    fn roots_of(&self, deployment: &Deployment) -> DeploymentRoots {
        let commit = &deployment.id.commit;
        let declared = self.storage().bound_declarations(commit);
        let record =
            record_name(commit).and_then(|name| Ok(LockRecord::read(&self.dirs.root, &name)?));
        let origin = deployment.origin.as_ref();
        let image = origin.and_then(|origin| origin.container_image().ok().flatten());
        let image = image.map(|reference| reference.imgref);
        let image = image.filter(|image| image.transport == Transport::Registry);
        DeploymentRoots {
            deployment: deployment.id.to_string(),
            declared: declared
                .map(|declared| declared.references())
                .map_err(|error| chain(&error)),
            record: record.map_err(|error| chain(&error)),
            host_image: image.and_then(|image| image.name.parse().ok()),
        }
    }
}
