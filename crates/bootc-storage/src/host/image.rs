//! The composefs image of a deployment, where libostree makes none.

use super::LockedHost;
use super::deployment::{Deployment, DeploymentId};
use super::sysroot::libostree;
use crate::composefs::{ComposefsWish, DEPLOYED_IMAGE, DeployedVerity};
use crate::storage::NO_CANCEL;
use crate::{Error, host::HostError};

/// A kernel argument that has the last word (ostree-prepare-root(1)).
const SIGNED_ARGUMENT: &str = "ostree.prepare-root.composefs=signed";

impl LockedHost {
    /// Write the image that the deployment's own `prepare-root.conf` asks for. A libostree that was built with composefs
    /// has done so already.
    pub(super) fn write_image(
        &self,
        id: &DeploymentId,
        deployment: &ostree::Deployment,
    ) -> Result<(), Error> {
        let wish = self.storage.composefs_wish(&id.commit)?;
        let directory =
            self.dirs
                .root
                .open_dir(id.directory())
                .map_err(|source| HostError::Io {
                    action: "open the deployment's directory",
                    source,
                })?;
        if !wish.wants_image() || directory.exists(DEPLOYED_IMAGE) {
            return Ok(());
        }
        let verity = if wish.requires_verity() {
            DeployedVerity::Required
        } else {
            DeployedVerity::AsObjects
        };
        self.set_mutable(deployment, true)?;
        let written = self
            .storage
            .write_into_deployment(&id.commit, &directory, verity);
        self.set_mutable(deployment, false)?;
        written.map(drop)
    }

    /// A deployment's directory is immutable (chattr(1) +i) where the file system knows that.
    fn set_mutable(&self, deployment: &ostree::Deployment, mutable: bool) -> Result<(), Error> {
        self.sysroot
            .deployment_set_mutable(deployment, mutable, NO_CANCEL)
            .map_err(libostree(
                "change whether the deployment's directory is immutable",
            ))
    }

    /// The initramfs looks for a signature that vouches for the deployment.
    pub(super) fn boots_signed(&self, deployment: &Deployment) -> Result<bool, Error> {
        let asked = deployment
            .kernel_arguments
            .iter()
            .any(|argument| argument.as_str() == SIGNED_ARGUMENT);
        Ok(asked || self.storage.composefs_wish(&deployment.id.commit)? == ComposefsWish::Signed)
    }
}
