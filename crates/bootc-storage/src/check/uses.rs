//! Which images damaged objects are part of, and where in their trees.

use std::collections::{BTreeMap, HashSet};

use ostree_objects::{Checksum, ObjectName, ObjectType};
use ostree_store::Repo;

use crate::stored::StoredImage;
use crate::{Error, Storage};

/// So many paths of one object are collected: an empty file may be in thousands of places.
const MAX_PATHS: usize = 3;

/// What an object is part of.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Images by name.
    pub(super) images: Vec<String>,
    /// Where the object is in their trees, the first [`MAX_PATHS`]; none for what is in no merged tree.
    pub(super) paths: Vec<String>,
}

/// Where `damaged` objects are used by any of `images`. What cannot be read is passed over: it is damaged itself.
///
/// # Errors
/// When refs cannot be read at all.
pub(super) fn find(
    storage: &Storage,
    images: &[StoredImage],
    damaged: &HashSet<ObjectName>,
) -> Result<BTreeMap<ObjectName, Uses>, Error> {
    let mut search = Search {
        repo: &storage.repo,
        damaged,
        uses: BTreeMap::new(),
    };
    for image in images {
        let name = image.reference.to_string();
        let layers = image.layers(storage)?;
        let layers = layers.into_iter().filter_map(|layer| layer.commit);
        search.commit(&name, image.merge_commit, Tree::Merged);
        for commit in image.base_commit.into_iter().chain(layers) {
            search.commit(&name, commit, Tree::OfLayer);
        }
    }
    Ok(search.uses)
}

/// Whose paths are those of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tree {
    Merged,
    /// Paths of a chunk are no paths, and those of a layer may be gone from the image.
    OfLayer,
}

struct Search<'a> {
    repo: &'a Repo,
    damaged: &'a HashSet<ObjectName>,
    uses: BTreeMap<ObjectName, Uses>,
}

impl Search<'_> {
    fn commit(&mut self, image: &str, commit: Checksum, tree: Tree) {
        for object_type in [ObjectType::Commit, ObjectType::CommitMeta] {
            self.met(image, ObjectName::new(commit, object_type), None);
        }
        let Ok(commit) = self.repo.read_commit(&commit) else {
            return;
        };
        self.met(
            image,
            ObjectName::new(commit.meta, ObjectType::DirMeta),
            Some("/").filter(|_| tree == Tree::Merged),
        );
        self.tree(image, commit.tree, tree);
    }

    fn tree(&mut self, image: &str, root: Checksum, kind: Tree) {
        let mut waiting = vec![(String::new(), root)];
        let mut seen = HashSet::new();
        while let Some((path, tree)) = waiting.pop() {
            if !seen.insert(tree) {
                continue;
            }
            let shown = |path: String| Some(path).filter(|_| kind == Tree::Merged);
            let here = if path.is_empty() { "/" } else { &path };
            self.met(
                image,
                ObjectName::new(tree, ObjectType::DirTree),
                shown(here.to_owned()).as_deref(),
            );
            let Ok(entries) = self.repo.read_dirtree(&tree) else {
                continue;
            };
            for (name, file) in entries.files {
                let file = ObjectName::new(file, ObjectType::File);
                if self.damaged.contains(&file) {
                    self.met(image, file, shown(format!("{path}/{name}")).as_deref());
                }
            }
            for (name, child, meta) in entries.dirs {
                let below = format!("{path}/{name}");
                let meta = ObjectName::new(meta, ObjectType::DirMeta);
                self.met(image, meta, shown(below.clone()).as_deref());
                waiting.push((below, child));
            }
        }
    }

    fn met(&mut self, image: &str, object: ObjectName, path: Option<&str>) {
        if !self.damaged.contains(&object) {
            return;
        }
        let uses = self.uses.entry(object).or_default();
        if uses.images.last().is_none_or(|last| last != image) {
            uses.images.push(image.to_owned());
        }
        if let Some(path) = path
            && uses.paths.len() < MAX_PATHS
            && !uses.paths.iter().any(|known| known == path)
        {
            uses.paths.push(path.to_owned());
        }
    }
}
