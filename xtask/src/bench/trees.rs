//! The trees that the bench's images are made of: a root file system, and what is put on top of it.
//!
//! Each is a copy of the one below made of hard links, so a step writes new files and never into old ones.

use crate::image::tree::{digest, hex, noise, remove, write};
use anyhow::Result;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// How much of everything there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    /// Small files of the application's modules, and those that a version changes, deletes and adds.
    pub(super) modules: u32,
    pub(super) changed: usize,
    pub(super) deleted: usize,
    pub(super) added: u32,
    /// Larger files of each version, half of which compresses, and their size.
    pub(super) blobs: u32,
    pub(super) blob_bytes: usize,
}

impl Scale {
    /// Together with Debian's packages over 60,000 files; an update of some 40 MB compressed.
    pub(super) const FULL: Self = Self {
        modules: 14_000,
        changed: 2_500,
        deleted: 700,
        added: 4_000,
        blobs: 320,
        blob_bytes: 192 << 10,
    };
    /// For a look whether everything still works.
    pub(super) const SMALL: Self = Self {
        modules: 1_500,
        changed: 100,
        deleted: 20,
        added: 200,
        blobs: 20,
        blob_bytes: 64 << 10,
    };
}

/// A root file system without Debian, for the small scale.
pub(super) fn small_root(tree: &Path) -> Result<()> {
    for number in 0..1500_u32 {
        let name = format!("usr/share/doc/{}/{number}", number % 97);
        write(&tree.join(name), &text(1, number))?;
    }
    for number in 0..40_u32 {
        write(
            &tree.join(format!("usr/bin/tool-{number}")),
            &text(2, number).repeat(50),
        )?;
        write(
            &tree.join(format!("etc/conf.d/{number}.conf")),
            &text(3, number),
        )?;
    }
    for folder in ["usr/lib", "var", "run", "tmp", "proc", "sys", "dev"] {
        fs::create_dir_all(tree.join(folder))?;
    }
    Ok(())
}

/// What users put on a vendor's image: in the encapsulated images these folders are a layer of their own, with some
/// 40,000 entries the largest.
const TOOLS: [&str; 9] = [
    "usr/include",
    "usr/lib/cni",
    "usr/lib/gcc",
    "usr/lib/git-core",
    "usr/lib/modules.d",
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/vim",
    "usr/src",
];

/// Takes away what is not the vendor's.
pub(super) fn without_tools(tree: &Path) -> Result<()> {
    for folder in TOOLS {
        let place = tree.join(folder);
        if place.exists() {
            fs::remove_dir_all(place)?;
        }
    }
    Ok(())
}

/// The modules of an application: many small files.
pub(super) fn install_modules(tree: &Path, scale: Scale) -> Result<()> {
    for number in 0..scale.modules {
        let name = format!(
            "usr/lib/modules.d/{}/{}/{number}.js",
            number % 60,
            number % 7
        );
        write(&tree.join(name), &text(4, number))?;
    }
    Ok(())
}

/// What a user's own build changes, deletes and adds.
pub(super) fn derive(tree: &Path, version: u32, scale: Scale) -> Result<()> {
    let mut files = Vec::new();
    small_files(&tree.join("usr"), &mut files)?;
    let step = (files.len() / (scale.changed + scale.deleted)).max(1);
    let picked: Vec<_> = files.iter().step_by(step).collect();
    let (changed, deleted) =
        picked.split_at(picked.len() * scale.changed / (scale.changed + scale.deleted));
    for path in changed {
        let mut content = fs::read(path)?;
        content.extend(format!("version {version}\n").bytes());
        let mode = fs::metadata(path)?.mode();
        remove(path)?;
        fs::write(path, content)?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    deleted.iter().try_for_each(|path| remove(path))?;
    for number in 0..scale.added {
        let name = format!("usr/share/derived/{}/{number}.txt", number % 50);
        write(&tree.join(name), &text(10 + version, number))?;
    }
    blobs(&tree.join("usr/lib/derived"), 20 + version, scale)
}

/// The application itself, the top layer.
pub(super) fn install_application(tree: &Path, version: u32, scale: Scale) -> Result<()> {
    for number in 0..scale.added / 40 {
        write(
            &tree.join(format!("usr/lib/application/{number}.so")),
            &text(30 + version, number),
        )?;
    }
    let quarter = Scale {
        blobs: scale.blobs / 4,
        ..scale
    };
    blobs(
        &tree.join("usr/lib/application/data"),
        40 + version,
        quarter,
    )
}

fn blobs(folder: &Path, seed: u32, scale: Scale) -> Result<()> {
    fs::create_dir_all(folder)?;
    for number in 0..scale.blobs {
        let seed = seed * 1000 + number;
        fs::write(
            folder.join(format!("{number}.bin")),
            noise(seed, scale.blob_bytes),
        )?;
    }
    Ok(())
}

/// Between 65 bytes and 4 KiB.
fn text(seed: u32, number: u32) -> String {
    let times = 1 + (number.wrapping_mul(2_654_435_761) >> 26) as usize;
    (0..times)
        .map(|line| {
            hex(&digest(
                seed.wrapping_mul(64) + u32::try_from(line).unwrap_or(0),
                number,
            ))
        })
        .collect()
}

/// Regular files under 64 KiB with one name here, sorted. Copies of the tree below share them, so that is
/// told by the name.
fn small_files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let mut entries = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    entries.sort();
    for path in entries {
        let meta = fs::symlink_metadata(&path)?;
        if meta.is_dir() {
            small_files(&path, found)?;
        } else if meta.is_file() && meta.len() < 64 << 10 && meta.mode() & 0o6000 == 0 {
            found.push(path);
        }
    }
    Ok(())
}
