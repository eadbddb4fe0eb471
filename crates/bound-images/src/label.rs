//! SELinux labels of the storage: those of `/var/lib/containers/storage`, once.
//!
//! What podman adds later it labels itself where SELinux runs; where it does not, as at an installation, this is what
//! gives the storage its labels.

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

impl Storage {
    /// Give everything in the storage its label by a policy, unless that was done before; without a policy there is
    /// nothing to do, and no stamp. Synced before the stamp is written, and after.
    ///
    /// # Errors
    /// [`Error::Label`]; when labels cannot be written.
    pub fn label_once(&self, policy: Option<&Policy>, on_event: OnEvent<'_>) -> Result<(), Error> {
        let Some(policy) = policy else {
            return Ok(());
        };
        if self.store.exists(LABEL_STAMP) {
            return Ok(());
        }
        on_event(&Event::Labelling);
        let own = self.store.dir_metadata().map_err(labelling)?;
        label(&self.store, ".", AS_IF_AT, own.mode(), policy)?;
        let mut waiting = vec![PathBuf::from(".")];
        while let Some(path) = waiting.pop() {
            let dir = self.store.open_dir(&path).map_err(labelling)?;
            label_in(&dir, &path, policy, &mut waiting)?;
        }
        sync_storage(&self.store).map_err(labelling)?;
        let stamp = self.store.create(LABEL_STAMP).map_err(labelling)?;
        let mode = stamp.metadata().map_err(labelling)?.mode();
        let path = format!("{AS_IF_AT}/{LABEL_STAMP}");
        label(&self.store, LABEL_STAMP, &path, mode, policy)?;
        sync_storage(&self.store).map_err(labelling)
    }
}

/// Label what is in a directory; its own directories wait.
fn label_in(
    dir: &Dir,
    path: &Path,
    policy: &Policy,
    waiting: &mut Vec<PathBuf>,
) -> Result<(), Error> {
    for entry in dir.entries().map_err(labelling)? {
        let entry = entry.map_err(labelling)?;
        let name = entry.file_name();
        let below = path.join(&name);
        let metadata = entry.metadata().map_err(labelling)?;
        // Rules are about text; what is none in a name is a character like any other.
        let shown = below.strip_prefix(".").unwrap_or(&below).to_string_lossy();
        let shown = format!("{AS_IF_AT}/{shown}");
        label(dir, &name, &shown, metadata.mode(), policy)?;
        if metadata.is_dir() {
            waiting.push(below);
        }
    }
    Ok(())
}

/// Label `name` in `dir` as the policy labels `path`.
fn label(
    dir: &Dir,
    name: impl AsRef<Path>,
    path: &str,
    mode: u32,
    policy: &Policy,
) -> Result<(), Error> {
    let wanted = policy.label(path, mode).map_err(|source| Error::Label {
        path: path.to_owned(),
        source: Box::new(source),
    })?;
    let Some(wanted) = wanted else {
        return Ok(());
    };
    let wanted = wanted.xattr_value();
    // The last part of the path is not followed, and the directory is the one that is open.
    let place = Path::new("/proc/self/fd")
        .join(dir.as_raw_fd().to_string())
        .join(name);
    let mut found = vec![0; MAX_LABEL_BYTES];
    match lgetxattr(&place, ATTRIBUTE, &mut found[..]) {
        Ok(length) if found[..length] == wanted[..] => return Ok(()),
        Ok(_) | Err(Errno::NODATA | Errno::RANGE) => {}
        // A file system without attributes has no labels.
        Err(Errno::OPNOTSUPP) => return Ok(()),
        Err(errno) => return Err(labelling(errno.into())),
    }
    lsetxattr(&place, ATTRIBUTE, &wanted, XattrFlags::empty())
        .map_err(|errno| labelling(errno.into()))
}

fn labelling(source: io::Error) -> Error {
    Error::Io {
        action: "label the storage of bound images",
        source,
    }
}
