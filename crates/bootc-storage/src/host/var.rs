//! Where a new stateroot's `/var` begins: with what the image has there.

use std::io;
use std::os::fd::AsRawFd as _;

use cap_std::fs::Dir;
use ostree::{RepoCheckoutAtOptions, RepoCheckoutMode, RepoCheckoutOverwriteMode};
use ostree_objects::Checksum;

use super::sysroot::libostree;
use super::{HostError, LockedHost};
use crate::Error;
use crate::selinux::StoredTree;
use crate::storage::NO_CANCEL;

/// What libostree before 2024.3 makes in the `/var` of a new stateroot; the last is the stamp that it leaves there with
/// each deployment, labels or none.
const SKELETON: [&str; 6] = ["lib", "lock", "log", "run", "tmp", ".ostree-selabeled"];
/// Beside a stateroot's `/var` while that is filled: killed half way, the next deployment goes on.
const UNFINISHED: &str = ".var-unfinished";

impl LockedHost {
    /// Copy the image's `/var` into a stateroot that has nothing of its own there yet, as libostree does from 2024.3 on.
    /// What is there already stays. Nothing is synced: libostree does so before it writes the boot order.
    pub(super) fn seed_var(&self, stateroot: &str, commit: &Checksum) -> Result<(), Error> {
        let tree = self
            .storage
            .repo
            .read_commit(commit)
            .map_err(super::plan::store("read the image's commit"))?
            .tree;
        let seed = StoredTree::published(&self.storage.repo, tree)
            .directory("var")
            .map_err(super::plan::store("look at the image's /var"))?;
        let place = format!("ostree/deploy/{stateroot}");
        let place = self.dirs.root.open_dir(place).map_err(seeding)?;
        let var = place.open_dir("var").map_err(seeding)?;
        let begins = place.exists(UNFINISHED) || is_untouched(&var).map_err(seeding)?;
        if seed.is_none() || !begins {
            return Ok(());
        }
        place.write(UNFINISHED, "").map_err(seeding)?;
        let options = RepoCheckoutAtOptions {
            mode: RepoCheckoutMode::None,
            overwrite_mode: RepoCheckoutOverwriteMode::AddFiles,
            subpath: Some("/var".into()),
            force_copy: true,
            ..RepoCheckoutAtOptions::default()
        };
        self.storage
            .libostree
            .checkout_at(
                Some(&options),
                var.as_raw_fd(),
                ".",
                &commit.to_string(),
                NO_CANCEL,
            )
            .map_err(libostree("fill the new stateroot's /var from the image"))?;
        Ok(place.remove_file(UNFINISHED).map_err(seeding)?)
    }
}

/// Nothing but what libostree made is there.
fn is_untouched(var: &Dir) -> io::Result<bool> {
    for entry in var.entries()? {
        let entry = entry?;
        let known = SKELETON.iter().any(|name| entry.file_name() == *name);
        if !known || has_entries(var, &entry.file_name())? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn has_entries(var: &Dir, name: &std::ffi::OsStr) -> io::Result<bool> {
    if !var.symlink_metadata(name)?.is_dir() {
        return Ok(false);
    }
    Ok(var.read_dir(name)?.next().is_some())
}

fn seeding(source: io::Error) -> HostError {
    HostError::Io {
        action: "fill the stateroot's /var",
        source,
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test opens its own directory")]
mod tests {
    use cap_std::ambient_authority;
    use cap_std::fs::Dir;

    use super::is_untouched;

    #[test]
    fn only_what_libostree_makes_counts_as_nothing() {
        let place = tempfile::tempdir().unwrap();
        let var = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
        assert!(is_untouched(&var).unwrap(), "empty");
        var.create_dir_all("lib").unwrap();
        var.symlink("../run", "run").unwrap();
        var.write(".ostree-selabeled", "").unwrap();
        assert!(is_untouched(&var).unwrap(), "a skeleton");
        var.create_dir_all("lib/dpkg").unwrap();
        assert!(!is_untouched(&var).unwrap(), "something below lib");
        var.remove_dir_all("lib").unwrap();
        var.write("notes", "").unwrap();
        assert!(!is_untouched(&var).unwrap(), "a file of its own");
    }
}
