//! The image of a deployment, written as libostree writes it (`ostree_repo_checkout_composefs`).

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use cap_std::fs::Dir;
use ostree_flatten::composefs::{FsVerityDigest, RepoObjects};
use ostree_objects::{Checksum, RepoMode};
use ostree_store::{FsVerityWish, Repo, enable_fs_verity};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::{CommitTree, DEPLOYED_IMAGE, ImageForm};
use crate::{Error, Storage};

/// The image until it has its name.
const PARTIAL: &str = ".ostree.cfs.bootc-storage-partial";

/// What a deployment's image has of fs-verity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeployedVerity {
    /// It names the digest of each file that has fs-verity, and has it itself where the repository's configuration asks
    /// for it.
    AsObjects,
    /// It names the digest of each file, and all of them and itself get fs-verity if they have it not.
    Required,
}

impl Storage {
    /// Write the composefs image of a commit into the directory of a deployment of it, as `.ostree.cfs` of mode 0644;
    /// one that is there is replaced. The image is synced before it gets its name, and the directory after. Returns the
    /// image's digest.
    ///
    /// What a commit asks for: [`Self::composefs_wish`], with [`DeployedVerity::Required`] where it
    /// [requires fs-verity](super::ComposefsWish::requires_verity).
    ///
    /// # Errors
    /// [`Error::NoCommit`]; with fs-verity required, [`Error::MountNeedsBare`] for an archive, [`ostree_store::Error::NoVerity`] where kernel or file system do
    /// not support it, and [`Error::OtherImage`] when the commit's metadata names another image; objects that cannot be
    /// read; the system's.
    pub fn write_into_deployment(
        &self,
        commit: &Checksum,
        deployment: &Dir,
        verity: DeployedVerity,
    ) -> Result<FsVerityDigest, Error> {
        let tree = self.deployed_tree(commit, verity)?;
        let file = new_file(deployment).map_err(failed)?;
        let write = || {
            let written = tree.write_image(&file)?;
            if verity == DeployedVerity::Required {
                require_same(commit, tree.expected, written.digest)?;
            }
            rustix::fs::fchmod(&file, Mode::from_bits_retain(0o644)).map_err(failed)?;
            file.sync_all().map_err(failed)?;
            Ok(written.digest)
        };
        let digest = write();
        drop(file);
        let named = digest.and_then(|digest| {
            self.enable_verity(deployment, verity)?;
            deployment
                .rename(PARTIAL, deployment, DEPLOYED_IMAGE)
                .map_err(failed)?;
            open(deployment, ".", OFlags::DIRECTORY)
                .and_then(rustix::fs::fsync)
                .map_err(failed)?;
            Ok(digest)
        });
        named.inspect_err(|_| {
            // Best effort: the next one replaces it.
            let _ = deployment.remove_file(PARTIAL);
        })
    }

    fn deployed_tree(
        &self,
        commit: &Checksum,
        verity: DeployedVerity,
    ) -> Result<CommitTree, Error> {
        let mode = self.repo.mode();
        match (verity, mode) {
            (DeployedVerity::Required, RepoMode::Archive) => Err(Error::MountNeedsBare { mode }),
            (DeployedVerity::Required, _) => {
                let mut objects = RepoObjects::new(&self.repo, None, Repo::ensure_fs_verity);
                self.commit_tree(commit, &mut objects)
            }
            (DeployedVerity::AsObjects, RepoMode::Archive) => {
                self.composefs_tree(commit, ImageForm::WithoutDigests)
            }
            (DeployedVerity::AsObjects, _) => {
                let mut objects = RepoObjects::new(&self.repo, None, Repo::measured_digest);
                self.commit_tree(commit, &mut objects)
            }
        }
    }

    /// On the image that has no name yet and that nobody writes any more.
    fn enable_verity(&self, deployment: &Dir, verity: DeployedVerity) -> Result<(), Error> {
        let wish = match verity {
            DeployedVerity::Required => FsVerityWish::Yes,
            DeployedVerity::AsObjects => self.repo.config().fs_verity(),
        };
        if wish == FsVerityWish::No {
            return Ok(());
        }
        let file = open(deployment, PARTIAL, OFlags::empty()).map_err(failed)?;
        if !enable_fs_verity(file).map_err(failed)? && wish == FsVerityWish::Yes {
            let path = DEPLOYED_IMAGE.to_owned();
            return Err(Error::Store {
                action: "enable fs-verity on a deployment's image",
                source: ostree_store::Error::NoVerity { path },
            });
        }
        Ok(())
    }
}

/// The image is the one that the commit's metadata names, if it names one.
fn require_same(
    commit: &Checksum,
    expected: Option<FsVerityDigest>,
    found: FsVerityDigest,
) -> Result<(), Error> {
    match expected {
        Some(expected) if expected != found => Err(Error::OtherImage {
            commit: *commit,
            expected,
            found,
        }),
        _ => Ok(()),
    }
}

/// What an earlier one left is nobody's.
fn new_file(deployment: &Dir) -> io::Result<File> {
    match deployment.remove_file(PARTIAL) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file = rustix::fs::openat(deployment, PARTIAL, flags, Mode::RUSR | Mode::WUSR)?;
    Ok(file.into())
}

fn open(deployment: &Dir, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    rustix::fs::openat(deployment, name, flags, Mode::empty())
}

fn failed(error: impl Into<io::Error>) -> Error {
    Error::WriteDeployedImage {
        source: error.into(),
    }
}

#[cfg(test)]
mod tests {
    use ostree_flatten::composefs::FsVerityDigest;
    use ostree_objects::Checksum;

    use super::require_same;
    use crate::{Error, Kind};

    #[test]
    fn the_image_that_the_commit_names_and_no_other() {
        let commit = Checksum::of(b"commit");
        let (one, other) = (FsVerityDigest::of(b"1"), FsVerityDigest::of(b"2"));
        require_same(&commit, None, one).unwrap();
        require_same(&commit, Some(one), one).unwrap();
        let error = require_same(&commit, Some(other), one).unwrap_err();
        assert!(matches!(error, Error::OtherImage { expected, found, .. }
            if (expected, found) == (other, one)));
        assert_eq!(error.kind(), Kind::Corrupt);
    }
}
