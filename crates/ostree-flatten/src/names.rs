//! One directory: an upper layer's entries over the lower ones.

use std::collections::BTreeMap;

use ostree_objects::{Checksum, DirTree};

use crate::{
    Error, Report,
    forest::Child,
    marker::{Marker, PREFIX, marker},
};

/// On what a whiteout acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhiteoutOrder {
    /// On lower layers only, wherever the marker stands (OCI).
    LowerOnly,
    /// On whatever is there when the marker's turn comes, files taken in byte order of their names, before
    /// directories (ostree-ext: a file of the same layer whose name sorts before its marker is deleted).
    ByName,
}

/// The subdirectories of an upper directory: name, dirtree, dirmeta.
pub(crate) type UpperDirs = Vec<(String, Checksum, Checksum)>;

/// Whether `tree` has markers itself.
pub(crate) fn has_markers(tree: &DirTree) -> bool {
    tree.files
        .iter()
        .map(|(name, _)| name)
        .chain(tree.dirs.iter().map(|(name, ..)| name))
        .any(|name| name.starts_with(PREFIX))
}

/// A directory's entries while layers are put over it.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) files: BTreeMap<String, Checksum>,
    pub(crate) dirs: BTreeMap<String, Child>,
}

/// What [`Names::overlay`] leaves to the caller.
#[derive(Debug)]
pub(crate) struct Upper {
    /// The layer's subdirectories, to be merged with `dirs` in turn.
    pub(crate) dirs: UpperDirs,
    /// There was an opaque marker.
    pub(crate) opaque: bool,
}

impl Names {
    /// The entries of a stored directory.
    pub(crate) fn stored(tree: DirTree) -> Self {
        Self {
            files: tree.files.into_iter().collect(),
            dirs: tree
                .dirs
                .into_iter()
                .map(|(name, tree, meta)| (name, Child::Stored { tree, meta }))
                .collect(),
        }
    }

    /// Applies `upper`'s markers, then its files; `path` is for errors.
    pub(crate) fn overlay(
        &mut self,
        upper: DirTree,
        order: WhiteoutOrder,
        path: &str,
        report: &mut Report,
    ) -> Result<Upper, Error> {
        let mut opaque = false;
        let mut whiteouts = Vec::new();
        let all_names = upper.files.iter().map(|(name, _)| (name, false));
        let all_names = all_names.chain(upper.dirs.iter().map(|(name, ..)| (name, true)));
        for (name, is_dir) in all_names {
            match marker(name) {
                Some(Marker::Opaque) => opaque = true,
                Some(Marker::Invalid) => {
                    return Err(Error::InvalidWhiteout {
                        path: path.to_owned(),
                        name: name.clone(),
                    });
                }
                // In name order a marker that is a file acts when its turn comes, below.
                Some(Marker::Whiteout(target)) if is_dir || order == WhiteoutOrder::LowerOnly => {
                    whiteouts.push(target);
                }
                Some(Marker::Whiteout(_) | Marker::Other) | None => {}
            }
        }
        if opaque {
            count(report, !self.files.is_empty() || !self.dirs.is_empty());
            self.files.clear();
            self.dirs.clear();
        }
        for target in whiteouts {
            count(report, self.remove(target));
        }
        for (name, checksum) in upper.files {
            match marker(&name) {
                None => {
                    report.layer_files += 1;
                    self.dirs.remove(&name);
                    self.files.insert(name, checksum);
                }
                Some(Marker::Whiteout(target)) if order == WhiteoutOrder::ByName => {
                    count(report, self.remove(target));
                }
                Some(_) => {}
            }
        }
        let mut dirs = upper.dirs;
        dirs.retain(|(name, ..)| marker(name).is_none());
        Ok(Upper { dirs, opaque })
    }

    /// Removes the entry `name`; whether there was one.
    fn remove(&mut self, name: &str) -> bool {
        self.files.remove(name).is_some() | self.dirs.remove(name).is_some()
    }
}

fn count(report: &mut Report, applied: bool) {
    if applied {
        report.whiteouts_applied += 1;
    } else {
        report.whiteouts_missed += 1;
    }
}
