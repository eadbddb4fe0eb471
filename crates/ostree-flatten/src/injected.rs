//! Empty files that image builders leave behind.

use ostree_objects::{Checksum, DirTree};
use ostree_store::Stage;

use crate::{
    Error, Merged, Report,
    forest::{read, write},
};

/// Files that builders mount over while they build, and leave empty in the layer.
const INJECTED: [&str; 2] = ["hostname", "resolv.conf"];

/// Removes `usr/etc/hostname` and `usr/etc/resolv.conf` where they are regular files of size 0, as ostree-ext
/// does (buildah leaves such files: containers/buildah#4242). Links and files with content stay.
///
/// Changes `merged` to the new tree and notes the paths in its report; new directory objects go to `stage`.
///
/// # Errors
///
/// An object that cannot be read or written.
pub fn drop_injected_files(merged: &mut Merged, stage: &mut Stage) -> Result<(), Error> {
    let report = &mut merged.report;
    let mut root = read(stage, &merged.tree, "", report)?;
    let Some((usr_tree, _)) = root.dir("usr") else {
        return Ok(());
    };
    let mut usr = read(stage, &usr_tree, "usr", report)?;
    let Some((etc_tree, _)) = usr.dir("etc") else {
        return Ok(());
    };
    let mut etc = read(stage, &etc_tree, "usr/etc", report)?;
    let mut removed = Vec::new();
    for name in INJECTED {
        let Some(checksum) = etc.file(name) else {
            continue;
        };
        if is_empty_file(stage, &checksum, name)? {
            etc.files.retain(|(have, _)| have != name);
            removed.push(format!("usr/etc/{name}"));
        }
    }
    if removed.is_empty() {
        return Ok(());
    }
    replace(&mut usr, "etc", &etc, stage, report)?;
    replace(&mut root, "usr", &usr, stage, report)?;
    merged.tree = write(stage, &root, Some(merged.tree), report)?;
    merged.report.injected_removed = removed;
    Ok(())
}

fn is_empty_file(stage: &Stage, checksum: &Checksum, name: &str) -> Result<bool, Error> {
    let file = stage
        .open_file(checksum)
        .map_err(|source| Error::ReadFile {
            path: format!("usr/etc/{name}"),
            source,
        })?;
    Ok(!file.header.is_symlink() && file.size == 0)
}

/// Writes `child` and makes `parent` name it.
fn replace(
    parent: &mut DirTree,
    name: &str,
    child: &DirTree,
    stage: &mut Stage,
    report: &mut Report,
) -> Result<(), Error> {
    let written = write(stage, child, None, report)?;
    for (have, tree, _) in &mut parent.dirs {
        if have == name {
            *tree = written;
        }
    }
    Ok(())
}
