//! From deployments on disk to a host's status: what their commits say of images.

use cap_std::fs::Dir;
use rustix::fs::{StatVfsMountFlags, fstatvfs};

use super::deployment::{Deployment, Deployments};
use super::status::{DeploymentState, HostState, ImageState, Unlocked};
use super::{CachedUpdate, Host};
use crate::stored::StoredImage;
use crate::{Error, Storage};

/// A hotfix's overlay on `/usr` (libostree `ostree-sysroot.c`, `_OSTREE_SYSROOT_DEPLOYMENT_RUNSTATE_FLAG_DEVELOPMENT`
/// is below `/run`, named after device and inode, and gone with a reboot).
const HOTFIX: &str = "hotfix";

/// A host as it is now.
#[derive(Debug, Clone)]
pub struct Status {
    /// What every tool would show.
    pub state: HostState,
    /// The same deployments in the same order, as they are on disk.
    pub deployments: Deployments,
}

impl Host {
    /// What is deployed, and what the images are. Needs no more rights than reading the files; what cannot be read is
    /// said of the deployment that it belongs to. Changes nothing.
    ///
    /// # Errors
    /// When the boot entries cannot be read at all.
    pub fn status(&self) -> Result<Status, Error> {
        let deployments = self.dirs().deployments()?;
        let storage = self.storage();
        let states = deployments.list.iter().map(|deployment| match &storage {
            Ok(storage) => state_of(storage, deployment),
            Err(error) => {
                let problem = format!(
                    "the repository cannot be read: {}",
                    crate::list::chain(error)
                );
                without_image(deployment, Some(problem))
            }
        });
        let state = HostState {
            deployments: states.collect(),
            booted: deployments
                .list
                .iter()
                .position(|deployment| deployment.booted),
            read_only: self.dirs().run.is_some() && is_read_only_medium(&self.dirs().root),
        };
        Ok(Status { state, deployments })
    }
}

fn state_of(storage: &Storage, deployment: &Deployment) -> DeploymentState {
    let commit = deployment.id.commit;
    let mut state = without_image(deployment, None);
    let follows_image = state
        .origin
        .as_ref()
        .and_then(|origin| origin.container_image().ok().flatten());
    // Any name will do to read what the commit says of itself.
    match storage.read_merge_commit(&commit) {
        Ok(image) => state.image = image.as_ref().map(image_state),
        Err(error) => state.problems.push(crate::list::chain(&error)),
    }
    if follows_image.is_some() && state.image.is_none() && state.problems.is_empty() {
        state
            .problems
            .push("its commit holds no image's manifest".to_owned());
    }
    state.cached_update = storage.cached_update(&commit).as_ref().map(found_state);
    state
}

fn without_image(deployment: &Deployment, problem: Option<String>) -> DeploymentState {
    let unlocked = deployment
        .origin
        .as_ref()
        .and_then(|origin| origin.unlocked().ok().flatten());
    let mut problems = deployment.problems.clone();
    problems.extend(problem);
    DeploymentState {
        stateroot: deployment.id.stateroot.clone(),
        checksum: deployment.id.commit,
        serial: deployment.id.serial,
        staged: deployment.staged.is_some(),
        finalization_locked: deployment.staged.is_some_and(|staged| staged.locked),
        unlocked: match unlocked.as_deref() {
            Some(HOTFIX) => Unlocked::Hotfix,
            _ => Unlocked::No,
        },
        soft_reboot_capable: false,
        origin: deployment.origin.clone(),
        image: None,
        cached_update: None,
        problems,
    }
}

fn image_state(image: &StoredImage) -> ImageState {
    ImageState::new(image.manifest_digest.clone(), &image.config)
}

fn found_state(update: &CachedUpdate) -> ImageState {
    ImageState::new(update.manifest_digest.clone(), &update.config)
}

/// The physical root of a running host is mounted read-only everywhere but in the mount namespace of who changes it; a
/// read-only medium is so below it too.
fn is_read_only_medium(root: &Dir) -> bool {
    let boot = root.open_dir("boot").ok();
    boot.and_then(|boot| fstatvfs(&boot).ok())
        .is_some_and(|found| found.f_flag.contains(StatVfsMountFlags::RDONLY))
        && root.open_dir("sysroot").ok().is_some_and(|sysroot| {
            fstatvfs(&sysroot).is_ok_and(|found| found.f_flag.contains(StatVfsMountFlags::RDONLY))
        })
}
