//! The tree under construction: directories that a layer touched are in memory, all others stay checksums.

use std::{collections::HashMap, mem};

use ostree_objects::{Checksum, DirTree, ObjectType};
use ostree_store::Stage;

use crate::{Error, MAX_DEPTH, Report, names::Names};

/// A directory in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DirId(usize);

/// A directory as its parent names it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Child {
    /// Not looked into, free of markers: its objects are taken as they are.
    Stored { tree: Checksum, meta: Checksum },
    /// In memory.
    Loaded(DirId),
}

/// One directory in memory.
#[derive(Debug)]
pub(crate) struct Dir {
    pub(crate) meta: Checksum,
    pub(crate) names: Names,
    /// The object that the directory was read from: written only when it came to differ.
    origin: Option<Checksum>,
}

/// The directories in memory. An arena with indices: no step recurses, whatever the depth.
#[derive(Debug, Default)]
pub(crate) struct Forest {
    dirs: Vec<Dir>,
}

impl Forest {
    pub(crate) fn add(&mut self, meta: Checksum, names: Names, origin: Option<Checksum>) -> DirId {
        self.dirs.push(Dir {
            meta,
            names,
            origin,
        });
        DirId(self.dirs.len() - 1)
    }

    pub(crate) fn dir_mut(&mut self, id: DirId) -> &mut Dir {
        // An id is only ever made by `add` of the one forest, and nothing is taken out.
        &mut self.dirs[id.0]
    }

    /// Writes what differs from its origin, children before parents; returns the root's objects.
    pub(crate) fn store(
        mut self,
        root: Child,
        stage: &mut Stage,
        report: &mut Report,
    ) -> Result<(Checksum, Checksum), Error> {
        let root = match root {
            Child::Stored { tree, meta } => return Ok((tree, meta)),
            Child::Loaded(id) => id,
        };
        let mut parents_first = vec![root];
        let mut next = 0;
        while let Some(DirId(index)) = parents_first.get(next).copied() {
            let children = self.dirs[index].names.dirs.values();
            parents_first.extend(children.filter_map(|child| match child {
                Child::Loaded(id) => Some(*id),
                Child::Stored { .. } => None,
            }));
            next += 1;
        }
        let mut stored: HashMap<usize, Checksum> = HashMap::with_capacity(parents_first.len());
        for DirId(index) in parents_first.into_iter().rev() {
            let names = mem::take(&mut self.dirs[index].names);
            let tree = DirTree {
                files: names.files.into_iter().collect(),
                dirs: names
                    .dirs
                    .into_iter()
                    .map(|(name, child)| match child {
                        Child::Stored { tree, meta } => (name, tree, meta),
                        // Every child stands after its parent in the list, so it is stored by now.
                        Child::Loaded(DirId(child)) => {
                            (name, stored[&child], self.dirs[child].meta)
                        }
                    })
                    .collect(),
            };
            let tree = write(stage, &tree, self.dirs[index].origin, report)?;
            stored.insert(index, tree);
        }
        let DirId(root) = root;
        Ok((stored[&root], self.dirs[root].meta))
    }
}

/// Writes `tree` unless it is what was read from `origin`.
pub(crate) fn write(
    stage: &mut Stage,
    tree: &DirTree,
    origin: Option<Checksum>,
    report: &mut Report,
) -> Result<Checksum, Error> {
    let bytes = tree.to_bytes();
    let checksum = tree.checksum();
    if origin == Some(checksum) {
        return Ok(checksum);
    }
    report.directories_written += 1;
    stage
        .write_metadata(ObjectType::DirTree, &bytes)
        .map_err(|source| Error::WriteDirectory { source })
}

/// Reads the directory object `tree` of `path`, through the stage, then the repository.
pub(crate) fn read(
    stage: &Stage,
    tree: &Checksum,
    path: &str,
    report: &mut Report,
) -> Result<DirTree, Error> {
    report.directories_read += 1;
    stage
        .read_dirtree(tree)
        .map_err(|source| Error::ReadDirectory {
            path: path.to_owned(),
            source,
        })
}

/// `path` with `name` below it; refused when `depth` (that of the new path) is over the limit.
pub(crate) fn join(path: &str, name: &str, depth: usize) -> Result<String, Error> {
    if depth > MAX_DEPTH {
        return Err(Error::TooDeep {
            path: path.chars().take(60).collect(),
            limit: MAX_DEPTH,
        });
    }
    Ok(if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}/{name}")
    })
}
