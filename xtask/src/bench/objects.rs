//! The file objects of two repositories, whatever their names: labels are part of a name, and not everyone
//! labels.

use anyhow::{Result, bail};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// One digest for each object, of its mode, owner and content.
#[derive(Debug, Default)]
pub(super) struct Objects(BTreeSet<[u8; 32]>);

impl Objects {
    /// How many there are, if they are the same.
    pub(super) fn compare(&self, other: &Self) -> Result<usize> {
        let (missing, more) = (
            self.0.difference(&other.0).count(),
            other.0.difference(&self.0).count(),
        );
        match (missing, more) {
            (0, 0) => Ok(self.0.len()),
            _ => bail!("{missing} objects are missing and {more} are too many"),
        }
    }
}

/// All below a folder.
pub(super) fn below(folder: &Path) -> Result<Objects> {
    let mut objects = BTreeSet::new();
    for first in fs::read_dir(folder)? {
        for object in fs::read_dir(first?.path())? {
            let path = object?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "file")
            {
                objects.insert(digest(&path)?);
            }
        }
    }
    Ok(Objects(objects))
}

fn digest(path: &Path) -> Result<[u8; 32]> {
    let meta = fs::symlink_metadata(path)?;
    let mut hasher = Hasher(Sha256::new());
    for number in [meta.mode(), meta.uid(), meta.gid()] {
        hasher.0.update(number.to_le_bytes());
    }
    if meta.is_symlink() {
        hasher.0.update(fs::read_link(path)?.as_os_str().as_bytes());
    } else {
        io::copy(&mut File::open(path)?, &mut hasher)?;
    }
    Ok(hasher.0.finalize().into())
}

struct Hasher(Sha256);

impl io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
