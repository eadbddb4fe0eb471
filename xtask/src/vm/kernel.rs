//! Stages in a machine that is little more than a kernel: an initramfs made here, which holds the program and what it needs, and
//! runs the stage's script. What the script finds it prints as `RESULT name value`, on the serial line.

mod initramfs;
mod machine;

use super::expectations::{Expectations, Results};
use super::root::Root;
use super::stages::{Machine, Stage};
use crate::setup::cache;
use anyhow::Result;
use initramfs::Initramfs;
use std::fs;
use std::path::Path;
use test_images::{Image, Layer, Layout};

/// Software emulation on a busy machine: a stage takes half a minute on an idle one.
const LIMIT_SECONDS: u64 = 600;
/// With KVM a kernel boots in two of them.
const PROBE_SECONDS: u64 = 20;
const EMULATED: &str = "tcg,thread=multi,tb-size=1024";
const KVM: &str = "kvm";

pub(super) const STAGES: &[Stage] = &[Stage {
    name: "verity",
    about: "fs-verity on objects and images, and what a mount does with a file that was tampered with",
    machine: Machine::Kernel(include_str!("kernel/verity.sh")),
    expected: Expectations {
        values: &[
            ("pull", "0"),
            ("objects-without-verity", "0"),
            ("check-before", "0"),
            ("image-verity", "yes"),
            ("mount", "0"),
            ("content", "small"),
            ("deploy", "0"),
            ("deployed-verity", "yes"),
            ("deployment-check", "0"),
            ("write-to-object", "refused"),
            ("check-after", "5"),
            ("mount-after", "0"),
            ("read-tampered", "refused"),
            ("read-sound", "small"),
            ("required-without-support", "refused"),
            ("refs-without-support", "0"),
        ],
        equal: &[("digest", "image-digest"), ("digest", "deployed-digest")],
    },
}];

/// An operating system as small as one that can be deployed. It asks for a root that is verified.
const TREE: &str = "\
file usr/lib/modules/6.0/vmlinuz \"kernel\"
file usr/lib/modules/6.0/initramfs.img \"initramfs\"
file usr/lib/os-release \"ID=test\\nPRETTY_NAME=Test\\n\"
file usr/lib/ostree/prepare-root.conf \"[composefs]\\nenabled=verity\\n\"
file usr/share/big size=200000 seed=1
file usr/share/small \"small\"
file usr/share/empty \"\"
symlink usr/share/link -> small
file usr/bin/tool 4755 \"tool\"
file usr/etc/tool.conf \"x\"";

/// Boots a machine for the stage's script; what it found.
pub(super) fn run(
    stage: &str,
    script: &str,
    root: &Root,
    program: &Path,
    keep: bool,
) -> Result<Results> {
    let work = cache().join(format!("vm-{stage}"));
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    let folder = work.join("initramfs");
    fs::create_dir_all(&folder)?;
    let initramfs = Initramfs::new(root, folder)?;
    initramfs.add_program(program)?;
    for tool in [
        "/usr/sbin/mkfs.ext4",
        "/usr/sbin/debugfs",
        "/usr/bin/lsattr",
    ] {
        initramfs.add_program(Path::new(tool))?;
    }
    let image = Image::of([Layer::listing(TREE)?]).label("containers.bootc", "1");
    Layout::new()
        .image("v1", &image.build())
        .write_dir(&initramfs.folder().join("image"))?;
    let work = work.canonicalize()?;
    initramfs.pack(script, &work.join("initrd"))?;
    let results = machine::boot(root, &work, EMULATED, LIMIT_SECONDS)?;
    if keep {
        println!("kept: {}", work.display());
    } else {
        fs::remove_dir_all(&work)?;
    }
    for (name, value) in &results {
        println!("  {name}: {value}");
    }
    Ok(results)
}

/// Which of QEMU's ways to run a machine works here. That /dev/kvm is there says little: a short boot tells.
pub(super) fn accelerator(root: &Root) -> Result<&'static str> {
    if !Path::new("/dev/kvm").exists() {
        return Ok(EMULATED);
    }
    let work = cache().join("vm-probe");
    fs::create_dir_all(work.join("initramfs"))?;
    let work = work.canonicalize()?;
    Initramfs::new(root, work.join("initramfs"))?.pack("", &work.join("initrd"))?;
    let booted = machine::boots(root, &work, KVM, PROBE_SECONDS);
    fs::remove_dir_all(&work)?;
    Ok(if booted { KVM } else { EMULATED })
}
