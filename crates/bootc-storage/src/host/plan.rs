//! What a new deployment of a stored image would be: everything is looked at before anything is written.

use std::io;

use oci_manifest::OstreeImageReference;
use ostree_objects::Checksum;
use ostree_origin::Origin;
use rustix::fs::fstatvfs;
use selinux_label::PolicyTree as _;

use super::deployment::{Deployment, DeploymentId, Deployments};
use super::kargs::{KARGS_DIRECTORY, KernelArguments, MAX_FILE_BYTES, image_arguments, update};
use super::kernel::{Kernel, find_kernel};
use super::{HostError, LockedHost, Stateroot};
use crate::Error;
use crate::selinux::StoredTree;
use crate::stored::StoredImage;

/// What libostree needs of an image to name the boot entry.
const OS_RELEASE: [&str; 3] = ["usr/lib/os-release", "usr/etc/os-release", "etc/os-release"];
/// libostree writes entries, links and folders beside the kernel.
const BOOT_SLACK_BYTES: u64 = 1024 * 1024;

/// What is to be deployed, and how.
#[derive(Debug, Clone)]
pub struct NewDeployment {
    /// The image's merge commit.
    pub commit: Checksum,
    /// Where upgrades come from.
    pub reference: OstreeImageReference,
    /// Whose `/etc` and `/var` it gets.
    pub stateroot: Stateroot,
    /// Arguments that were asked for beside the image's own and those that are there.
    pub extra_arguments: Vec<String>,
    /// It may not go to the boot order before [`LockedHost::release_staged`].
    pub locked: bool,
}

/// A deployment that has been thought through and not begun.
#[derive(Debug, Clone)]
pub struct DeploymentPlan {
    /// What is to be deployed.
    pub new: NewDeployment,
    /// The image.
    pub image: StoredImage,
    /// The kernel's version.
    pub kernel: String,
    /// Whose `/etc` and kernel arguments it takes over; none for a first deployment.
    pub merge: Option<DeploymentId>,
    /// The kernel command line before, without `ostree=`.
    pub arguments_before: KernelArguments,
    /// The kernel command line it gets, without `ostree=`.
    pub arguments: KernelArguments,
    /// Deployments that go once this one is in the boot order.
    pub removes: Vec<DeploymentId>,
    /// It waits for the next boot: the host runs from this sysroot.
    pub stages: bool,
    pub(super) origin: Origin,
}

impl LockedHost {
    /// Look at everything that a deployment of a stored image needs. Writes nothing.
    ///
    /// # Errors
    /// [`HostError::NotDeployable`] for an image that could not boot, [`HostError::BootSpace`],
    /// [`HostError::KernelArguments`], [`HostError::LocalChanges`], [`HostError::NoStateroot`]; when the image cannot be
    /// read.
    pub fn plan_deployment(&self, new: NewDeployment) -> Result<DeploymentPlan, Error> {
        self.require_stateroot(&new.stateroot)?;
        let deployments = self.deployments()?;
        let image = StoredImage::read(&self.storage, &new.reference.imgref, new.commit)?;
        let name = new.reference.imgref.to_string();
        let kernel = self.bootable_kernel(&image, &name)?;
        let merge = merge_deployment(&deployments, new.stateroot.as_str());
        let origin = origin_for(merge, &new.reference)?;
        let arguments_before = merge.map_or_else(KernelArguments::default, |merge| {
            merge.kernel_arguments.clone()
        });
        let arguments = self.arguments(&image, merge, &new)?;
        if merge.is_some() {
            self.require_semodule(&image, &name)?;
        }
        let stages = self.is_booted();
        let removes = removed_by(&deployments, merge, new.stateroot.as_str());
        if !self.has_kernel(&deployments, &kernel) {
            self.check_boot_space(&name, kernel.bytes)?;
        }
        Ok(DeploymentPlan {
            kernel: kernel.version,
            merge: merge.map(|merge| merge.id.clone()),
            arguments_before,
            arguments,
            removes,
            stages,
            origin,
            image,
            new,
        })
    }

    pub(super) fn require_stateroot(&self, stateroot: &Stateroot) -> Result<(), HostError> {
        let known = self.stateroots()?;
        if known.iter().any(|name| name == stateroot.as_str()) {
            return Ok(());
        }
        Err(HostError::NoStateroot {
            name: stateroot.to_string(),
            known,
        })
    }

