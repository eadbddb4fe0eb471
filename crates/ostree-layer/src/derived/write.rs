//! The finished tree as objects, and the layer's commit.

use ostree_objects::{Checksum, Commit, DirMeta, DirTree, Metadata, S_IFDIR, Value, Xattrs};
use ostree_store::Stage;

use super::label::with_label;
use super::object::Object;
use super::tree::{Id, Kind, ROOT};
use super::{Parsed, store};
use crate::{
    DIFF_ID_KEY, Error, IMPLIED_DIRECTORIES_KEY, IMPORTER_KEY, LABEL_POLICY_KEY, Labels,
    PATH_POLICY_KEY,
};

/// The dirmeta that was written last: many directories in a row have the same.
type Last = Option<(DirMeta, Checksum)>;

impl Parsed {
    /// Write every directory; returns those that the layer never listed, sorted.
    pub(super) fn write_directories(
        &mut self,
        stage: &Stage,
        labels: &dyn Labels,
    ) -> Result<Vec<String>, Error> {
        let mut implied = Vec::new();
        let mut implied_bytes = 0;
        let mut last = None;
        // A child's index is larger than its parent's: children first.
        for id in (ROOT..self.tree.len()).rev() {
            if self.tree.kind(id) != Kind::Directory || !self.tree.is_visible(id) {
                continue;
            }
            let path = self.tree.path(id);
            let meta = self.directory_meta(id, &path, labels)?;
            let meta = write_meta(stage, meta, &mut last).map_err(|error| error.of(&path))?;
            let tree = self.dirtree(id);
            let tree = stage.write_dirtree(&tree).map_err(store);
            let tree = tree.map_err(|error| error.of(&path))?;
            self.tree.set_objects(id, tree, meta)?;
            if self.tree.owner(id).is_none() {
                implied_bytes += path.len() + 1;
                implied.push(path);
            }
            let limit = self.tree.limits().implied_bytes;
            if implied_bytes > limit {
                let what = "bytes of names of directories that are not listed";
                return Err(Error::Limit {
                    what,
                    limit: limit as u64,
                });
            }
        }
        implied.sort_unstable();
        Ok(implied)
    }

    /// What the layer says of a directory, or what one gets that it never listed, with the label.
    fn directory_meta(&self, id: Id, path: &str, labels: &dyn Labels) -> Result<DirMeta, Error> {
        let none = Xattrs::new();
        let (uid, gid, mode, xattrs) = match self.tree.owner(id).map(|owner| self.owners.get(owner))
        {
            Some(owner) => (owner.uid, owner.gid, owner.mode, &owner.xattrs),
            None => (0, 0, S_IFDIR | 0o755, &none),
        };
        Ok(DirMeta {
            uid,
            gid,
            mode,
            xattrs: with_label(xattrs, labels, path, mode)?,
        })
    }

    fn dirtree(&self, id: Id) -> DirTree {
        let mut tree = DirTree::default();
        for child in self.tree.children(id) {
            let name = self.tree.name(child).to_owned();
            match self.tree.kind(child) {
                Kind::Directory => {
                    if let (Some(objects), Some(meta)) =
                        (self.tree.tree(child), self.tree.meta(child))
                    {
                        tree.dirs.push((name, objects, meta));
                    }
                }
                Kind::File | Kind::Symlink => {
                    // Those that waited have their name by now.
                    if let Object::Written(checksum) | Object::Mislabelled(checksum) =
                        self.tree.object(child)
                    {
                        tree.files.push((name, checksum));
                    }
                }
                Kind::Hardlink | Kind::Absent => {}
            }
        }
        tree.files.sort_unstable();
        tree.dirs.sort_unstable();
        tree
    }

    /// The layer's commit: a function of the layer, the path policy and the labels, and of nothing else.
    pub(super) fn write_commit(
        &self,
        stage: &Stage,
        labels: &dyn Labels,
        implied: Vec<String>,
    ) -> Result<Checksum, Error> {
        let mut metadata = Metadata::new();
        metadata.insert(IMPORTER_KEY, Value::Str(self.importer.clone()));
        metadata.insert(DIFF_ID_KEY, Value::Str(self.diff_id.clone()));
        metadata.insert(PATH_POLICY_KEY, Value::Str(self.path_policy.clone()));
        metadata.insert(IMPLIED_DIRECTORIES_KEY, Value::StrList(implied));
        if let Some(policy) = labels.policy() {
            metadata.insert(LABEL_POLICY_KEY, Value::Str(policy));
        }
        let root = self.tree.tree(ROOT).zip(self.tree.meta(ROOT));
        let (tree, meta) = match root {
            Some(root) => root,
            // Directories are written by now, the root last.
            None => (
                DirTree::default().checksum(),
                DirMeta::root_default().checksum(),
            ),
        };
        let commit = Commit {
            metadata,
            parent: None,
            subject: String::new(),
            body: String::new(),
            timestamp: 0,
            tree,
            meta,
        };
        let written = stage.write_commit(&commit).map_err(store);
        written.map_err(|error| error.of("the layer's commit"))
    }
}

fn write_meta(stage: &Stage, meta: DirMeta, last: &mut Last) -> Result<Checksum, Error> {
    if let Some((same, checksum)) = last
        && *same == meta
    {
        return Ok(*checksum);
    }
    let checksum = stage.write_dirmeta(&meta).map_err(store)?;
    *last = Some((meta, checksum));
    Ok(checksum)
}
