//! What the machine boots with: busybox, the kernel's modules, programs with their libraries, and the stage's files.

use crate::run::Run;
use crate::vm::root::Root;
use anyhow::{Context as _, Result};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The file systems and devices of the stages; the kernel's package has them as modules.
const MODULES: [&str; 5] = ["virtio_blk", "ext4", "erofs", "overlay", "loop"];
const FOLDERS: [&str; 10] = [
    "bin", "dev", "etc", "lib64", "modules", "mnt", "proc", "run", "sys", "var/tmp",
];

/// The start of every script.
const PREAMBLE: &str = r#"#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin TMPDIR=/tmp
mkdir -p /tmp /disk
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp; mount -t tmpfs run /run
for module in /modules/*; do insmod "$module"; done
result() { echo "RESULT $*"; }
"#;
const END: &str = "\nresult end reached\npoweroff -f\n";

/// The initramfs while it is a folder.
#[derive(Debug)]
pub(super) struct Initramfs<'a> {
    root: &'a Root,
    folder: PathBuf,
}

impl<'a> Initramfs<'a> {
    pub(super) fn new(root: &'a Root, folder: PathBuf) -> Result<Self> {
        for name in FOLDERS {
            fs::create_dir_all(folder.join(name))?;
        }
        fs::copy(
            root.folder.join("usr/bin/busybox"),
            folder.join("bin/busybox"),
        )
        .context("busybox of the machine's root file system")?;
        let made = Self { root, folder };
        made.add_modules()?;
        Ok(made)
    }

    /// In the order in which they can be loaded, unpacked.
    fn add_modules(&self) -> Result<()> {
        let mut files: Vec<String> = Vec::new();
        for module in MODULES {
            let listed = Run::new("chroot")
                .arg(&self.root.folder)
                .args(["modprobe", "--show-depends", "--set-version"])
                .args([&self.root.kernel, module])
                .read()?;
            let paths = listed
                .lines()
                .filter_map(|line| line.strip_prefix("insmod "))
                .map(|path| path.trim().to_owned());
            files.extend(paths);
        }
        let mut seen = Vec::new();
        for file in files {
            if seen.contains(&file) {
                continue;
            }
            let packed = self.root.folder.join(file.trim_start_matches('/'));
            let place = self.folder.join(format!("modules/{:02}.ko", seen.len()));
            if file.ends_with(".xz") {
                let unpacked = place.with_extension("ko.xz");
                fs::copy(&packed, &unpacked)?;
                Run::new("xz")
                    .args(["--decompress"])
                    .arg(&unpacked)
                    .read()?;
            } else {
                fs::copy(&packed, &place).with_context(|| packed.display().to_string())?;
            }
            seen.push(file);
        }
        Ok(())
    }

    /// A program of this machine, with its libraries where its loader looks for them.
    pub(super) fn add_program(&self, program: &Path) -> Result<()> {
        let name = program.file_name().context("a program has a name")?;
        fs::copy(program, self.folder.join("bin").join(name))
            .with_context(|| program.display().to_string())?;
        let libraries = Run::new("ldd").arg(program).read()?;
        for word in libraries.split_whitespace() {
            if word.starts_with('/') {
                let place = self.folder.join(word.trim_start_matches('/'));
                if let Some(parent) = place.parent() {
                    fs::create_dir_all(parent)?;
                }
                fs::copy(word, place).with_context(|| word.to_owned())?;
            }
        }
        Ok(())
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// One file of it, made with the script as what is run first.
    pub(super) fn pack(self, script: &str, to: &Path) -> Result<()> {
        let init = self.folder.join("init");
        fs::write(&init, format!("{PREAMBLE}{script}{END}"))?;
        fs::set_permissions(&init, fs::Permissions::from_mode(0o755))?;
        // busybox is linked statically, and so runs here too.
        let command = format!(
            "set -e; cd {}; find . | bin/busybox cpio -o -H newc > ../initrd.cpio; gzip -1 < ../initrd.cpio > {}; \
             rm ../initrd.cpio",
            quoted(&self.folder),
            quoted(to)
        );
        Run::new("sh").args(["-c", &command]).run()?;
        Ok(())
    }
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