    /// The names of all stateroots.
    pub(super) fn stateroots(&self) -> Result<Vec<String>, HostError> {
        let reading = |source| HostError::Io {
            action: "list the stateroots",
            source,
        };
        let mut names = Vec::new();
        for entry in self.dirs.root.read_dir("ostree/deploy").map_err(reading)? {
            if let Ok(name) = entry.map_err(reading)?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The image's kernel; an error for what libostree would refuse half way, or a machine could not boot.
    fn bootable_kernel(&self, image: &StoredImage, name: &str) -> Result<Kernel, Error> {
        let refuse = |reason: String| HostError::NotDeployable {
            image: name.to_owned(),
            reason,
        };
        let repo = &self.storage.repo;
        let tree = StoredTree::published(repo, image.tree.0);
        let looking = store("look at the image's tree");
        let is_filled = |path: &str| match tree.dirtree_at(path) {
            Ok(found) => {
                Ok(found.is_some_and(|dir| !(dir.files.is_empty() && dir.dirs.is_empty())))
            }
            Err(error) => Err(looking(error)),
        };
        if is_filled("etc")? && is_filled("usr/etc")? {
            return Err(refuse("both /etc and /usr/etc have files".to_owned()).into());
        }
        let mut has_os_release = false;
        for path in OS_RELEASE {
            has_os_release |= tree.file(path).map_err(&looking)?.is_some();
        }
        if !has_os_release {
            return Err(refuse(
                "it has no /usr/lib/os-release, which names the boot entry".to_owned(),
            )
            .into());
        }
        let kernel =
            find_kernel(repo, &image.tree.0).map_err(store("look for the image's kernel"))?;
        Ok(kernel.map_err(|fault| refuse(fault.to_string()))?)
    }

    /// Where a deployment takes over another one's `/etc`, libostree runs `semodule` of an image that has a policy, and
    /// fails where it is missing: when the system goes down, if the deployment is staged.
    fn require_semodule(&self, image: &StoredImage, name: &str) -> Result<(), Error> {
        let tree = StoredTree::published(&self.storage.repo, image.tree.0);
        let has = |path: &str| {
            let found = tree.file(path).map_err(store("look at the image's tree"));
            found.map(|found| found.is_some())
        };
        if !has("usr/etc/selinux/config")? || has("usr/sbin/semodule")? || has("usr/bin/semodule")?
        {
            return Ok(());
        }
        Err(HostError::NotDeployable {
            image: name.to_owned(),
            reason: "it has an SELinux policy (/etc/selinux/config) and no program semodule, with which libostree builds the policy anew"
                .to_owned(),
        }
        .into())
    }

    /// One of the deployments has this very kernel, which then is in `/boot`. What cannot be read has not.
    fn has_kernel(&self, deployments: &Deployments, kernel: &Kernel) -> bool {
        let repo = &self.storage.repo;
        let written = deployments
            .list
            .iter()
            .filter(|deployment| deployment.staged.is_none());
        written.into_iter().any(|deployment| {
            let commit = repo.read_commit(&deployment.id.commit);
            let found = commit.and_then(|commit| find_kernel(repo, &commit.tree));
            matches!(found, Ok(Ok(found)) if found.files == kernel.files)
        })
    }

    /// Those of the deployment before, changed as the image's own changed, then what was asked for.
    fn arguments(
        &self,
        image: &StoredImage,
        merge: Option<&Deployment>,
        new: &NewDeployment,
    ) -> Result<KernelArguments, Error> {
        let name = new.reference.imgref.to_string();
        let architecture = rust_architecture(image.config.architecture());
        let shipped = self.shipped_arguments(&image.tree.0, architecture, &name)?;
        let before = match merge {
            None => KernelArguments::default(),
            // What cannot be read of the old image takes nothing away.
            Some(merge) => match self.storage.repo.read_commit(&merge.id.commit) {
                Ok(commit) => self
                    .shipped_arguments(&commit.tree, architecture, &merge.id.to_string())
                    .unwrap_or_default(),
                Err(_) => KernelArguments::default(),
            },
        };
        let current = merge.map_or_else(KernelArguments::default, |merge| {
            merge.kernel_arguments.clone()
        });
        let mut arguments = update(&current, &before, &shipped).arguments;
        for extra in &new.extra_arguments {
            if arguments.iter().any(|there| there.as_str() == extra) {
                continue;
            }
            arguments
                .append(extra)
                .map_err(|source| HostError::KernelArguments {
                    image: "the command line".to_owned(),
                    source: Box::new(source),
                })?;
        }
        Ok(arguments)
    }

    /// What the image of that tree brings along.
    fn shipped_arguments(
        &self,
        root: &Checksum,
        architecture: &str,
        name: &str,
    ) -> Result<KernelArguments, Error> {
        let tree = StoredTree::published(&self.storage.repo, *root);
        let reading = store("read the image's kernel arguments");
        let Some(directory) = tree.dirtree_at(KARGS_DIRECTORY).map_err(reading)? else {
            return Ok(KernelArguments::default());
        };
        let limit = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX);
        let names = directory.files.into_iter().map(|(name, _)| name);
        let read = |file: &str| {
            let found = tree.read(&format!("{KARGS_DIRECTORY}/{file}"), limit);
            found
                .map_err(io::Error::other)
                .map(Option::unwrap_or_default)
        };
        let arguments = image_arguments(names, read, architecture);
        Ok(arguments.map_err(|source| HostError::KernelArguments {
            image: name.to_owned(),
            source: Box::new(source),
        })?)
    }

    /// libostree copies the kernel only when the system goes down, where a full `/boot` is seen by nobody.
    fn check_boot_space(&self, image: &str, kernel_bytes: u64) -> Result<(), HostError> {
        let looking = |source| HostError::Io {
            action: "ask for free space in /boot",
            source,
        };
        let boot = self.dirs.root.open_dir("boot").map_err(looking)?;
        let free = fstatvfs(&boot).map_err(|errno| looking(errno.into()))?;
        let available_bytes = free.f_bavail.saturating_mul(free.f_frsize);
        let needed_bytes = kernel_bytes + BOOT_SLACK_BYTES;
        if needed_bytes > available_bytes {
            return Err(HostError::BootSpace {
                image: image.to_owned(),
                needed_bytes,
                available_bytes,
            });
        }
        Ok(())
    }
}

/// The deployment whose `/etc` the next one of that stateroot takes over: what runs, else what boots first.
pub(super) fn merge_deployment<'a>(
    deployments: &'a Deployments,
    stateroot: &str,
) -> Option<&'a Deployment> {
    let own = |deployment: &&Deployment| {
        deployment.id.stateroot == stateroot && deployment.staged.is_none()
    };
    deployments
        .booted()
        .filter(own)
        .or_else(|| deployments.list.iter().find(own))
}

