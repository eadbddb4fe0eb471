//! The finished tree as objects, and the layer's commit.

use oci_manifest::DiffId;
use ostree_objects::{Checksum, Commit, DirMeta, DirTree, Metadata, S_IFDIR, Value};

use super::tree::{Id, Kind, ROOT};
use super::{Derived, store, xattrs};
use crate::{DIFF_ID_KEY, Error, IMPLIED_DIRECTORIES_KEY, IMPORTER_KEY, PATH_POLICY_KEY};

impl Derived<'_> {
    /// All entries have come: write directories and the commit.
    pub(crate) fn finish(mut self, diff_id: &DiffId) -> Result<Checksum, Error> {
        self.tree.resolve_links()?;
        let mut implied = Vec::new();
        let mut implied_bytes = 0;
        // A child's index is larger than its parent's: children first.
        for id in (ROOT..self.tree.len()).rev() {
            if self.tree.kind(id) != Kind::Directory || !self.tree.is_visible(id) {
                continue;
            }
            let meta = match self.tree.meta(id) {
                Some(meta) => meta,
                None => {
                    let path = self.tree.path(id);
                    let meta = self.implied_meta(&path).map_err(|error| error.of(&path))?;
                    implied_bytes += path.len() + 1;
                    implied.push(path);
                    meta
                }
            };
            let limit = self.import.limits.implied_bytes;
            if implied_bytes > limit {
                let what = "bytes of names of directories that are not listed";
                return Err(Error::Limit {
                    what,
                    limit: limit as u64,
                });
            }
            let tree = self.dirtree(id);
            let tree = self.stage.write_dirtree(&tree).map_err(store);
            let tree = tree.map_err(|error| error.of(&self.tree.path(id)))?;
            self.tree.set_objects(id, tree, meta)?;
        }
        implied.sort_unstable();
        self.write_commit(diff_id, implied)
    }

    /// What a directory gets that the layer never listed.
    fn implied_meta(&mut self, path: &str) -> Result<Checksum, Error> {
        let mode = S_IFDIR | 0o755;
        let xattrs = xattrs::labelled(Vec::new(), self.import.labels, path, mode)?;
        self.put_meta(DirMeta {
            uid: 0,
            gid: 0,
            mode,
            xattrs,
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
                Kind::File | Kind::Symlink => tree.files.push((name, self.tree.checksum(child))),
                Kind::Hardlink | Kind::Absent => {}
            }
        }
        tree.files.sort_unstable();
        tree.dirs.sort_unstable();
        tree
    }

    fn write_commit(&self, diff_id: &DiffId, implied: Vec<String>) -> Result<Checksum, Error> {
        let mut metadata = Metadata::new();
        let policy = self.import.policy.to_string();
        metadata.insert(IMPORTER_KEY, Value::Str(self.import.importer.to_owned()));
        metadata.insert(DIFF_ID_KEY, Value::Str(diff_id.to_string()));
        metadata.insert(PATH_POLICY_KEY, Value::Str(policy));
        metadata.insert(IMPLIED_DIRECTORIES_KEY, Value::StrList(implied));
        let root = self.tree.tree(ROOT).zip(self.tree.meta(ROOT));
        let (tree, meta) = match root {
            Some(root) => root,
            // The loop above ends with the root.
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
        let written = self.stage.write_commit(&commit).map_err(store);
        written.map_err(|error| error.of("the layer's commit"))
    }
}
