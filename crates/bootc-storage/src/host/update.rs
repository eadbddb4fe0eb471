//! Upgrades and switches: pull, look, write, in that order, so that what fails changes no boot order.

use oci_manifest::{Digest, ImageReference, OstreeImageReference};

use super::bound::{BoundConfig, BoundPulled, BoundTree, Sources};
use super::deploy::Deployed;
use super::deployment::{Deployment, Deployments};
use super::plan::{DeploymentPlan, NewDeployment, merge_deployment};
use super::{HostError, LockedHost, Stateroot, staged};
use crate::pull::{PullConfig, PullPlan, Pulled};
use crate::stored::StoredImage;
use crate::{Error, Event, Observer};

/// From where to where a host is brought.
#[derive(Debug, Clone)]
pub struct UpdateRequest {
    /// Where the image is fetched.
    pub source: OstreeImageReference,
    /// Where upgrades come from afterwards; none when that is the source.
    pub target: Option<OstreeImageReference>,
    /// Whose `/etc` and `/var` the deployment gets.
    pub stateroot: Stateroot,
    /// Kernel arguments to add.
    pub extra_arguments: Vec<String>,
    /// The deployment may not go to the boot order before [`LockedHost::release_staged`].
    pub locked: bool,
    /// A deployment of this very image and origin is made all the same.
    pub always: bool,
}

impl UpdateRequest {
    /// What the origin will say.
    #[must_use]
    pub fn reference(&self) -> &OstreeImageReference {
        self.target.as_ref().unwrap_or(&self.source)
    }
}

/// What an update did.
#[derive(Debug)]
pub struct Updated {
    /// Digest of the image's manifest.
    pub manifest_digest: Digest,
    /// The image.
    pub image: StoredImage,
    /// What the pull did.
    pub pulled: Pulled,
    /// The new deployment, and how it came about; none when the host has it already.
    pub deployed: Option<(DeploymentPlan, Deployed)>,
    /// The staged deployment was there already, and its lock is now as asked for.
    pub staged_before: bool,
    /// What it is bound to, all of it there.
    pub bound: BoundPulled,
}

impl LockedHost {
    /// What the pull of an update would do. Writes nothing.
    ///
    /// # Errors
    /// [`HostError::NoStateroot`]; as [`Storage::plan_pull_as`](crate::Storage::plan_pull_as).
    pub fn plan_update(
        &self,
        request: &UpdateRequest,
        config: &PullConfig,
        observer: &Observer,
    ) -> Result<PullPlan, Error> {
        self.require_stateroot(&request.stateroot)?;
        let name = &request.reference().imgref;
        self.storage
            .plan_pull_as(&request.source, name, config, observer)
    }

    /// Find out whether there is an update, and digest of what is deployed now. What was found is noted where other
    /// programs look for it, unless the initramfs would take the note for a signature.
    ///
    /// # Errors
    /// As [`Self::plan_update`]; when the repository cannot be written.
    pub fn check_update(
        &self,
        request: &UpdateRequest,
        config: &PullConfig,
        observer: &Observer,
    ) -> Result<(PullPlan, Option<Digest>), Error> {
        let plan = self.plan_update(request, config, observer)?;
        let deployments = self.deployments()?;
        let Some(current) = self.current(&deployments, request) else {
            return Ok((plan, None));
        };
        let commit = &current.id.commit;
        let image = StoredImage::read(&self.storage, &request.reference().imgref, *commit).ok();
        let deployed = image.map(|image| image.manifest_digest);
        if deployed.as_ref() == Some(&plan.manifest_digest) {
            self.storage.forget_update(commit)?;
        } else if !self.boots_signed(current)? {
            self.storage.note_update(commit, &plan)?;
        }
        Ok((plan, deployed))
    }

    /// See that all of it fits, pull the image, then what it is bound to, then deploy it. A failure before the deployment is
    /// written leaves the boot order as it was, and a rerun takes what has been fetched. What is deployed already and lacks
    /// some of what it is bound to gets it.
    ///
    /// # Errors
    /// As [`Storage::apply_pull`](crate::Storage::apply_pull), [`Self::plan_deployment`], [`Self::pull_bound`] and
    /// [`Self::apply_deployment`].
    pub fn apply_update(
        &mut self,
        request: &UpdateRequest,
        pull: &PullPlan,
        config: &PullConfig,
        bound: &BoundConfig,
        observer: &Observer,
    ) -> Result<Updated, Error> {
        let look_up = Sources::new(bound);
        self.foresee_bound(pull, &request.source.imgref, config, bound, &look_up)?;
        observer(Event::Planned(pull));
        let pulled = self.storage.apply_pull(pull, config, observer)?;
        let reference = request.reference();
        let image = StoredImage::read(&self.storage, &reference.imgref, pulled.merge_commit)?;
        let mut updated = Updated {
            manifest_digest: pulled.manifest_digest.clone(),
            image,
            pulled,
            deployed: None,
            staged_before: false,
            bound: BoundPulled::default(),
        };
        let commit = updated.pulled.merge_commit;
        let bind = |host: &Self| {
            host.pull_bound_from(
                BoundTree::Commit(&commit),
                Some(&request.source.imgref),
                bound,
                &look_up,
                observer,
            )
        };
        let deployments = self.deployments()?;
        if !request.always {
            let same = |deployment: &Deployment| self.is_of(deployment, request, &updated);
            if let Some(staged) = deployments.staged()
                && same(staged)
            {
                updated.bound = bind(self)?;
                self.set_staged_lock(request.locked)?;
                updated.staged_before = true;
                return Ok(updated);
            }
            // What runs is right already; something else that is staged is still what would boot next.
            if deployments.staged().is_none()
                && self.current(&deployments, request).is_some_and(same)
            {
                updated.bound = bind(self)?;
                return Ok(updated);
            }
        }
        let plan = self.plan_deployment(NewDeployment {
            commit,
            reference: reference.clone(),
            stateroot: request.stateroot.clone(),
            extra_arguments: request.extra_arguments.clone(),
            locked: request.locked,
        })?;
        updated.bound = bind(self)?;
        let deployed = self.apply_deployment(&plan, observer)?;
        updated.deployed = Some((plan, deployed));
        Ok(updated)
    }

