//! The boot order, pins, and what is removed.

use ostree::SysrootWriteDeploymentsOpts as WriteOptions;

use super::deployment::{Deployment, DeploymentId, Deployments};
use super::sysroot::{id_of, libostree};
use super::{HostError, LockedHost};
use crate::storage::NO_CANCEL;
use crate::{Error, Observer};

/// How a deployment is named on a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// By its number in the listing, from 0.
    Index(usize),
    /// What runs.
    Booted,
    /// What waits for the next boot.
    Staged,
    /// What a rollback leads to.
    Rollback,
}

impl std::fmt::Display for Which {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Index(index) => write!(f, "{index}"),
            Self::Booted => f.write_str("booted"),
            Self::Staged => f.write_str("staged"),
            Self::Rollback => f.write_str("rollback"),
        }
    }
}

/// What a rollback would do.
#[derive(Debug, Clone)]
pub struct RollbackPlan {
    /// What boots next.
    pub target: Deployment,
    /// What boots now, and comes second.
    pub from: DeploymentId,
    /// A staged deployment: writing the boot order drops it.
    pub staged: Option<Deployment>,
    /// It comes back behind `target`, as a deployment that can be booted.
    pub keeps_staged: bool,
    /// The rollback that was queued is undone: what runs boots next again.
    pub undoes: bool,
}

impl LockedHost {
    /// Find out where a rollback leads. Writes nothing.
    ///
    /// # Errors
    /// [`HostError::NothingDeployed`], [`HostError::NoRollback`].
    pub fn plan_rollback(&self, keeps_staged: bool) -> Result<RollbackPlan, Error> {
        let deployments = self.deployments()?;
        let current = deployments
            .booted()
            .or_else(|| deployments.first())
            .ok_or_else(|| HostError::NothingDeployed {
                stateroot: super::Stateroot::DEFAULT.to_owned(),
            })?;
        let rollback = deployments
            .rollback()
            .ok_or_else(|| HostError::NoRollback {
                stateroot: current.id.stateroot.clone(),
            })?;
        let undoes = deployments.is_rollback_queued();
        let (target, from) = if undoes {
            (current, rollback)
        } else {
            (rollback, current)
        };
        Ok(RollbackPlan {
            target: target.clone(),
            from: from.id.clone(),
            staged: deployments.staged().cloned(),
            keeps_staged,
            undoes,
        })
    }

    /// Put the rollback's target first in the boot order; it and all else is on disk when this returns. Returns the
    /// deployment that was staged, where it was kept.
    ///
    /// # Errors
    /// [`HostError::Changed`]; when libostree refuses.
    pub fn apply_rollback(
        &mut self,
        plan: &RollbackPlan,
        observer: &Observer,
    ) -> Result<Option<DeploymentId>, Error> {
        let target = self.libostree_deployment(&plan.target.id)?;
        let kept = match &plan.staged {
            Some(staged) if plan.keeps_staged => Some(self.check_out_staged(staged, observer)?),
            _ => None,
        };
        let kept_id = kept.as_ref().and_then(id_of);
        let others = self
            .sysroot
            .deployments()
            .into_iter()
            .filter(|other| !other.is_staged() && !other.equal(&target));
        let others: Vec<_> = others.collect();
        // These very objects: libostree compares what runs by its address, and its `clone` makes another.
        let order: Vec<_> = [target].into_iter().chain(kept).chain(others).collect();
        self.write_order(&order)?;
        Ok(kept_id)
    }

    /// One of the deployments as they are now.
    ///
    /// # Errors
    /// [`HostError::NoSuchDeployment`]; when deployments cannot be read.
    pub fn deployment(&self, which: Which) -> Result<Deployment, Error> {
        Ok(self.deployments()?.get(which)?.clone())
    }

    /// Keep a deployment whatever is deployed after it, or no longer.
    ///
    /// # Errors
    /// [`HostError::NoSuchDeployment`], [`HostError::NoSuchRole`], [`HostError::IsStaged`], [`HostError::NoOrigin`]; when its origin cannot be written.
    pub fn set_pinned(&self, which: Which, pinned: bool) -> Result<Deployment, Error> {
        let deployments = self.deployments()?;
        let deployment = deployments.get(which)?;
        if deployment.staged.is_some() {
            return Err(HostError::IsStaged {
                wanted: which.to_string(),
            }
            .into());
        }
        if deployment.origin.is_none() {
            return Err(HostError::NoOrigin {
                wanted: which.to_string(),
                file: deployment.id.origin_file(),
            }
            .into());
        }
        if deployment.is_pinned() != pinned {
            self.sysroot
                .deployment_set_pinned(&self.libostree_deployment(&deployment.id)?, pinned)
                .map_err(libostree("write the deployment's origin"))?;
        }
        Ok(deployment.clone())
    }

    /// Take a deployment out of the boot order. Its files go with the next [`Self::clean_up`].
    ///
    /// # Errors
    /// [`HostError::NoSuchDeployment`], [`HostError::NoSuchRole`], [`HostError::IsBooted`], [`HostError::IsPinned`]; when libostree refuses.
    pub fn undeploy(&mut self, which: Which) -> Result<Deployment, Error> {
        let deployments = self.deployments()?;
        let deployment = deployments.get(which)?.clone();
        let wanted = which.to_string();
        if deployment.booted {
            return Err(HostError::IsBooted { wanted }.into());
        }
        if deployment.is_pinned() {
            return Err(HostError::IsPinned { wanted }.into());
        }
        let gone = self.libostree_deployment(&deployment.id)?;
        let order: Vec<_> = self
            .sysroot
            .deployments()
            .into_iter()
            .filter(|other| !other.equal(&gone))
            .collect();
        self.write_order(&order)?;
        Ok(deployment)
    }

    fn write_order(&mut self, order: &[ostree::Deployment]) -> Result<(), Error> {
        let options = WriteOptions {
            do_postclean: false,
        };
        let guard = self.guard_boot()?;
        self.sysroot
            .write_deployments_with_options(order, &options, NO_CANCEL)
            .map_err(libostree("write the boot order"))?;
        drop(guard);
        self.load()
    }
}

impl Deployments {
    /// One of them.
    ///
    /// # Errors
    /// [`HostError::NoSuchDeployment`], [`HostError::NoSuchRole`].
    pub fn get(&self, which: Which) -> Result<&Deployment, HostError> {
        let found = match which {
            Which::Index(index) => self.list.get(index),
            Which::Booted => self.booted(),
            Which::Staged => self.staged(),
            Which::Rollback => self.rollback(),
        };
        found.ok_or_else(|| match which {
            Which::Index(wanted) => HostError::NoSuchDeployment {
                wanted,
                count: self.list.len(),
            },
            role => HostError::NoSuchRole {
                role: role.to_string(),
            },
        })
    }
}
