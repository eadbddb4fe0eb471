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
    /// Write the image that the deployment's own `prepare-root.conf` asks for, unless libostree has.
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
        let Some(verity) = still_to_write(wish, directory.exists(DEPLOYED_IMAGE)) else {
            return Ok(());
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

/// What libostree left to do. Where it was built with composefs it writes an image; but when that requires fs-verity, it gives
/// none to objects that the repository had before.
fn still_to_write(wish: ComposefsWish, is_there: bool) -> Option<DeployedVerity> {
    if wish.requires_verity() {
        Some(DeployedVerity::Required)
    } else if wish.wants_image() && !is_there {
        Some(DeployedVerity::AsObjects)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_get_fs_verity_also_where_libostree_wrote_the_image() {
        use ComposefsWish::{Maybe, No, Signed, Verity, Yes};
        for is_there in [false, true] {
            for wish in [Verity, Signed] {
                let verity = still_to_write(wish, is_there);
                assert_eq!(verity, Some(DeployedVerity::Required), "{wish:?}");
            }
        }
        for wish in [Yes, Maybe] {
            assert_eq!(still_to_write(wish, false), Some(DeployedVerity::AsObjects));
            assert_eq!(still_to_write(wish, true), None);
        }
        assert_eq!(still_to_write(No, false), None);
    }
}
