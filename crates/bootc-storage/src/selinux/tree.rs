//! The files of a stored tree by path, for whoever reads one or two of them.

use std::cell::Cell;
use std::io::Read as _;

use ostree_flatten::MAX_DEPTH;
use ostree_layer::LayerFiles;
use ostree_objects::{Checksum, DirTree};
use ostree_store::{FileObject, Repo, Stage};
use selinux_label::{POLICY_DIRS, PolicyTree, TreeError};

/// Symbolic links followed on one path, as Linux (`MAXSYMLINKS`).
pub(super) const MAX_LINKS: usize = 40;

/// Directories that are read at most to look for files: a policy has a dozen files, and a tree can be made in which each
/// is hundreds of links and thousands of directories away.
const MAX_READ: u32 = 200_000;

/// A tree in the repository, or one that was just merged and is still in a stage.
pub(crate) struct StoredTree<'a> {
    objects: Objects<'a>,
    pub(super) root: Checksum,
    read: Cell<u32>,
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
            read: Cell::new(0),
        }
    }

    /// The tree of that root dirtree, some of whose objects are in `stage`.
    pub(crate) const fn staged(stage: &'a Stage, root: Checksum) -> Self {
        Self {
            objects: Objects::Stage(stage),
            root,
            read: Cell::new(0),
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

    /// The directory at exactly this path; links are not followed.
    pub(crate) fn dirtree_at(&self, path: &str) -> Result<Option<DirTree>, ostree_store::Error> {
        let mut tree = self.dirtree(&self.root)?;
        for name in names(path) {
            match tree.dir(name) {
                Some((child, _)) => tree = self.dirtree(&child)?,
                None => return Ok(None),
            }
        }
        Ok(Some(tree))
    }

    /// The directory that a path is in, and its name there.
    pub(crate) fn parent<'p>(
        &self,
        path: &'p str,
    ) -> Result<Option<(DirTree, &'p str)>, ostree_store::Error> {
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

    pub(super) fn dirtree(&self, checksum: &Checksum) -> Result<DirTree, ostree_store::Error> {
        match self.objects {
            Objects::Repo(repo) => repo.read_dirtree(checksum),
            Objects::Stage(stage) => stage.read_dirtree(checksum),
        }
    }

    pub(crate) fn open(&self, checksum: &Checksum) -> Result<FileObject, ostree_store::Error> {
        match self.objects {
            Objects::Repo(repo) => repo.open_file(checksum),
            Objects::Stage(stage) => stage.open_file(checksum),
        }
    }

    /// What `path` leads to, links followed inside the tree. `..` in a link's target stops at the root.
    fn find(&self, path: &str) -> Result<Option<Found>, TreeError> {
        let mut waiting: Vec<String> = names(path).rev().map(str::to_owned).collect();
        let mut above: Vec<DirTree> = Vec::new();
        let mut tree = self.dirtree(&self.root)?;
        let mut links = 0;
        while let Some(name) = waiting.pop() {
            self.read.set(self.read.get() + 1);
            if self.read.get() > MAX_READ || above.len() > MAX_DEPTH {
                return Err("it leads through too many directories and links".into());
            }
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

pub(super) fn names(path: &str) -> impl DoubleEndedIterator<Item = &str> {
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

/// A layer that is stored already.
impl LayerFiles for StoredTree<'_> {
    fn read_file(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, ostree_layer::Error> {
        // What cannot be read is not there, for who looks for a forecast.
        Ok(self.read(path, limit).unwrap_or_default())
    }

    fn names(&self, path: &str) -> Option<Vec<String>> {
        PolicyTree::names(self, path).unwrap_or_default()
    }
}

/// Layers that wait for their labels, the uppermost first. Whiteouts count for nothing here: what is found is a
/// forecast, which the merged tree confirms or corrects.
///
/// Nor need `config` be there: it may be in a layer that has not come. The only policy that there is will be meant.
pub(crate) struct WaitingLayers<'a>(pub(crate) Vec<&'a dyn LayerFiles>);

impl WaitingLayers<'_> {
    fn read_file(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        for layer in &self.0 {
            if let Some(bytes) = layer.read_file(path, limit)? {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    fn all_names(&self, path: &str) -> Option<Vec<String>> {
        let mut all: Option<Vec<String>> = None;
        for names in self.0.iter().filter_map(|layer| layer.names(path)) {
            all.get_or_insert_default().extend(names);
        }
        all
    }

    /// What the `config` in `dir` would say, if there is one policy.
    fn presumed_config(&self, dir: &str) -> Option<Vec<u8>> {
        let mut policies = self.all_names(dir)?;
        policies.retain(|name| self.all_names(&format!("{dir}/{name}/policy")).is_some());
        policies.sort_unstable();
        policies.dedup();
        match policies.as_slice() {
            [policy] => Some(format!("SELINUX=enforcing\nSELINUXTYPE={policy}\n").into_bytes()),
            _ => None,
        }
    }
}

impl PolicyTree for WaitingLayers<'_> {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        let found = self.read_file(path, limit)?;
        Ok(match (found, path.strip_suffix("/config")) {
            (None, Some(dir)) if POLICY_DIRS.contains(&dir) => self.presumed_config(dir),
            (found, _) => found,
        })
    }

    fn names(&self, path: &str) -> Result<Option<Vec<String>>, TreeError> {
        Ok(self.all_names(path))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cap_std::ambient_authority;
    use cap_std::fs::Dir;
    use ostree_layer::{Error, LayerFiles};
    use ostree_objects::{Checksum, DirTree, FileHeader, RepoMode, Xattrs};
    use ostree_store::Repo;
    use selinux_label::{Policy, PolicyTree as _};

    use super::{MAX_LINKS, MAX_READ, StoredTree, WaitingLayers};

    /// Files by path.
    struct Files(BTreeMap<&'static str, &'static str>);

    impl LayerFiles for Files {
        fn read_file(&self, path: &str, _limit: u64) -> Result<Option<Vec<u8>>, Error> {
            Ok(self.0.get(path).map(|text| text.as_bytes().to_vec()))
        }

        fn names(&self, path: &str) -> Option<Vec<String>> {
            let below = self
                .0
                .keys()
                .filter_map(|file| file.strip_prefix(path)?.strip_prefix('/'));
            let names: Vec<String> = below
                .filter_map(|rest| rest.split('/').next())
                .map(str::to_owned)
                .collect();
            (!names.is_empty()).then_some(names)
        }
    }

    const RULES: (&str, &str) = (
        "usr/etc/selinux/strict/contexts/files/file_contexts",
        "/.* u:r:any:s0\n",
    );
    const BINARY: (&str, &str) = ("usr/etc/selinux/strict/policy/policy.33", "");
    const OTHER: (&str, &str) = ("usr/etc/selinux/mls/policy/policy.33", "");
    const CONFIG: (&str, &str) = (
        "usr/etc/selinux/config",
        "SELINUX=permissive\nSELINUXTYPE=strict\n",
    );

    /// The name of the policy that is foretold from these layers, the uppermost first.
    fn foretold(layers: &[&[(&'static str, &'static str)]]) -> Option<String> {
        let files: Vec<Files> = layers
            .iter()
            .map(|files| Files(files.iter().copied().collect()))
            .collect();
        let files = files.iter().map(|files| files as &dyn LayerFiles);
        let policy = Policy::open(&WaitingLayers(files.collect())).ok()??;
        Some(policy.name().to_owned())
    }

    /// A repository with a root directory: `file`, and `1`, a link to it, `2`, a link to `1`, and so on.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test opens a directory of its own"
    )]
    fn links(count: usize) -> (tempfile::TempDir, Repo, Checksum) {
        let dir = tempfile::tempdir().unwrap();
        let opened = Dir::open_ambient_dir(dir.path(), ambient_authority()).unwrap();
        let repo = Repo::create(&opened, RepoMode::BareUser).unwrap();
        let stage = repo.stage().unwrap();
        let none = Xattrs::default;
        let header = FileHeader::regular(0, 0, 0o644, none());
        let file = stage.write_file(&header, 4, &mut &b"text"[..]).unwrap();
        let mut files = vec![("file".to_owned(), file)];
        for number in 1..=count {
            let target = match number {
                1 => "file".to_owned(),
                _ => (number - 1).to_string(),
            };
            let header = FileHeader::symlink(0, 0, target, none());
            let link = stage.write_file(&header, 0, &mut &b""[..]).unwrap();
            files.push((number.to_string(), link));
        }
        files.sort();
        let dirs = Vec::new();
        let root = stage.write_dirtree(&DirTree { files, dirs }).unwrap();
        stage.publish().unwrap();
        (dir, repo, root)
    }

    #[test]
    fn so_many_links_are_followed_and_so_many_names_read_for_one_tree() {
        let (_dir, repo, root) = links(MAX_LINKS + 1);
        let tree = StoredTree::published(&repo, root);
        let read = |name: usize| tree.read(&name.to_string(), 10);
        let text = Some(b"text".to_vec());
        assert_eq!(read(MAX_LINKS).unwrap(), text);
        assert_eq!(read(MAX_LINKS + 1).unwrap(), None);
        // The second link and what it leads to are three names.
        tree.read.set(MAX_READ - 3);
        assert_eq!(read(2).unwrap(), text);
        let error = read(1).unwrap_err().to_string();
        assert!(error.contains("too many"), "{error}");
    }

    #[test]
    fn a_policy_is_foretold_from_what_several_layers_have_of_it() {
        let strict = Some("strict".to_owned());
        assert_eq!(foretold(&[&[RULES, BINARY, CONFIG]]), strict);
        assert_eq!(foretold(&[&[CONFIG], &[BINARY], &[RULES]]), strict);
        assert_eq!(
            foretold(&[&[RULES, BINARY]]),
            strict,
            "the only one is meant"
        );
        assert_eq!(
            foretold(&[&[RULES, BINARY], &[OTHER]]),
            None,
            "which of two?"
        );
        assert_eq!(foretold(&[&[RULES, BINARY, OTHER, CONFIG]]), strict);
        assert_eq!(foretold(&[&[RULES]]), None, "half of one is none");
        assert_eq!(foretold(&[&[("usr/bin/x", "")]]), None);
    }
}
