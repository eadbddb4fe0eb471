//! The operating system's trees: the packages in the shape that boots, and what its images derive from that.

use super::packages::OsRoot;
use crate::image::{policy_module, tree};
use crate::run::Run;
use anyhow::{Context as _, Result};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

const PREPARE_ROOT: &str = "usr/lib/ostree/prepare-root.conf";

/// What the image derives from, with a unit that does what the stages want.
pub(super) const SYSTEM: &[(&str, &str)] = &[
    (
        PREPARE_ROOT,
        "[sysroot]\nreadonly=true\n[composefs]\nenabled=yes\n",
    ),
    (
        "etc/systemd/network/50-machine.network",
        "[Match]\nType=ether\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n",
    ),
    ("etc/hostname", "machine\n"),
    ("etc/fstab", "LABEL=boot /boot ext4 defaults 0 0\n"),
    ("usr/lib/systemd/system/vmtest.service", UNIT),
    (
        "etc/dracut.conf.d/90-machine.conf",
        "hostonly=no\ncompress=cat\n\
        add_drivers+=\" virtio_blk ext4 erofs overlay loop \"\nfilesystems+=\" ext4 erofs overlay \"\n\
        omit_dracutmodules+=\" network network-legacy systemd-networkd nfs iscsi plymouth btrfs dm dmraid lvm mdraid \
        crypt multipath fcoe nbd tpm2-tss i18n kernel-modules-extra drm bluetooth pcmcia \"\n",
    ),
];

const UNIT: &str = "\
[Unit]
Description=What a stage wants of this machine
After=basic.target systemd-networkd.service ostree-remount.service
ConditionPathExists=/dev/disk/by-id/virtio-drive
[Service]
Type=oneshot
Environment=HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin
ExecStart=/bin/sh -c 'mkdir -p /run/drive && tar -C /run/drive -xf /dev/disk/by-id/virtio-drive && exec bash /run/drive/driver.sh'
[Install]
WantedBy=multi-user.target
";

/// Nobody waits for these here, and some wait for each other.
const MASKED: &[&str] = &[
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "grub2-common.service",
    "ldconfig.service",
    "modprobe@drm.service",
    "netavark-dhcp-proxy.service",
    "netavark-dhcp-proxy.socket",
    "netavark-firewalld-reload.service",
    "podman-auto-update.service",
    "podman-auto-update.timer",
    "podman-restart.service",
    "selinux-autorelabel.service",
    "selinux-autorelabel-mark.service",
    "systemd-firstboot.service",
    "systemd-hwdb-update.service",
    "systemd-networkd-persistent-storage.service",
    "systemd-networkd-wait-online.service",
    "systemd-pcrphase.service",
];

/// The application that a bound image holds: one program, of the machine's packages.
pub(super) const BOUND: &str = "registry.test/vmtest/application:1";

/// The packages as an image build would have them.
pub(super) fn packages(root: &OsRoot, to: &Path) -> Result<()> {
    tree::snapshot(&root.folder, to)?;
    tree::clean(to)
}

/// The bootable shape on top; `packages` is the tree below.
pub(super) fn system(packages: &Path, to: &Path) -> Result<()> {
    tree::snapshot(packages, to)?;
    for (name, text) in SYSTEM {
        tree::write(&to.join(name), text)?;
    }
    enable(to)?;
    initramfs(to)?;
    policy_module::prepare(packages, to)?;
    tree::lay_out(to)?;
    // lay_out has one of its own.
    for (name, text) in SYSTEM.iter().filter(|(name, _)| *name == PREPARE_ROOT) {
        tree::write(&to.join(name), text)?;
    }
    let storage = to.join("usr/lib/bootc");
    fs::create_dir_all(&storage)?;
    symlink("/sysroot/ostree/bootc/storage", storage.join("storage"))?;
    Ok(())
}

fn enable(tree: &Path) -> Result<()> {
    // It would relabel a tree that cannot be written.
    tree::remove(&tree.join("usr/lib/systemd/system-generators/selinux-autorelabel-generator.sh"))?;
    let units = tree.join("etc/systemd/system");
    for unit in MASKED {
        tree::remove(&units.join(unit))?;
        symlink("/dev/null", units.join(unit)).with_context(|| (*unit).to_owned())?;
    }
    for unit in ["vmtest.service", "systemd-networkd.service"] {
        let wanted = units.join("multi-user.target.wants");
        fs::create_dir_all(&wanted)?;
        tree::remove(&wanted.join(unit))?;
        symlink(format!("/usr/lib/systemd/system/{unit}"), wanted.join(unit))?;
    }
    Ok(())
}

