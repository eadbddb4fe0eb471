//! A path with the links of its directories followed inside a stored tree.

use ostree_objects::DirTree;

use super::tree::{MAX_LINKS, StoredTree, names};

/// A path whose directories are directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RealPath {
    /// From the root.
    pub(crate) path: String,
    /// The links that were followed, in that order.
    pub(crate) links: Vec<FollowedLink>,
}

/// A symbolic link on the way to a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowedLink {
    /// Where the link is, from the root.
    pub path: String,
    /// What it leads to.
    pub target: String,
}

impl StoredTree<'_> {
    /// `path` with the links of its directories followed, but not that of its last name: what realpath(1) calls the parent's
    /// path, and what libselinux's tools look up. Names that the tree does not have stay as they are, and all of them where
    /// links lead in a circle.
    pub(crate) fn real_path(&self, path: &str) -> Result<RealPath, ostree_store::Error> {
        let as_it_is = RealPath {
            path: format!("/{}", path.trim_matches('/')),
            links: Vec::new(),
        };
        let mut waiting: Vec<String> = names(path).rev().map(str::to_owned).collect();
        let mut reached: Vec<String> = Vec::new();
        let mut trees = vec![self.dirtree(&self.root)?];
        let mut links = Vec::new();
        while waiting.len() > 1
            && let Some(tree) = trees.last()
            && let Some(name) = waiting.pop()
        {
            if name == ".." {
                if reached.pop().is_some() {
                    trees.pop();
                }
            } else if let Some(child) = self.directory_in(tree, &name, reached.is_empty())? {
                trees.push(child);
                reached.push(name);
            } else if let Some(target) = self.link_in(tree, &name)? {
                reached.push(name);
                links.push(FollowedLink {
                    path: format!("/{}", reached.join("/")),
                    target: target.clone(),
                });
                reached.pop();
                if links.len() > MAX_LINKS {
                    return Ok(as_it_is);
                }
                if target.starts_with('/') {
                    trees.truncate(1);
                    reached.clear();
                }
                waiting.extend(names(&target).rev().map(str::to_owned));
            } else if waiting.iter().any(|name| name == "..") {
                return Ok(as_it_is);
            } else {
                reached.push(name);
                break;
            }
        }
        reached.extend(waiting.into_iter().rev());
        Ok(RealPath {
            path: format!("/{}", reached.join("/")),
            links,
        })
    }

    /// The directory of that name. A host's `/etc` is stored as `/usr/etc`.
    fn directory_in(
        &self,
        tree: &DirTree,
        name: &str,
        at_root: bool,
    ) -> Result<Option<DirTree>, ostree_store::Error> {
        if let Some((child, _)) = tree.dir(name) {
            return self.dirtree(&child).map(Some);
        }
        if at_root
            && name == "etc"
            && tree.file(name).is_none()
            && let Some((usr, _)) = tree.dir("usr")
            && let Some((etc, _)) = self.dirtree(&usr)?.dir("etc")
        {
            return self.dirtree(&etc).map(Some);
        }
        Ok(None)
    }

    /// The target of the symbolic link of that name.
    fn link_in(&self, tree: &DirTree, name: &str) -> Result<Option<String>, ostree_store::Error> {
        match tree.file(name) {
            Some(file) => Ok(self.open(&file)?.header.symlink_target),
            None => Ok(None),
        }
    }
}
