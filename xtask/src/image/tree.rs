//! The trees between the layers: what each step of an image build would leave on disk.
//!
//! A step works on a copy made of hard links, so it must write new files and never into old ones.

use crate::run::Run;
use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// A copy of a tree in which every file is shared.
pub(crate) fn snapshot(from: &Path, to: &Path) -> Result<()> {
    Run::new("cp")
        .args(["--archive", "--link"])
        .arg(from)
        .arg(to)
        .run()?;
    Ok(())
}

/// Takes out what belongs to the machine that built the tree, and what no image should hold.
pub(crate) fn clean(tree: &Path) -> Result<()> {
    for name in [
        "etc/apt/sources.list",
        "etc/apt/apt.conf.d/99mmdebstrap",
        "etc/dpkg/dpkg.cfg.d/99mmdebstrap",
        "etc/hostname",
        "etc/resolv.conf",
        "etc/.pwd.lock",
        "var/lib/dbus/machine-id",
        "var/lib/systemd/random-seed",
    ] {
        remove(&tree.join(name))?;
    }
    for folder in [
        "dev",
        "proc",
        "run",
        "sys",
        "tmp",
        "var/cache",
        "var/lib/apt",
        "var/log",
        "var/tmp",
    ] {
        empty(&tree.join(folder))?;
    }
    for entry in entries(&tree.join("etc/ssh"))? {
        if entry.to_string_lossy().contains("ssh_host_") {
            remove(&entry)?;
        }
    }
    if tree.join("etc/machine-id").exists() {
        write(&tree.join("etc/machine-id"), "")?;
    }
    remove_special_files(tree)
}

/// The bootable shape: kernel beside its modules, state in /var, links to where a host mounts it.
pub(crate) fn lay_out(tree: &Path) -> Result<()> {
    let modules = entries(&tree.join("usr/lib/modules"))?;
    let [modules] = modules.as_slice() else {
        bail!("one kernel was expected, and this is what is there: {modules:?}");
    };
    let version = modules
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    // Newer kernels have it there already, as the same file.
    let kernel = fs::read(tree.join("boot").join(format!("vmlinuz-{version}")))
        .context("reading the kernel")?;
    remove(&modules.join("vmlinuz"))?;
    fs::write(modules.join("vmlinuz"), kernel).context("copying the kernel")?;
    if !modules.join("initramfs.img").is_file() {
        bail!("dracut left no initramfs in {}", modules.display());
    }
    for name in ["vmlinuz", "vmlinuz.old", "initrd.img", "initrd.img.old"] {
        remove(&tree.join(name))?;
    }
    empty(&tree.join("boot"))?;
    // The package database describes /usr, and goes where /usr goes.
    fs::rename(tree.join("var/lib/dpkg"), tree.join("usr/lib/dpkg-db"))
        .context("moving dpkg's database")?;
    empty(&tree.join("var"))?;
    fs::create_dir(tree.join("sysroot"))?;
    for (link, target) in LINKS {
        remove(&tree.join(link))?;
        symlink(target, tree.join(link)).with_context(|| format!("linking {link}"))?;
    }
    write(&tree.join("usr/lib/tmpfiles.d/00-state.conf"), STATE)?;
    write(
        &tree.join("usr/lib/ostree/prepare-root.conf"),
        "[sysroot]\nreadonly=true\n",
    )?;
    let passwd = fs::read_to_string(tree.join("etc/passwd"))?;
    write(
        &tree.join("etc/passwd"),
        &passwd.replace(":/root:", ":/var/roothome:"),
    )
}

const LINKS: [(&str, &str); 8] = [
    ("ostree", "sysroot/ostree"),
    ("home", "var/home"),
    ("root", "var/roothome"),
    ("opt", "var/opt"),
    ("srv", "var/srv"),
    ("mnt", "var/mnt"),
    ("media", "run/media"),
    ("usr/local", "../var/usrlocal"),
];

const STATE: &str = "\
d /var/home 0755 root root -
d /var/roothome 0700 root root -
d /var/opt 0755 root root -
d /var/srv 0755 root root -
d /var/mnt 0755 root root -
d /var/usrlocal 0755 root root -
d /var/log 0755 root root -
d /var/lib 0755 root root -
d /var/cache 0755 root root -
d /run/media 0755 root root -
L /var/lib/dpkg - - - - ../../usr/lib/dpkg-db
";

