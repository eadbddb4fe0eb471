//! The labels of a new deployment's `/etc`.
//!
//! libostree labels the files of `/etc` by the deployment's policy, and leaves directories and links to the kernel, which
//! labels what a process makes only where SELinux runs. An installer, or a machine that builds disks, has none.

use std::io;
use std::os::fd::AsRawFd as _;

use cap_std::fs::{Dir, MetadataExt as _};
use rustix::fs::{XattrFlags, lgetxattr, lsetxattr};
use rustix::io::Errno;
use selinux_label::{Policy, PolicyTree, TreeError};

use super::deployment::DeploymentId;
use super::{HostError, LockedHost};
use crate::Error;
use crate::selinux::PolicyLabels;

const ATTRIBUTE: &str = "security.selinux";
/// A label is shorter.
const MAX_LABEL_BYTES: usize = 4096;

impl LockedHost {
    /// Give everything below the deployment's `/etc` the label of the deployment's own policy. What has it already is not
    /// written; an image without a policy has no labels.
    pub(super) fn label_etc(&self, id: &DeploymentId) -> Result<(), Error> {
        let opened = self.dirs.root.open_dir(id.directory());
        let deployment = opened.map_err(labelling)?;
        let policy = Policy::open(&Directory(&deployment)).map_err(|source| Error::Policy {
            reference: id.to_string(),
            source: Box::new(source),
        })?;
        if policy.is_none() || !deployment.exists("etc") {
            return Ok(());
        }
        let labels = PolicyLabels(policy);
        let etc = deployment.symlink_metadata("etc").map_err(labelling)?;
        label(&deployment, "etc", "etc", etc.mode(), &labels)?;
        let mut waiting = vec!["etc".to_owned()];
        while let Some(path) = waiting.pop() {
            let dir = deployment.open_dir(&path).map_err(labelling)?;
            for entry in dir.entries().map_err(labelling)? {
                let entry = entry.map_err(labelling)?;
                let Ok(name) = entry.file_name().into_string() else {
                    continue;
                };
                let mode = entry.metadata().map_err(labelling)?.mode();
                let below = format!("{path}/{name}");
                label(&dir, &name, &below, mode, &labels)?;
                if entry.file_type().map_err(labelling)?.is_dir() {
                    waiting.push(below);
                }
            }
        }
        Ok(())
    }
}

/// Label `name` in `dir`, which is `path` on the host.
fn label(dir: &Dir, name: &str, path: &str, mode: u32, labels: &PolicyLabels) -> Result<(), Error> {
    let wanted = labels.of(path, mode).map_err(|source| HostError::Label {
        path: format!("/{path}"),
        source,
    })?;
    let Some(wanted) = wanted else {
        return Ok(());
    };
    // The last part of the path is not followed, and the directory is the one that is open.
    let place = format!("/proc/self/fd/{}/{name}", dir.as_raw_fd());
    let mut found = vec![0; MAX_LABEL_BYTES];
    match lgetxattr(&place, ATTRIBUTE, &mut found[..]) {
        Ok(length) if found[..length] == wanted => return Ok(()),
        Ok(_) | Err(Errno::NODATA | Errno::RANGE) => {}
        // A file system without attributes has no labels.
        Err(Errno::OPNOTSUPP) => return Ok(()),
        Err(errno) => return Err(labelling(errno.into()).into()),
    }
    lsetxattr(&place, ATTRIBUTE, &wanted, XattrFlags::empty())
        .map_err(|errno| labelling(errno.into()).into())
}

fn labelling(source: io::Error) -> HostError {
    HostError::Io {
        action: "label the deployment's /etc",
        source,
    }
}

/// A deployment's directory, in which `/etc` has the policy as it is after the merge.
struct Directory<'a>(&'a Dir);

impl PolicyTree for Directory<'_> {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        match self.0.metadata(path) {
            Ok(found) if found.len() > limit => {
                Err(format!("{} bytes are more than {limit}", found.len()).into())
            }
            Ok(found) if found.is_file() => Ok(Some(self.0.read(path)?)),
            Ok(_) => Ok(None),
            Err(error) => absent(error),
        }
    }

    fn names(&self, path: &str) -> Result<Option<Vec<String>>, TreeError> {
        let entries = match self.0.read_dir(path) {
            Ok(entries) => entries,
            Err(error) => return absent(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(Some(names))
    }
}

fn absent<T>(error: io::Error) -> Result<Option<T>, TreeError> {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
        _ => Err(error.into()),
    }
}
