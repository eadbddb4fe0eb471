//! The stages: what the machine gets, what it runs, and what it has to find.

use super::initramfs::Initramfs;
use super::machine::{self, Results};
use super::root::Root;
use crate::setup::cache;
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};
use test_images::{Image, Layer, Layout};

/// One machine's life.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    script: &'static str,
    /// Results that the script must give: name and value.
    expected: &'static [(&'static str, &'static str)],
    /// Names of results that must be equal.
    equal: &'static [(&'static str, &'static str)],
}

pub(super) const STAGES: &[Stage] = &[Stage {
    name: "verity",
    about: "fs-verity on objects and images, and what a mount does with a file that was tampered with",
    script: include_str!("verity.sh"),
    expected: &[
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

impl Stage {
    /// Boots a machine for it; what it did not find as it should.
    pub(super) fn run(&self, root: &Root, keep: bool) -> Result<Vec<String>> {
        let work = cache().join(format!("vm-{}", self.name));
        if work.exists() {
            fs::remove_dir_all(&work)?;
        }
        let folder = work.join("initramfs");
        fs::create_dir_all(&folder)?;
        let initramfs = Initramfs::new(root, folder)?;
        initramfs.add_program(&program())?;
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
        initramfs.pack(self.script, &work.join("initrd"))?;
        let results = machine::boot(root, &work)?;
        if keep {
            println!("kept: {}", work.display());
        } else {
            fs::remove_dir_all(&work)?;
        }
        for (name, value) in &results {
            println!("  {name}: {value}");
        }
        Ok(self.faults(&results))
    }

    fn faults(&self, results: &Results) -> Vec<String> {
        let found = |name: &str| results.get(name).map_or("nothing", String::as_str);
        let values = self
            .expected
            .iter()
            .filter(|(name, value)| found(name) != *value)
            .map(|(name, value)| format!("{name} is {}, not {value}", found(name)));
        let pairs = self
            .equal
            .iter()
            .filter(|(one, other)| !results.contains_key(*one) || found(one) != found(other))
            .map(|(one, other)| format!("{one} is {}, and {other} {}", found(one), found(other)));
        values.chain(pairs).collect()
    }
}

fn program() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    target.join("release/bootc-storage")
}