    /// The deployment that boots next is of this image and takes upgrades from there.
    fn is_of(&self, deployment: &Deployment, request: &UpdateRequest, updated: &Updated) -> bool {
        let origin = deployment.origin.as_ref();
        let reference = origin.and_then(|origin| origin.container_image().ok().flatten());
        reference.as_ref() == Some(request.reference())
            && deployment.id.stateroot == request.stateroot.as_str()
            && StoredImage::read(
                &self.storage,
                &request.reference().imgref,
                deployment.id.commit,
            )
            .is_ok_and(|image| image.manifest_digest == updated.manifest_digest)
    }

    /// What an upgrade compares with: what runs, where the host is running; else what boots next. Of that stateroot.
    fn current<'a>(
        &self,
        deployments: &'a Deployments,
        request: &UpdateRequest,
    ) -> Option<&'a Deployment> {
        let stateroot = request.stateroot.as_str();
        if self.is_booted() && !deployments.is_rollback_queued() {
            return merge_deployment(deployments, stateroot);
        }
        let written = |one: &&Deployment| one.staged.is_none() && one.id.stateroot == stateroot;
        deployments.list.iter().find(written)
    }

    fn set_staged_lock(&self, locked: bool) -> Result<(), Error> {
        let run = self.dirs.run.as_ref().ok_or(HostError::NotBooted)?;
        if locked {
            staged::lock_next(run)?;
        } else {
            staged::unlock(run)?;
        }
        Ok(())
    }

    /// Let the deployment that was only downloaded go to the boot order when the system goes down.
    ///
    /// # Errors
    /// [`HostError::NothingStaged`]; when `/run` cannot be written.
    pub fn release_staged(&self) -> Result<Deployment, Error> {
        let deployments = self.deployments()?;
        let staged = deployments.staged().ok_or(HostError::NothingStaged)?;
        self.set_staged_lock(false)?;
        Ok(staged.clone())
    }

    /// Where upgrades of a stateroot come from: what its first deployment's origin says.
    ///
    /// # Errors
    /// [`HostError::NothingDeployed`]; [`HostError::NoImage`] for a deployment that is of no image;
    /// [`HostError::LocalChanges`].
    pub fn upgrade_source(&self, stateroot: &Stateroot) -> Result<OstreeImageReference, Error> {
        let deployments = self.deployments()?;
        let deployment = deployments
            .staged()
            .filter(|staged| staged.id.stateroot == stateroot.as_str())
            .or_else(|| merge_deployment(&deployments, stateroot.as_str()))
            .ok_or_else(|| HostError::NothingDeployed {
                stateroot: stateroot.to_string(),
            })?;
        Ok(image_of(deployment)?)
    }

    /// The stateroot that commands without `--stateroot` are about: that of what runs, else of what boots first, else
    /// `default`.
    ///
    /// # Errors
    /// When the deployments cannot be read.
    pub fn usual_stateroot(&self) -> Result<Stateroot, Error> {
        let deployments = self.deployments()?;
        let usual = deployments.booted().or_else(|| deployments.first());
        match usual {
            None => Ok(Stateroot::default()),
            Some(deployment) => Ok(deployment.id.stateroot.parse()?),
        }
    }
}

/// Where a deployment's upgrades come from.
fn image_of(deployment: &Deployment) -> Result<OstreeImageReference, HostError> {
    let name = || deployment.id.to_string();
    let none = |found: &str| HostError::NoImage {
        deployment: name(),
        found: found.to_owned(),
    };
    let Some(origin) = &deployment.origin else {
        return Err(none("nothing that can be read"));
    };
    let groups = origin.incompatible();
    if !groups.is_empty() {
        return Err(HostError::LocalChanges {
            deployment: name(),
            groups: groups.join(", "),
        });
    }
    let image = origin
        .container_image()
        .map_err(|source| HostError::Origin {
            deployment: name(),
            source,
        })?;
    image.ok_or_else(|| match origin.refspec().ok().flatten() {
        Some(refspec) => none(&format!("the ostree branch {refspec}")),
        None => none("no image"),
    })
}

/// The name under which an update's image is stored.
pub(super) fn stored_name(reference: &OstreeImageReference) -> ImageReference {
    reference.imgref.canonical()
}
