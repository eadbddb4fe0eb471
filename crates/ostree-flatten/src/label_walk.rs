//! Every path of a tree, held against the label that a policy gives it.

use std::collections::HashMap;
use std::mem;

use ostree_objects::{Checksum, DirMeta, DirTree};
use ostree_store::Repo;

use crate::forest::join;
use crate::{Error, FileLabel, LabelOf, MAX_PATHS, Mislabelled, Of};

/// The attribute that holds a label.
pub(crate) const SELINUX: &[u8] = b"security.selinux";

/// What is at a path.
#[derive(Debug)]
pub(crate) enum Node<'a> {
    Directory(&'a DirMeta),
    File(&'a Checksum),
}

/// Who is told of wrong labels.
pub(crate) trait OnWrong {
    /// The object that takes the place of `node`, if one does.
    fn wrong(&mut self, node: Node<'_>, wrong: Mislabelled) -> Result<Option<Checksum>, Error>;

    /// Stores a directory in which something was replaced.
    fn store(&mut self, tree: &DirTree) -> Result<Checksum, Error>;
}

/// What a walk needs besides the tree.
pub(crate) struct Walk<'a> {
    repo: &'a Repo,
    label_of: &'a LabelOf<'a>,
    known: Option<&'a FileLabel<'a>>,
    of: Of,
    on_wrong: &'a mut dyn OnWrong,
    /// Mode and label of dirmetas: a tree has a few hundred.
    metas: HashMap<Checksum, (u32, Option<Vec<u8>>)>,
    looked_at: u64,
}

/// A directory as its parent names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) tree: Checksum,
    pub(crate) meta: Checksum,
}

/// A directory whose files are done and whose subdirectories are walked one after the other.
struct Open {
    path: String,
    before: Pair,
    meta: Checksum,
    tree: DirTree,
    /// The same directory of the tree that is known to be right.
    right: Option<DirTree>,
    /// Subdirectories that are done.
    done: usize,
    changed: bool,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(
        repo: &'a Repo,
        label_of: &'a LabelOf<'a>,
        known: Option<&'a FileLabel<'a>>,
        of: Of,
        on_wrong: &'a mut dyn OnWrong,
    ) -> Self {
        Self {
            repo,
            label_of,
            known,
            of,
            on_wrong,
            metas: HashMap::new(),
            looked_at: 0,
        }
    }

    /// Walks `root`; what `right`, a tree whose labels are right, has at the same path is passed over. Returns the
    /// tree with everything that was replaced, and how many paths were looked at. Nothing recurses, whatever the
    /// depth.
    pub(crate) fn run(mut self, root: Pair, right: Option<Pair>) -> Result<(Pair, u64), Error> {
        if right == Some(root) {
            return Ok((root, 0));
        }
        let mut above: Vec<Open> = Vec::new();
        let mut dir = self.open(String::new(), root, right)?;
        loop {
            if let Some((name, tree, meta)) = dir.tree.dirs.get(dir.done) {
                let child = Pair {
                    tree: *tree,
                    meta: *meta,
                };
                let right = dir.right_child(name);
                if right == Some(child) {
                    dir.done += 1;
                    continue;
                }
                let path = join(&dir.path, name, above.len() + 1)?;
                let child = self.open(path, child, right)?;
                above.push(mem::replace(&mut dir, child));
                continue;
            }
            let before = dir.before;
            let after = self.close(dir)?;
            let Some(mut parent) = above.pop() else {
                return Ok((after, self.looked_at));
            };
            if let Some(entry) = parent.tree.dirs.get_mut(parent.done) {
                (entry.1, entry.2) = (after.tree, after.meta);
            }
            parent.changed |= after != before;
            parent.done += 1;
            dir = parent;
        }
    }