/// dracut finds ostree's module by itself.
fn initramfs(tree: &Path) -> Result<()> {
    let script = "mount -t proc proc \"$1/proc\"; mount -t sysfs sys \"$1/sys\"; mount --rbind /dev \"$1/dev\"; \
        mount -t tmpfs run \"$1/run\"; \
        exec chroot \"$1\" sh -ec 'version=$(ls /usr/lib/modules); dracut --quiet --force --no-hostonly --reproducible \
        --tmpdir /tmp --kver \"$version\" \"/usr/lib/modules/$version/initramfs.img\"; rm -rf /tmp/*'";
    Run::new("unshare")
        .args(["--mount", "sh", "-ec", script, "sh"])
        .arg(tree)
        .run()?;
    Ok(())
}

/// A version of the host as its user derives it: changes, additions, deletions; the second is bound to an image.
pub(super) fn derive(system: &Path, version: u32, to: &Path) -> Result<()> {
    tree::snapshot(system, to)?;
    let write = |name: &str, text: &str| tree::write(&to.join(name), text);
    write("usr/lib/os-build-version", &format!("{version}\n"))?;
    write("etc/vmtest/version.conf", &format!("version={version}\n"))?;
    write("etc/vmtest/edited.conf", &format!("version={version}\n"))?;
    write("etc/vmtest/deleted.conf", &format!("version={version}\n"))?;
    for number in 0..200_u32 {
        // One in ten differs between the versions.
        let seed = if number.is_multiple_of(10) {
            version
        } else {
            0
        };
        let text = tree::hex(&tree::digest(seed, number)).repeat(1 + number as usize % 40);
        write(&format!("usr/share/demo/data/{number}.txt"), &text)?;
    }
    let folder = to.join("usr/lib/demo");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("model.bin"), tree::noise(version, 4 << 20))?;
    write(
        "usr/lib/demo/application",
        &format!("#!/bin/sh\necho version {version}\n"),
    )?;
    fs::set_permissions(
        to.join("usr/lib/demo/application"),
        fs::Permissions::from_mode(0o755),
    )?;
    if version == 1 {
        return Ok(());
    }
    tree::remove(&to.join("usr/share/bash-completion"))?;
    write(
        "usr/lib/bootc/kargs.d/10-version.toml",
        "kargs = [\"vmtest.version=2\"]\n",
    )?;
    let unit = "usr/share/containers/systemd/application.image";
    write(unit, &format!("[Image]\nImage={BOUND}\n"))?;
    let bound = to.join("usr/lib/bootc/bound-images.d");
    fs::create_dir_all(&bound)?;
    symlink(format!("/{unit}"), bound.join("application.image"))?;
    Ok(())
}

/// A root that is verified, on top: the initramfs has the configuration too, and decides by its own.
pub(super) fn verified(derived: &Path, to: &Path) -> Result<()> {
    tree::snapshot(derived, to)?;
    let text = "[sysroot]\nreadonly=true\n[composefs]\nenabled=verity\n";
    tree::write(&to.join(PREPARE_ROOT), text)?;
    for folder in fs::read_dir(to.join("usr/lib/modules"))? {
        // dracut would write into the file, which the trees below share.
        tree::remove(&folder?.path().join("initramfs.img"))?;
    }
    initramfs(to)
}

/// A policy module on top, which gives types to files of all layers.
pub(super) fn module(derived: &Path, to: &Path) -> Result<()> {
    tree::snapshot(derived, to)?;
    policy_module::install(to)
}

/// The bound image's only layer.
pub(super) fn application(root: &OsRoot, to: &Path) -> Result<()> {
    let folder = to.join("bin");
    fs::create_dir_all(&folder)?;
    fs::copy(root.folder.join("usr/bin/busybox"), folder.join("busybox"))
        .context("busybox of the operating system")?;
    Ok(())
}
