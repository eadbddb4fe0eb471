//! The operating system's packages: a root file system of a Debian whose libostree knows composefs.

use crate::image;
use crate::run::Run;
use crate::setup::cache;
use crate::suite::Packages;
use anyhow::{Context as _, Result};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

const PACKAGES: Packages = Packages {
    suite: "testing",
    variant: "minbase",
    include: "linux-image-cloud-amd64,systemd,systemd-sysv,dbus,udev,kmod,dracut,\
        ostree,ostree-boot,bubblewrap,podman,crun,skopeo,\
        selinux-policy-default,selinux-utils,policycoreutils,checkpolicy,semodule-utils,\
        attr,e2fsprogs,iproute2,grub-pc-bin,grub-common,busybox-static",
    options: &[
        "--aptopt=APT::Install-Recommends \"false\"",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
    ],
};

/// The root file system, in the cache.
#[derive(Debug)]
pub(super) struct OsRoot {
    pub(super) folder: PathBuf,
    /// Names its recipe.
    pub(super) key: String,
}

impl OsRoot {
    /// Runs a program of it in it, with `work` as its folder `machine`.
    pub(super) fn run(&self, work: &Path, program: &str, arguments: &[&str]) -> Result<()> {
        fs::create_dir_all(self.folder.join("machine"))?;
        let script = "mount --rbind \"$1\" \"$2/machine\"; mount -t proc proc \"$2/proc\"; \
            mount --rbind /dev \"$2/dev\"; mount --rbind /sys \"$2/sys\"; root=$2; shift 2; \
            exec chroot \"$root\" \"$@\"";
        Run::new("unshare")
            .args(["--mount", "sh", "-ec", script, "sh"])
            .args([work, &self.folder])
            .arg(program)
            .args(arguments)
            .run()?;
        Ok(())
    }
}

/// Makes it, once; one of an older recipe goes.
pub(super) fn ensure() -> Result<OsRoot> {
    let key = image::key(&PACKAGES.text());
    let folder = home().join(format!("packages-{key}"));
    if !folder.exists() {
        println!(
            "making an operating system of Debian {}'s packages; once, some 550 MB",
            PACKAGES.suite
        );
        sweep("packages-")?;
        fs::create_dir_all(home())?;
        PACKAGES.put_into(&folder)?;
    }
    Ok(OsRoot { folder, key })
}

/// Where everything is kept that is made once.
pub(super) fn home() -> PathBuf {
    cache().join("vm-os")
}

/// Waits until no other run works there; as long as the file is open, none begins to.
pub(in crate::vm) fn alone() -> Result<File> {
    fs::create_dir_all(home())?;
    let lock = File::create(home().join("lock"))?;
    lock.lock().context("waiting for another vmtest")?;
    Ok(lock)
}

/// Takes away what a recipe of this kind made before.
pub(super) fn sweep(kind: &str) -> Result<()> {
    for entry in fs::read_dir(home()).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(kind) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// A folder and all in it, if it is there.
pub(super) fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}
