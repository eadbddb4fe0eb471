//! SELinux labels of the storage: those of `/var/lib/containers/storage`, all of them once.
//!
//! What podman adds later it labels itself where SELinux runs. Where it does not, as at an installation, what has no label
//! gets one here, and what has one keeps it.

use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, MetadataExt as _};
use rustix::fs::{XattrFlags, lgetxattr, lsetxattr};
use rustix::io::Errno;
use selinux_label::Policy;

use crate::storage::{Storage, sync_storage};
use crate::{Error, Event, OnEvent};

/// Says that the labels are there.
pub const LABEL_STAMP: &str = ".bootc_labeled";
/// Whose labels they are.
const AS_IF_AT: &str = "/var/lib/containers/storage";
const ATTRIBUTE: &str = "security.selinux";
/// A label is shorter.
const MAX_LABEL_BYTES: usize = 4096;

/// That SELinux runs on this machine: then the kernel and podman label what is new.
const RUNNING: &str = "/sys/fs/selinux/enforce";

impl Storage {
    /// Give everything in the storage its label by a policy, unless that was done before; then what has none, on a machine
    /// where SELinux does not run. Without a policy there is nothing to do, and no stamp. Synced before the stamp is
    /// written, and after.
    ///
    /// # Errors
    /// [`Error::Label`]; when labels cannot be written.
    pub fn label(&self, policy: Option<&Policy>, on_event: OnEvent<'_>) -> Result<(), Error> {
        let Some(policy) = policy else {
            return Ok(());
        };
        let was_done = self.store.exists(LABEL_STAMP);
        if was_done && Path::new(RUNNING).exists() {
            return Ok(());
        }
        let labels = Labels {
            policy,
            which: if was_done {
                Which::Unlabelled
            } else {
                Which::All
            },
        };
        if !was_done {
            on_event(&Event::Labelling);
        }
        if labels.set_below(&self.store)? || !was_done {
            sync_storage(&self.store).map_err(labelling)?;
        }
        if was_done {
            return Ok(());
        }
        let stamp = self.store.create(LABEL_STAMP).map_err(labelling)?;
        let mode = stamp.metadata().map_err(labelling)?.mode();
        let path = format!("{AS_IF_AT}/{LABEL_STAMP}");
        labels.set(&self.store, LABEL_STAMP, &path, mode)?;
        sync_storage(&self.store).map_err(labelling)
    }
}

/// What is labelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    Unlabelled,
}

struct Labels<'a> {
    policy: &'a Policy,
    which: Which,
}

impl Labels<'_> {
    /// Label a storage and all that is in it. Whether something was changed.
    fn set_below(&self, store: &Dir) -> Result<bool, Error> {
        let own = store.dir_metadata().map_err(labelling)?;
        let mut changed = self.set(store, ".", AS_IF_AT, own.mode())?;
        let mut waiting = vec![PathBuf::from(".")];
        while let Some(path) = waiting.pop() {
            let dir = store.open_dir(&path).map_err(labelling)?;
            changed |= self.set_in(&dir, &path, &mut waiting)?;
        }
        Ok(changed)
    }

    /// Label what is in a directory; its own directories wait.
    fn set_in(&self, dir: &Dir, path: &Path, waiting: &mut Vec<PathBuf>) -> Result<bool, Error> {
        let mut changed = false;
        for entry in dir.entries().map_err(labelling)? {
            let entry = entry.map_err(labelling)?;
            let name = entry.file_name();
            let below = path.join(&name);
            let metadata = entry.metadata().map_err(labelling)?;
            // Rules are about text; what is none in a name is a character like any other.
            let shown = below.strip_prefix(".").unwrap_or(&below).to_string_lossy();
            let shown = format!("{AS_IF_AT}/{shown}");
            changed |= self.set(dir, &name, &shown, metadata.mode())?;
            if metadata.is_dir() {
                waiting.push(below);
            }
        }
        Ok(changed)
    }

    /// Label `name` in `dir` as the policy labels `path`. Whether that was something new.
    fn set(&self, dir: &Dir, name: impl AsRef<Path>, path: &str, mode: u32) -> Result<bool, Error> {
        // The last part of the path is not followed, and the directory is the one that is open.
        let place = Path::new("/proc/self/fd")
            .join(dir.as_raw_fd().to_string())
            .join(name);
        let mut found = vec![0; MAX_LABEL_BYTES];
        let found = match lgetxattr(&place, ATTRIBUTE, &mut found[..]) {
            Ok(_) if self.which == Which::Unlabelled => return Ok(false),
            Ok(length) => &found[..length],
            Err(Errno::NODATA | Errno::RANGE) => &[],
            // A file system without attributes has no labels.
            Err(Errno::OPNOTSUPP) => return Ok(false),
            Err(errno) => return Err(labelling(errno.into())),
        };
        let wanted = self
            .policy
            .label(path, mode)
            .map_err(|source| Error::Label {
                path: path.to_owned(),
                source: Box::new(source),
            })?;
        let Some(wanted) = wanted else {
            return Ok(false);
        };
        let wanted = wanted.xattr_value();
        if *found == wanted[..] {
            return Ok(false);
        }
        lsetxattr(&place, ATTRIBUTE, &wanted, XattrFlags::empty())
            .map_err(|errno| labelling(errno.into()))?;
        Ok(true)
    }
}

fn labelling(source: io::Error) -> Error {
    Error::Io {
        action: "label the storage of bound images",
        source,
    }
}
