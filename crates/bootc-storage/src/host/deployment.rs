//! Deployments as facts.

use std::fmt;

use ostree_objects::Checksum;
use ostree_origin::Origin;

use super::kargs::KernelArguments;

/// What tells a deployment from all others of a sysroot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentId {
    /// Whose `/etc` and `/var` it has.
    pub stateroot: String,
    /// Its commit.
    pub commit: Checksum,
    /// Counts deployments of one commit in one stateroot.
    pub serial: u32,
}

impl DeploymentId {
    /// From a stateroot and the name of a deployment's directory, `<commit>.<serial>`.
    #[must_use]
    pub fn of_directory(stateroot: &str, name: &str) -> Option<Self> {
        let (commit, serial) = name.split_once('.')?;
        let is_number = !serial.is_empty() && serial.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number {
            return None;
        }
        Some(Self {
            stateroot: stateroot.to_owned(),
            commit: commit.parse().ok()?,
            serial: serial.parse().ok()?,
        })
    }

    /// Its directory, from the physical root.
    #[must_use]
    pub fn directory(&self) -> String {
        format!(
            "ostree/deploy/{}/deploy/{}.{}",
            self.stateroot, self.commit, self.serial
        )
    }

    /// Its origin file, from the physical root.
    #[must_use]
    pub fn origin_file(&self) -> String {
        format!("{}.origin", self.directory())
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}.{}", self.stateroot, self.commit, self.serial)
    }
}

/// A deployment as it is found on disk. What cannot be read of it is told in `problems`.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// Which it is.
    pub id: DeploymentId,
    /// Checksum of its kernel and initramfs, as libostree names its folder in `/boot`.
    pub boot_checksum: String,
    /// The kernel command line, without `ostree=`.
    pub kernel_arguments: KernelArguments,
    /// Its origin; none when the file is missing or cannot be read.
    pub origin: Option<Origin>,
    /// It is what runs.
    pub booted: bool,
    /// It is written to the boot order when the system goes down.
    pub staged: Option<Staging>,
    /// What is wrong with it, in words.
    pub problems: Vec<String>,
}

/// How a staged deployment is waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Staging {
    /// It waits for a word before it may go to the boot order (`--download-only`).
    pub locked: bool,
}

impl Deployment {
    /// Kept whatever is deployed after it.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.origin.as_ref().is_some_and(Origin::is_pinned)
    }
}

/// The deployments of a sysroot.
#[derive(Debug, Clone, Default)]
pub struct Deployments {
    /// In boot order, a staged one first.
    pub list: Vec<Deployment>,
    /// Boot entries that lead to no deployment: the entry's file and what is wrong with it.
    pub broken_entries: Vec<(String, String)>,
}

impl Deployments {
    /// What runs.
    #[must_use]
    pub fn booted(&self) -> Option<&Deployment> {
        self.list.iter().find(|deployment| deployment.booted)
    }

    /// What goes to the boot order when the system goes down.
    #[must_use]
    pub fn staged(&self) -> Option<&Deployment> {
        self.list
            .iter()
            .find(|deployment| deployment.staged.is_some())
    }

    /// What the boot loader starts by itself, as the disk is now.
    #[must_use]
    pub fn first(&self) -> Option<&Deployment> {
        self.list
            .iter()
            .find(|deployment| deployment.staged.is_none())
    }

    /// Where a rollback leads: the first of the booted stateroot that neither runs nor is staged.
    #[must_use]
    pub fn rollback(&self) -> Option<&Deployment> {
        let current = self.booted().or_else(|| self.first())?;
        self.list.iter().find(|deployment| {
            deployment.staged.is_none()
                && deployment.id != current.id
                && deployment.id.stateroot == current.id.stateroot
        })
    }

    /// A rollback is what boots next.
    #[must_use]
    pub fn is_rollback_queued(&self) -> bool {
        self.booted().is_some()
            && self.staged().is_none()
            && match (self.first(), self.rollback()) {
                (Some(default), Some(rollback)) => default.id == rollback.id,
                _ => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::DeploymentId;

    #[test]
    fn a_directory_names_commit_and_serial() {
        let commit = "ab".repeat(32);
        let id = DeploymentId::of_directory("default", &format!("{commit}.3")).unwrap();
        assert_eq!(
            id.origin_file(),
            format!("ostree/deploy/default/deploy/{commit}.3.origin")
        );
        for name in [
            commit.clone(),
            format!("{commit}.0.origin"),
            format!("{commit}."),
            "x.0".to_owned(),
        ] {
            assert_eq!(DeploymentId::of_directory("default", &name), None, "{name}");
        }
    }
}
