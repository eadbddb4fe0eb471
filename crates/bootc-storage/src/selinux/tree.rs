//! The files of a stored tree by path, for whoever reads one or two of them.

use std::io::Read as _;

use ostree_layer::LayerFiles;
use ostree_objects::{Checksum, DirTree};
use ostree_store::{FileObject, Repo, Stage};
use selinux_label::{PolicyTree, TreeError};

/// Symbolic links followed on one path, as Linux (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// A tree in the repository, or one that was just merged and is still in a stage.
#[derive(Clone, Copy)]
pub(crate) struct StoredTree<'a> {
    objects: Objects<'a>,
    root: Checksum,
}

#[derive(Clone, Copy)]
enum Objects<'a> {
    Repo(&'a Repo),
    Stage(&'a Stage),
}

/// What a path leads to.
enum Found {
    File(FileObject),
    Directory(DirTree),
}

impl<'a> StoredTree<'a> {
    /// The published tree of that root dirtree.
    pub(crate) const fn published(repo: &'a Repo, root: Checksum) -> Self {
        Self {
            objects: Objects::Repo(repo),
            root,
        }
    }

    /// The tree of that root dirtree, some of whose objects are in `stage`.
    pub(crate) const fn staged(stage: &'a Stage, root: Checksum) -> Self {
        Self {
            objects: Objects::Stage(stage),
            root,
        }
    }

    /// The file object at exactly this path; links are not followed.
    pub(crate) fn file(&self, path: &str) -> Result<Option<Checksum>, ostree_store::Error> {
        let parent = self.parent(path)?;
        Ok(parent.and_then(|(tree, name)| tree.file(name)))
    }

    /// The dirmeta of the directory at exactly this path below the root; links are not followed.
    pub(crate) fn directory(&self, path: &str) -> Result<Option<Checksum>, ostree_store::Error> {
        let parent = self.parent(path)?;
        Ok(parent.and_then(|(tree, name)| Some(tree.dir(name)?.1)))
    }

    /// The directory that a path is in, and its name there.
    fn parent<'p>(&self, path: &'p str) -> Result<Option<(DirTree, &'p str)>, ostree_store::Error> {
        let (parents, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut tree = self.dirtree(&self.root)?;
        for parent in names(parents) {
            match tree.dir(parent) {
                Some((child, _)) => tree = self.dirtree(&child)?,
                None => return Ok(None),
            }
        }
        Ok(Some((tree, name)))
    }

    fn dirtree(&self, checksum: &Checksum) -> Result<DirTree, ostree_store::Error> {
        match self.objects {
            Objects::Repo(repo) => repo.read_dirtree(checksum),
            Objects::Stage(stage) => stage.read_dirtree(checksum),
        }
    }

    fn open(&self, checksum: &Checksum) -> Result<FileObject, ostree_store::Error> {
        match self.objects {
            Objects::Repo(repo) => repo.open_file(checksum),
            Objects::Stage(stage) => stage.open_file(checksum),
        }
    }

    /// What `path` leads to, links followed inside the tree. `..` in a link's target stops at the root.
    fn find(&self, path: &str) -> Result<Option<Found>, ostree_store::Error> {
        let mut waiting: Vec<String> = names(path).rev().map(str::to_owned).collect();
        let mut above: Vec<DirTree> = Vec::new();
        let mut tree = self.dirtree(&self.root)?;
        let mut links = 0;
        while let Some(name) = waiting.pop() {
            if name == ".." {
                tree = above.pop().unwrap_or(tree);
                continue;
            }
            if let Some((child, _)) = tree.dir(&name) {
                let child = self.dirtree(&child)?;
                above.push(std::mem::replace(&mut tree, child));
                continue;
            }
            let Some(file) = tree.file(&name) else {
                return Ok(None);
            };
            let file = self.open(&file)?;
            let Some(target) = &file.header.symlink_target else {
                return Ok(waiting.is_empty().then_some(Found::File(file)));
            };
            links += 1;
            if links > MAX_LINKS {
                return Ok(None);
            }
            if target.starts_with('/') {
                above.clear();
                tree = self.dirtree(&self.root)?;
            }
            waiting.extend(names(target).rev().map(str::to_owned));
        }
        Ok(Some(Found::Directory(tree)))
    }
}

fn names(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|name| !matches!(*name, "" | "."))
}

impl PolicyTree for StoredTree<'_> {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        let Some(Found::File(file)) = self.find(path)? else {
            return Ok(None);
        };
        if file.size > limit {
            return Err(format!("{} bytes are more than {limit}", file.size).into());
        }
        let mut bytes = Vec::new();
        file.content.take(limit).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn names(&self, path: &str) -> Result<Option<Vec<String>>, TreeError> {
        let Some(Found::Directory(tree)) = self.find(path)? else {
            return Ok(None);
        };
        let files = tree.files.into_iter().map(|(name, _)| name);
        let dirs = tree.dirs.into_iter().map(|(name, ..)| name);
        Ok(Some(files.chain(dirs).collect()))
    }
}

/// Layers that wait for their labels, the uppermost first. Whiteouts count for nothing here: what is found is a
/// forecast, which the merged tree confirms or corrects.
pub(crate) struct WaitingLayers<'a>(pub(crate) Vec<&'a dyn LayerFiles>);

impl PolicyTree for WaitingLayers<'_> {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        for layer in &self.0 {
            if let Some(bytes) = layer.read_file(path, limit)? {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    fn names(&self, path: &str) -> Result<Option<Vec<String>>, TreeError> {
        let mut all: Option<Vec<String>> = None;
        for names in self.0.iter().filter_map(|layer| layer.names(path)) {
            all.get_or_insert_default().extend(names);
        }
        Ok(all)
    }
}
