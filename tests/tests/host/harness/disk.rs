//! File systems of their own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use whole_program_tests::{run, tool};

/// An ext4 file system in a file, mounted until it is dropped.
#[derive(Debug)]
pub(crate) struct Disk {
    folder: TempDir,
}

impl Disk {
    /// A new one of so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "these tests mount file systems: run them as root"
        );
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        let file = folder.path().join("disk");
        File::create(&file).unwrap().set_len(bytes).unwrap();
        let path = file.to_str().unwrap();
        tool("mkfs.ext4", ["-q", "-m", "0", path]);
        let disk = Self { folder };
        std::fs::create_dir(disk.path()).unwrap();
        mount(&["-o", "loop", path], &disk.path());
        disk
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }

    /// Shows it at another place too.
    pub(crate) fn mount_also_at(&self, place: &Path) {
        let own = self.path();
        mount(&["--bind", own.to_str().unwrap()], place);
    }

    /// Takes it away there.
    pub(crate) fn unmount_at(&self, place: &Path) {
        tool("umount", [place]);
    }

    /// A folder on the machine's own file system, for whatever goes with this disk.
    pub(crate) fn beside(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = run(Command::new("umount").arg("--lazy").arg(self.path()));
    }
}

fn mount(options: &[&str], place: &Path) {
    run(Command::new("mount").args(options).arg(place)).ok();
}
