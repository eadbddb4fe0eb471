//! [`TreeDiff`]: two directory trees on disk to the layer that leads from one to the other.

mod compare;
mod node;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs::{self, File},
    io::Write,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Path, PathBuf},
};

use crate::{
    Entry, Error, Node,
    tar::{Dialect, TarWriter},
};
use node::Found;

/// Writes the difference of two directory trees as a layer: what `upper` has and `lower` has not,
/// or has otherwise, with whiteouts for what `upper` lacks. Modification times alone are no
/// difference. Without `lower`, everything.
///
/// Content streams: memory grows with the number of entries of the largest directory and of
/// hardlinks, not with file sizes. Owners and `trusted.*`, `security.*` xattrs need root.
#[derive(Clone, Debug)]
pub struct TreeDiff<'a> {
    lower: Option<&'a Path>,
    upper: &'a Path,
    skipped: BTreeSet<Vec<u8>>,
    mtime: Option<u64>,
}

/// What went into a layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiffReport {
    /// Entries, whiteouts among them.
    pub entries: u64,
    /// Whiteouts.
    pub whiteouts: u64,
    /// Bytes of file content.
    pub bytes: u64,
}

impl<'a> TreeDiff<'a> {
    /// The whole tree at `upper`.
    #[must_use]
    pub fn all(upper: &'a Path) -> Self {
        Self {
            lower: None,
            upper,
            skipped: BTreeSet::new(),
            mtime: None,
        }
    }

    /// What leads from `lower` to `upper`.
    #[must_use]
    pub fn between(lower: &'a Path, upper: &'a Path) -> Self {
        Self {
            lower: Some(lower),
            ..Self::all(upper)
        }
    }

    /// Leaves the content of a directory out (relative to the root, as `proc`), not itself.
    #[must_use]
    pub fn without_content_of(mut self, path: &str) -> Self {
        self.skipped.insert(path.as_bytes().to_vec());
        self
    }

    /// Writes this modification time everywhere, so that the layer is reproducible.
    #[must_use]
    pub fn mtime(mut self, seconds: u64) -> Self {
        self.mtime = Some(seconds);
        self
    }

    /// Writes the layer's tar (PAX), its end blocks included. Sockets are left out.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] from the trees, [`Error::Changed`] when a file shrinks meanwhile,
    /// [`Error::Write`].
    pub fn write<W: Write>(&self, out: W) -> Result<DiffReport, Error> {
        let mut walk = Walk {
            diff: self,
            tar: TarWriter::new(out, Dialect::Pax),
            links: BTreeMap::new(),
            report: DiffReport::default(),
        };
        walk.entry(&[], true)?;
        walk.tar.finish()?;
        Ok(walk.report)
    }
}

struct Walk<'a, W> {
    diff: &'a TreeDiff<'a>,
    tar: TarWriter<W>,
    /// First path written of each inode with several names.
    links: BTreeMap<(u64, u64), Vec<u8>>,
    report: DiffReport,
}

impl<W: Write> Walk<'_, W> {
    /// The entry at `path` (empty: the root) and what is below it. `compared`: whether the lower
    /// tree has a directory at the parent, so that its entry is to be looked at.
    fn entry(&mut self, path: &[u8], compared: bool) -> Result<(), Error> {
        let here = on_disk(self.diff.upper, path);
        let Some(upper) = Found::read(&here)? else {
            return Ok(());
        };
        let lower_path = self
            .diff
            .lower
            .filter(|_| compared)
            .map(|root| on_disk(root, path));
        let lower = match &lower_path {
            Some(path) => Found::read_optional(path)?,
            None => None,
        };
        let same = match (&lower, &lower_path) {
            (Some(lower), Some(lower_path)) => compare::same(lower, lower_path, &upper, &here)?,
            _ => false,
        };
        if !same {
            self.write(path, &here, &upper)?;
        }
        if upper.entry.node == Node::Dir && !self.diff.skipped.contains(path) {
            let both = lower.is_some_and(|lower| lower.entry.node == Node::Dir);
            self.directory(path, &here, lower_path.filter(|_| both).as_deref())?;
        }
        Ok(())
    }

    fn directory(&mut self, path: &[u8], here: &Path, lower: Option<&Path>) -> Result<(), Error> {
        let names = names(here)?;
        if let Some(lower) = lower {
            for name in self::names(lower)?.difference(&names) {
                self.tar.entry(&Entry::whiteout(&below(path, name)))?;
                self.report.entries += 1;
                self.report.whiteouts += 1;
            }
        }
        for name in &names {
            self.entry(&below(path, name), lower.is_some())?;
        }
        Ok(())
    }

    fn write(&mut self, path: &[u8], here: &Path, found: &Found) -> Result<(), Error> {
        let mut entry = found.entry.clone();
        entry.path = if path.is_empty() {
            b"./".to_vec()
        } else {
            path.to_vec()
        };
        if let Some(mtime) = self.diff.mtime {
            entry.mtime = mtime;
        }
        self.report.entries += 1;
        if let Some(inode) = found.shared_inode {
            if let Some(first) = self.links.get(&inode) {
                entry.node = Node::Hardlink(first.clone());
                entry.xattrs.clear();
                return self.tar.entry(&entry);
            }
            self.links.insert(inode, path.to_vec());
        }
        if !matches!(entry.node, Node::File(_)) {
            return self.tar.entry(&entry);
        }
        self.report.bytes += found.size;
        let mut file = File::open(here).map_err(|source| Error::Read {
            path: here.to_owned(),
            source,
        })?;
        self.tar.file(&entry, found.size, &mut file)
    }
}

fn on_disk(root: &Path, path: &[u8]) -> PathBuf {
    root.join(std::ffi::OsStr::from_bytes(path))
}

fn below(path: &[u8], name: &[u8]) -> Vec<u8> {
    if path.is_empty() {
        return name.to_vec();
    }
    [path, b"/", name].concat()
}

fn names(directory: &Path) -> Result<BTreeSet<Vec<u8>>, Error> {
    let fault = |source| Error::Read {
        path: directory.to_owned(),
        source,
    };
    fs::read_dir(directory)
        .map_err(fault)?
        .map(|entry| Ok(OsString::into_vec(entry.map_err(fault)?.file_name())))
        .collect()
}
