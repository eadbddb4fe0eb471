//! A stored image's tree as files, for who boots without composefs.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};

use cap_std::fs::Dir;
use ostree::{RepoCheckoutAtOptions, RepoCheckoutMode};
use ostree_objects::{Checksum, RepoMode};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::storage::NO_CANCEL;
use crate::{Error, Storage};

impl Storage {
    /// Check a commit's tree out as the directory `name` of `parent`, which is there when all of it is on disk.
    ///
    /// libostree does it. Files are hard links to the repository's objects where they can be: in mode `bare` when it is on
    /// the same file system; in mode `bare-user` for an ordinary user, to whom all files belong then. Root gets each
    /// file with its owner and attributes from every mode.
    ///
    /// # Errors
    /// [`Error::CheckoutExists`]; [`Error::NoCommit`]; what libostree and the system say.
    pub fn checkout(&self, commit: &Checksum, parent: &Dir, name: &str) -> Result<(), Error> {
        self.require_commit(commit)?;
        let failed = |action| {
            let name = name.to_owned();
            move |source: io::Error| Error::Checkout {
                action,
                name,
                source,
            }
        };
        if parent.symlink_metadata(name).is_ok() {
            return Err(Error::CheckoutExists {
                name: name.to_owned(),
            });
        }
        // libostree goes through the directory as it is: whoever is killed leaves this one.
        let partial = format!(".{name}.bootc-storage-partial");
        match parent.remove_dir_all(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove what an earlier checkout left of")(error));
            }
            _ => {}
        }
        let done = self.check_out_as(commit, parent, &partial).and_then(|()| {
            let dir = open_to_sync(parent, &partial);
            dir.and_then(rustix::fs::syncfs)
                .map_err(|error| failed("sync")(error.into()))?;
            // Nothing may be renamed over an empty directory that appeared meanwhile.
            rustix::fs::renameat_with(
                parent,
                &partial,
                parent,
                name,
                rustix::fs::RenameFlags::NOREPLACE,
            )
            .map_err(|error| failed("name")(error.into()))?;
            open_to_sync(parent, ".")
                .and_then(rustix::fs::fsync)
                .map_err(|error| failed("sync the name of")(error.into()))
        });
        done.inspect_err(|_| {
            // Best effort: the next one removes it.
            let _ = parent.remove_dir_all(&partial);
        })
    }

    fn check_out_as(&self, commit: &Checksum, parent: &Dir, name: &str) -> Result<(), Error> {
        let is_root = rustix::process::geteuid().is_root();
        let mode = match self.repo.mode() {
            RepoMode::BareUser if !is_root => RepoCheckoutMode::User,
            RepoMode::Archive if !is_root => RepoCheckoutMode::User,
            _ => RepoCheckoutMode::None,
        };
        let options = RepoCheckoutAtOptions {
            mode,
            ..RepoCheckoutAtOptions::default()
        };
        self.libostree
            .checkout_at(
                Some(&options),
                parent.as_raw_fd(),
                name,
                &commit.to_string(),
                NO_CANCEL,
            )
            .map_err(|source| Error::Ostree {
                action: "check the image out",
                source,
            })
    }
}

/// A [`Dir`] is open for paths only.
fn open_to_sync(parent: &Dir, name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    rustix::fs::openat(parent, name, flags, Mode::empty())
}
