//! The image of a deployment, held against its commit.

use std::io;

use cap_std::fs::Dir;
use ostree_flatten::composefs::FsVerityDigest;
use ostree_objects::Checksum;

use super::ImageForm;
use crate::{Error, Storage};

/// Where libostree puts a deployment's image, in the deployment's directory.
pub const DEPLOYED_IMAGE: &str = ".ostree.cfs";

/// What a deployment's image is, and what its commit gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeploymentCheck {
    /// The deployment's commit.
    pub commit: Checksum,
    /// Digest of its image; none when it has no image.
    pub found: Option<FsVerityDigest>,
    /// What the commit gives.
    pub right: DeployedDigests,
    /// What the commit's metadata names.
    pub expected: Option<FsVerityDigest>,
}

/// The digests of the two images that libostree makes of one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeployedDigests {
    /// With the digest of each file.
    pub all: FsVerityDigest,
    /// Without: made where objects have no fs-verity.
    pub none: FsVerityDigest,
}

impl DeploymentCheck {
    /// Which image it is; none when it is missing or another.
    #[must_use]
    pub fn digests(&self) -> Option<ImageForm> {
        let found = self.found?;
        if found == self.right.all {
            Some(ImageForm::WithDigests)
        } else if found == self.right.none {
            Some(ImageForm::WithoutDigests)
        } else {
            None
        }
    }

    /// Whether the deployment has an image of its commit, and the commit names no other.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.digests().is_some() && self.is_as_expected()
    }

    /// Whether the commit's metadata is silent, or names the image that the commit gives.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.expected
            .is_none_or(|expected| expected == self.right.all)
    }
}

impl Storage {
    /// Hold the image of a deployment against its commit, in both forms that libostree makes.
    ///
    /// `name` is that of the deployment's directory `dir`: `<commit>.<serial>`.
    ///
    /// # Errors
    /// [`Error::NotADeployment`]; an image that cannot be read; as [`Self::composefs_tree`].
    pub fn check_deployment(&self, name: &str, dir: &Dir) -> Result<DeploymentCheck, Error> {
        let commit = commit_of(name).ok_or_else(|| Error::NotADeployment {
            name: name.to_owned(),
        })?;
        let found = match dir.open(DEPLOYED_IMAGE) {
            Ok(image) => Some(FsVerityDigest::of_reader(image).map_err(unreadable)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(unreadable(error)),
        };
        let all = self.composefs_tree(&commit, ImageForm::WithDigests)?;
        let none = self.composefs_tree(&commit, ImageForm::WithoutDigests)?;
        Ok(DeploymentCheck {
            commit,
            found,
            right: DeployedDigests {
                all: all.digest()?,
                none: none.digest()?,
            },
            expected: all.expected,
        })
    }
}

fn commit_of(name: &str) -> Option<Checksum> {
    let (commit, serial) = name.split_once('.')?;
    let is_number = !serial.is_empty() && serial.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| commit.parse().ok())?
}

fn unreadable(source: io::Error) -> Error {
    Error::DeployedImage { source }
}

#[cfg(test)]
mod tests {
    use super::commit_of;

    #[test]
    fn a_deployment_is_named_by_commit_and_serial() {
        let commit = "ab".repeat(32);
        assert_eq!(
            commit_of(&format!("{commit}.10")).unwrap().to_string(),
            commit
        );
        for name in [
            commit.clone(),
            format!("{commit}."),
            format!("{commit}.origin"),
            format!("{commit}.0.origin"),
            "x.0".to_owned(),
        ] {
            assert_eq!(commit_of(&name), None, "{name}");
        }
    }
}
