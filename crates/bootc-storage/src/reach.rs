//! Which objects a set of commits leads to.

use std::collections::HashSet;

use ostree_objects::{Checksum, ObjectName, ObjectType};
use ostree_store::Repo;

/// Objects met so far; a second walk over shared trees costs nothing.
#[derive(Debug, Default)]
pub(crate) struct Reachable {
    /// Every object met, whether it is there or not.
    pub(crate) objects: HashSet<ObjectName>,
    /// Objects that could not be read, with the reason.
    pub(crate) unreadable: Vec<(ObjectName, String)>,
}

impl Reachable {
    /// Add what `commit` leads to, its parents included where they are there.
    pub(crate) fn add_commit(&mut self, repo: &Repo, commit: Checksum) {
        let mut next = Some(commit);
        while let Some(checksum) = next.take() {
            let name = ObjectName {
                checksum,
                object_type: ObjectType::Commit,
            };
            if !self.objects.insert(name) {
                return;
            }
            self.objects.insert(ObjectName {
                checksum,
                object_type: ObjectType::CommitMeta,
            });
            match repo.read_commit(&checksum) {
                Ok(commit) => {
                    self.objects.insert(meta(commit.meta));
                    self.add_tree(repo, commit.tree);
                    next = commit.parent.filter(|parent| has_commit(repo, *parent));
                }
                Err(error) => self.unreadable.push((name, error.to_string())),
            }
        }
    }

    fn add_tree(&mut self, repo: &Repo, root: Checksum) {
        let mut trees = vec![root];
        while let Some(checksum) = trees.pop() {
            let name = ObjectName {
                checksum,
                object_type: ObjectType::DirTree,
            };
            if !self.objects.insert(name) {
                continue;
            }
            match repo.read_dirtree(&checksum) {
                Ok(tree) => {
                    for (_, file) in &tree.files {
                        self.objects.insert(ObjectName {
                            checksum: *file,
                            object_type: ObjectType::File,
                        });
                    }
                    for (_, child, dirmeta) in &tree.dirs {
                        self.objects.insert(meta(*dirmeta));
                        trees.push(*child);
                    }
                }
                Err(error) => self.unreadable.push((name, error.to_string())),
            }
        }
    }
}

fn meta(checksum: Checksum) -> ObjectName {
    ObjectName {
        checksum,
        object_type: ObjectType::DirMeta,
    }
}

/// A parent may be pruned while its child lives on (shallow history).
fn has_commit(repo: &Repo, checksum: Checksum) -> bool {
    repo.has(&ObjectName {
        checksum,
        object_type: ObjectType::Commit,
    })
    .unwrap_or(false)
}