/// A layer as a user derives it from such a base: it changes, adds and deletes.
pub(crate) fn derive(tree: &Path, version: u32) -> Result<()> {
    write(
        &tree.join("etc/motd"),
        &format!("A demo host, version {version}.\n"),
    )?;
    write(
        &tree.join("etc/demo/host.conf"),
        &format!("[host]\nversion={version}\n"),
    )?;
    // Deleted: a folder, some files of another, and all that was in a third (which stays).
    remove(&tree.join("usr/share/doc/gdb"))?;
    for locale in ["de", "fr", "es"] {
        remove(&tree.join("usr/share/locale").join(locale))?;
    }
    let info = tree.join("usr/share/info");
    fs::create_dir_all(&info)?;
    empty(&info)?;
    write(&info.join("dir"), "nothing here\n")?;
    // A folder becomes a link, a file becomes a folder.
    remove(&tree.join("usr/share/vim/vim90/tutor"))?;
    symlink("lang", tree.join("usr/share/vim/vim90/tutor"))?;
    remove(&tree.join("usr/share/doc/vim/copyright"))?;
    write(&tree.join("usr/share/doc/vim/copyright/read.me"), "moved\n")?;
    // Only the mode, the owner and the attributes change.
    let tool = own(&tree.join("usr/bin/strace"))?;
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o4750))?;
    let less = own(&tree.join("usr/bin/less"))?;
    std::os::unix::fs::chown(&less, Some(1000), Some(1000))?;
    let jq = own(&tree.join("usr/bin/jq"))?;
    rustix::fs::setxattr(
        &jq,
        "user.demo",
        b"an attribute",
        rustix::fs::XattrFlags::empty(),
    )?;
    // Added: many small files, one big one, hard links.
    for number in 0..2000_u32 {
        let name = format!("usr/share/demo/data/{:02}/{number}.txt", number % 50);
        // One in ten differs between the versions.
        let seed = if number % 10 == 0 { version } else { 0 };
        write(
            &tree.join(name),
            &hex(&digest(seed, number)).repeat(1 + number as usize % 40),
        )?;
    }
    let folder = tree.join("usr/lib/demo");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("model.bin"), noise(version, 48 << 20))?;
    fs::hard_link(folder.join("model.bin"), folder.join("model-latest.bin"))?;
    fs::hard_link(
        tree.join("usr/share/demo/data/00/0.txt"),
        folder.join("first.txt"),
    )?;
    Ok(())
}

/// The application on top, which alone knows its version everywhere.
pub(crate) fn install_application(tree: &Path, version: u32) -> Result<()> {
    write(
        &tree.join("usr/lib/os-build-version"),
        &format!("{version}\n"),
    )?;
    write(
        &tree.join("usr/lib/demo/application"),
        &format!("#!/bin/sh\necho version {version}\n"),
    )?;
    fs::set_permissions(
        tree.join("usr/lib/demo/application"),
        fs::Permissions::from_mode(0o755),
    )?;
    fs::write(
        tree.join("usr/lib/demo/library.so"),
        noise(1000 + version, 6 << 20),
    )?;
    // Each version takes out a part of what the layer below put there.
    remove(&tree.join(format!("usr/share/demo/data/{version:02}")))
}

/// Bytes that look random, and are the same in every run.
pub(crate) fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..)
        .flat_map(|block| digest(seed, block))
        .take(length)
        .collect();
    // Half of it compresses, as programs do.
    bytes[length / 2..].fill(b'.');
    bytes
}

pub(crate) fn digest(seed: u32, number: u32) -> [u8; 32] {
    Sha256::new()
        .chain_update(seed.to_le_bytes())
        .chain_update(number.to_le_bytes())
        .finalize()
        .into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
        + "\n"
}

/// A file of this text in place of what was there.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    remove(path)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

/// The file again, not shared with the trees before.
fn own(path: &Path) -> Result<PathBuf> {
    let copy = path.with_extension("own");
    Run::new("cp")
        .arg("--archive")
        .arg(path)
        .arg(&copy)
        .read()?;
    fs::rename(&copy, path)?;
    Ok(path.to_owned())
}

pub(crate) fn remove(path: &Path) -> Result<()> {
    let result = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => Ok(()),
    };
    result.with_context(|| format!("removing {}", path.display()))
}

fn empty(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        entries(folder)?
            .iter()
            .try_for_each(|entry| remove(entry))?;
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let Ok(listing) = fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let mut paths = listing
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn remove_special_files(folder: &Path) -> Result<()> {
    for entry in entries(folder)? {
        let kind = fs::symlink_metadata(&entry)?.file_type();
        if kind.is_dir() {
            remove_special_files(&entry)?;
        } else if kind.is_socket()
            || kind.is_fifo()
            || kind.is_block_device()
            || kind.is_char_device()
        {
            remove(&entry)?;
        }
    }
    Ok(())
}