    /// Reads a directory and does its own label and those of its files.
    fn open(&mut self, path: String, before: Pair, right: Option<Pair>) -> Result<Open, Error> {
        let tree = self.read_tree(&before.tree, &path)?;
        // It only saves work: what cannot be read of it saves none.
        let right_tree = right.and_then(|right| self.read_tree(&right.tree, &path).ok());
        let mut dir = Open {
            meta: before.meta,
            right: right_tree,
            path,
            before,
            tree,
            done: 0,
            changed: false,
        };
        if right.is_none_or(|right| right.meta != before.meta) {
            self.directory(&mut dir)?;
        }
        self.files(&mut dir)?;
        Ok(dir)
    }

    fn directory(&mut self, dir: &mut Open) -> Result<(), Error> {
        let (mode, found) = match self.metas.get(&dir.before.meta) {
            Some(known) => known.clone(),
            None => {
                let meta = self.read_meta(dir)?;
                let known = (meta.mode, meta.xattrs.get(SELINUX).map(<[u8]>::to_vec));
                self.metas.insert(dir.before.meta, known.clone());
                known
            }
        };
        if let Some(wrong) = self.compare(&dir.path, mode, found)? {
            let meta = self.read_meta(dir)?;
            if let Some(other) = self.on_wrong.wrong(Node::Directory(&meta), wrong)? {
                dir.meta = other;
            }
        }
        Ok(())
    }

    fn read_meta(&self, dir: &Open) -> Result<DirMeta, Error> {
        let meta = self.repo.read_dirmeta(&dir.before.meta);
        meta.map_err(|source| Error::ReadDirectory {
            path: dir.path.clone(),
            source,
        })
    }

    fn files(&mut self, dir: &mut Open) -> Result<(), Error> {
        for (name, checksum) in &mut dir.tree.files {
            let right = dir.right.as_ref().and_then(|right| right.file(name));
            if right == Some(*checksum) {
                continue;
            }
            let path = join(&dir.path, name, 0)?;
            let (mode, found) = match self.known.and_then(|known| known(checksum)) {
                Some(known) => known,
                None => self.label(checksum, &path)?,
            };
            if let Some(wrong) = self.compare(&path, mode, found)?
                && let Some(other) = self.on_wrong.wrong(Node::File(checksum), wrong)?
            {
                *checksum = other;
                dir.changed = true;
            }
        }
        Ok(())
    }

    /// Mode and label of a file.
    fn label(&self, file: &Checksum, path: &str) -> Result<(u32, Option<Vec<u8>>), Error> {
        self.repo
            .file_attribute(file, SELINUX)
            .map_err(|source| Error::ReadFile {
                path: path.to_owned(),
                source,
            })
    }

    /// What is wrong with the label of a path, if anything is.
    fn compare(
        &mut self,
        path: &str,
        mode: u32,
        found: Option<Vec<u8>>,
    ) -> Result<Option<Mislabelled>, Error> {
        self.looked_at += 1;
        // A tree of objects may name one directory twice in each of many levels: more paths than can be walked.
        if self.looked_at > MAX_PATHS {
            return Err(Error::TooManyPaths { limit: MAX_PATHS });
        }
        let wanted = (self.label_of)(path, mode).map_err(|source| Error::Label {
            path: path.to_owned(),
            source,
        })?;
        let right = match &wanted {
            None => found.is_none() || self.of == Of::Tree,
            Some(_) => found == wanted,
        };
        Ok((!right).then(|| Mislabelled {
            path: path.to_owned(),
            mode,
            found,
            wanted,
        }))
    }

    fn close(&mut self, dir: Open) -> Result<Pair, Error> {
        let tree = match dir.changed {
            false => dir.before.tree,
            true => self.on_wrong.store(&dir.tree)?,
        };
        let meta = dir.meta;
        Ok(Pair { tree, meta })
    }

    fn read_tree(&self, tree: &Checksum, path: &str) -> Result<DirTree, Error> {
        self.repo
            .read_dirtree(tree)
            .map_err(|source| Error::ReadDirectory {
                path: path.to_owned(),
                source,
            })
    }
}

impl Open {
    fn right_child(&self, name: &str) -> Option<Pair> {
        let (tree, meta) = self.right.as_ref()?.dir(name)?;
        Some(Pair { tree, meta })
    }
}