/// What libostree's `ostree_sysroot_simple_write_deployment` drops: what neither runs, nor is merged from, nor is
/// pinned, nor is of another stateroot.
fn removed_by(
    deployments: &Deployments,
    merge: Option<&Deployment>,
    stateroot: &str,
) -> Vec<DeploymentId> {
    let stays = |deployment: &Deployment| {
        deployment.booted
            || deployment.is_pinned()
            || deployment.id.stateroot != stateroot
            || merge.is_some_and(|merge| merge.id == deployment.id)
    };
    deployments
        .list
        .iter()
        .filter(|deployment| !stays(deployment))
        .map(|deployment| deployment.id.clone())
        .collect()
}

/// The origin of the next deployment: the old one with everything in it, another image in place of what it had.
fn origin_for(
    merge: Option<&Deployment>,
    reference: &OstreeImageReference,
) -> Result<Origin, HostError> {
    let mut origin = match merge {
        None => Origin::default(),
        Some(merge) => {
            let origin = merge.origin.clone().unwrap_or_default();
            let groups = origin.incompatible();
            if !groups.is_empty() {
                return Err(HostError::LocalChanges {
                    deployment: merge.id.to_string(),
                    groups: groups.join(", "),
                });
            }
            origin
        }
    };
    origin.remove_transient();
    let written = origin.set_container_image(reference);
    written.map_err(|source| HostError::Reference {
        reference: reference.to_string(),
        source,
    })?;
    Ok(origin)
}

pub(in crate::host) fn store(action: &'static str) -> impl Fn(ostree_store::Error) -> Error {
    move |source| Error::Store { action, source }
}

/// An architecture as kernel argument files name it, from what OCI calls it.
fn rust_architecture(oci: &str) -> &str {
    match oci {
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        "386" => "x86",
        "ppc64le" => "powerpc64",
        other => other,
    }
}
