//! A disk that boots: partitions, file systems, GRUB. What is on it besides is put there by who is tried.

use super::mbr::{self, Partition, SECTOR};
use super::mounted::Mounted;
use super::packages::OsRoot;
use crate::run::Run;
use anyhow::{Context as _, Result, ensure};
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

const MIB: u64 = 1 << 20;
const BOOT: Partition = Partition {
    start: MIB,
    size: 512 * MIB,
};
const ROOT: Partition = Partition {
    start: 513 * MIB,
    size: 5 * 1024 * MIB,
};

/// What GRUB 2.14 reads by itself.
const BOOT_FEATURES: &str = "^64bit,^metadata_csum,^metadata_csum_seed,^orphan_file";
/// It reads the entries that libostree writes, at each boot anew.
const GRUB_CONFIG: &str = "\
serial --unit=0 --speed=115200
terminal_output serial
set timeout=0
set default=0
blscfg
";
const GRUB_MODULES: &[&str] = &[
    "biosdisk",
    "part_msdos",
    "ext2",
    "normal",
    "linux",
    "blsuki",
    "serial",
    "terminal",
    "configfile",
    "test",
    "echo",
    "ls",
    "cat",
    "search",
    "boot",
];

/// A file that is a disk.
#[derive(Debug)]
pub(super) struct Disk {
    pub(super) file: PathBuf,
}

impl Disk {
    /// Makes it, with empty file systems.
    pub(super) fn create(file: PathBuf, root: &OsRoot) -> Result<Self> {
        let disk = File::create(&file)?;
        disk.set_len(ROOT.start + ROOT.size)?;
        let grub = root.folder.join("usr/lib/grub/i386-pc/boot.img");
        let code = fs::read(&grub).with_context(|| grub.display().to_string())?;
        let sector = mbr::sector(&code, &[BOOT, ROOT]).context("a table of partitions")?;
        disk.write_all_at(&sector, 0)?;
        disk.write_all_at(&core(root)?, SECTOR)?;
        let made = Self { file };
        made.format(BOOT, "boot", BOOT_FEATURES)?;
        made.format(ROOT, "root", "verity")?;
        Ok(made)
    }

    fn format(&self, partition: Partition, label: &str, features: &str) -> Result<()> {
        Run::new("mkfs.ext4")
            .args(["-q", "-F", "-L", label, "-b", "4096", "-O", features])
            .args(["-E", &format!("offset={}", partition.start)])
            .arg(&self.file)
            .arg(format!("{}k", partition.size / 1024))
            .read()?;
        Ok(())
    }

    /// Both file systems below `at`, as the system has them. Not while a guest runs.
    pub(super) fn mount(&self, at: &Path) -> Result<[Mounted; 2]> {
        let options =
            |part: Partition| format!("loop,offset={},sizelimit={}", part.start, part.size);
        let root = Mounted::new(&options(ROOT), &self.file, at)?;
        let boot = Mounted::new(&options(BOOT), &self.file, &at.join("boot"))?;
        // Dropped in this order.
        Ok([boot, root])
    }
}

/// GRUB's second code, which fits before the first partition.
fn core(root: &OsRoot) -> Result<Vec<u8>> {
    let name = "tmp/core.img";
    Run::new("chroot")
        .arg(&root.folder)
        .args([
            "grub-mkimage",
            "-O",
            "i386-pc",
            "-p",
            "(hd0,msdos1)/grub",
            "-o",
        ])
        .arg(format!("/{name}"))
        .args(GRUB_MODULES)
        .read()?;
    let file = root.folder.join(name);
    let core = fs::read(&file)?;
    fs::remove_file(file)?;
    ensure!(
        core.len() as u64 <= BOOT.start - SECTOR,
        "GRUB is too large"
    );
    Ok(core)
}

/// GRUB's configuration, beside what libostree writes into the mounted `boot`.
pub(super) fn configure(boot: &Path) -> Result<()> {
    fs::create_dir_all(boot.join("grub"))?;
    fs::write(boot.join("grub/grub.cfg"), GRUB_CONFIG)?;
    Ok(())
}
