//! A freshly made file system of its own for each run: on an old one, what was deleted before slows what is
//! written next.

use crate::run::Run;
use anyhow::{Context as _, Result};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Room for the largest case; the file is sparse.
const SIZE_BYTES: u64 = 24 << 30;
/// As /sys/block counts, whatever the device's own blocks are.
const SECTOR_BYTES: u64 = 512;

/// An ext4 on a loop device, mounted for as long as the value lives.
#[derive(Debug)]
pub(super) struct Disk {
    image: PathBuf,
    /// Where it is mounted.
    pub(super) mount: PathBuf,
    device: PathBuf,
    handle: Option<File>,
    keep: bool,
}

impl Disk {
    /// Makes it in `scratch`, in the place of one that was kept.
    pub(super) fn create(scratch: &Path, keep: bool) -> Result<Self> {
        let (image, mount) = (scratch.join("disk.ext4"), scratch.join("disk"));
        File::create(&image)?.set_len(SIZE_BYTES)?;
        fs::create_dir_all(&mount)?;
        // An inode for each 8 KiB: a million small files must fit.
        Run::new("mkfs.ext4")
            .args(["-q", "-F", "-m", "0", "-i", "8192"])
            .arg(&image)
            .read()?;
        let device = Run::new("losetup")
            .args(["--find", "--show"])
            .arg(&image)
            .read()?;
        let mut disk = Self {
            image,
            mount,
            device: device.trim().into(),
            handle: None,
            keep,
        };
        // The kernel would fill in the inode tables while the run is measured.
        Run::new("mount")
            .args(["-o", "noinit_itable"])
            .args([&disk.device, &disk.mount])
            .read()?;
        disk.handle = Some(File::open(&disk.mount)?);
        Ok(disk)
    }

    /// Everything written so far is on the device, and that in its file.
    pub(super) fn sync(&self) -> Result<()> {
        let handle = self.handle.as_ref().context("not mounted")?;
        Ok(rustix::fs::syncfs(handle)?)
    }

    /// Bytes that the device was given to write, journal and metadata included.
    pub(super) fn written(&self) -> Result<u64> {
        let name = self.device.file_name().context("a device without a name")?;
        let stat = fs::read_to_string(Path::new("/sys/block").join(name).join("stat"))?;
        let sectors = stat
            .split_whitespace()
            .nth(6)
            .context("a short line of statistics")?;
        Ok(sectors.parse::<u64>()? * SECTOR_BYTES)
    }

    /// Bytes in use; those that wait to be written too.
    pub(super) fn used(&self) -> Result<u64> {
        let handle = self.handle.as_ref().context("not mounted")?;
        let fs = rustix::fs::fstatvfs(handle)?;
        Ok((fs.f_blocks - fs.f_bfree) * fs.f_frsize)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.handle = None;
        let mut undo = vec![
            Run::new("umount").arg(&self.mount),
            Run::new("losetup").arg("--detach").arg(&self.device),
        ];
        if !self.keep {
            undo.push(Run::new("rm").arg("-f").arg(&self.image));
        }
        for step in undo {
            if let Err(error) = step.read() {
                eprintln!("{error:#}");
            }
        }
    }
}
