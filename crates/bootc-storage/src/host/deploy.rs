//! Writing a planned deployment: staged where the host runs from this sysroot, else into the boot order at once.

use ostree::{SysrootDeployTreeOpts, SysrootSimpleWriteDeploymentFlags as WriteFlags, glib};
use ostree_objects::Checksum;
use ostree_origin::Origin;

use super::deployment::{Deployment, DeploymentId};
use super::kargs::Argument;
use super::plan::DeploymentPlan;
use super::sysroot::{id_of, libostree};
use super::{HostError, LockedHost, staged};
use crate::storage::NO_CANCEL;
use crate::{Error, Event, Observer, Phase, libostree_version};

/// A deployment that was written.
#[derive(Debug, Clone)]
pub struct Deployed {
    /// Which it is.
    pub id: DeploymentId,
    /// It goes to the boot order when the system goes down.
    pub staged: bool,
}

impl LockedHost {
    /// Write the deployment. When this returns `Ok`, it is on disk and in the boot order, or, where the host runs from
    /// this sysroot, staged: libostree's service finalises it when the system goes down.
    ///
    /// Killed half way, the boot order is the old one, and what lies about is removed by the next command.
    ///
    /// # Errors
    /// When libostree refuses, or the file system.
    pub fn apply_deployment(
        &mut self,
        plan: &DeploymentPlan,
        observer: &Observer,
    ) -> Result<Deployed, Error> {
        observer(Event::Phase(Phase::Deploy));
        let origin = key_file(&plan.origin)?;
        let merge = match &plan.merge {
            None => None,
            Some(id) => Some(self.libostree_deployment(id)?),
        };
        let arguments: Vec<&str> = plan.arguments.iter().map(Argument::as_str).collect();
        let options = SysrootDeployTreeOpts {
            locked: true,
            override_kernel_argv: Some(&arguments),
            overlay_initrds: None,
        };
        let deployed = if plan.stages {
            self.stage(plan, &origin, merge.as_ref(), &options)?
        } else {
            self.write(plan, &origin, merge.as_ref(), options)?
        };
        self.load()?;
        Ok(deployed)
    }

    /// Locked until all of it is there: a shutdown meanwhile finalises nothing.
    fn stage(
        &self,
        plan: &DeploymentPlan,
        origin: &glib::KeyFile,
        merge: Option<&ostree::Deployment>,
        options: &SysrootDeployTreeOpts<'_>,
    ) -> Result<Deployed, Error> {
        let run = self.dirs.run.as_ref().ok_or(HostError::NotBooted)?;
        staged::lock_next(run)?;
        let deployment = self
            .sysroot
            .stage_tree_with_options(
                Some(plan.new.stateroot.as_str()),
                &plan.new.commit.to_string(),
                Some(origin),
                merge,
                options,
                NO_CANCEL,
            )
            .map_err(libostree("stage the deployment"))?;
        let id = id_of(&deployment).ok_or(HostError::Changed)?;
        self.write_image(&id, &deployment)?;
        if !plan.new.locked {
            staged::unlock(run)?;
        }
        Ok(Deployed { id, staged: true })
    }

    fn write(
        &self,
        plan: &DeploymentPlan,
        origin: &glib::KeyFile,
        merge: Option<&ostree::Deployment>,
        options: SysrootDeployTreeOpts<'_>,
    ) -> Result<Deployed, Error> {
        let stateroot = plan.new.stateroot.as_str();
        let deployment = self.check_out(&plan.new.commit, stateroot, origin, merge, options)?;
        let id = id_of(&deployment).ok_or(HostError::Changed)?;
        if !libostree_version::seeds_var() {
            self.seed_var(stateroot, &id.commit)?;
        }
        let guard = self.guard_boot()?;
        self.sysroot
            .simple_write_deployment(
                Some(stateroot),
                &deployment,
                merge,
                WriteFlags::NO_CLEAN,
                NO_CANCEL,
            )
            .map_err(libostree("write the boot order"))?;
        drop(guard);
        Ok(Deployed { id, staged: false })
    }

    /// Make the deployment's directory, which is in no boot order yet.
    fn check_out(
        &self,
        commit: &Checksum,
        stateroot: &str,
        origin: &glib::KeyFile,
        merge: Option<&ostree::Deployment>,
        options: SysrootDeployTreeOpts<'_>,
    ) -> Result<ostree::Deployment, Error> {
        let options = SysrootDeployTreeOpts {
            locked: false,
            ..options
        };
        let deployment = self
            .sysroot
            .deploy_tree_with_options(
                Some(stateroot),
                &commit.to_string(),
                Some(origin),
                merge,
                Some(&options),
                NO_CANCEL,
            )
            .map_err(check_out_failed)?;
        let id = id_of(&deployment).ok_or(HostError::Changed)?;
        self.label_etc(&id)?;
        self.write_image(&id, &deployment)?;
        Ok(deployment)
    }

    /// A staged deployment once more, as one that can be in the boot order now.
    pub(super) fn check_out_staged(
        &self,
        staged: &Deployment,
        observer: &Observer,
    ) -> Result<ostree::Deployment, Error> {
        observer(Event::Phase(Phase::Deploy));
        let origin = staged.origin.clone().unwrap_or_default();
        let arguments: Vec<&str> = staged
            .kernel_arguments
            .iter()
            .map(Argument::as_str)
            .collect();
        let options = SysrootDeployTreeOpts {
            override_kernel_argv: Some(&arguments),
            ..SysrootDeployTreeOpts::default()
        };
        let stateroot = &staged.id.stateroot;
        let merge = self.sysroot.merge_deployment(Some(stateroot));
        self.check_out(
            &staged.id.commit,
            stateroot,
            &key_file(&origin)?,
            merge.as_ref(),
            options,
        )
    }
}

/// As libostree takes it, comments and all.
fn key_file(origin: &Origin) -> Result<glib::KeyFile, Error> {
    let file = glib::KeyFile::new();
    file.load_from_data(&origin.to_string(), glib::KeyFileFlags::KEEP_COMMENTS)
        .map_err(libostree("read back the origin"))?;
    Ok(file)
}

fn check_out_failed(source: glib::Error) -> Error {
    // GLib's error for a program that does not start has no name in the binding.
    if source.message().contains("bwrap") && source.message().contains("Failed to execute") {
        return HostError::NoBubblewrap { source }.into();
    }
    libostree("check out the deployment")(source)
}
