//! A repository in a temporary directory, and trees built in it from listings.

#![allow(
    dead_code,
    reason = "each test program uses its own part of the helpers"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
};

use cap_std::fs::Dir;
use ostree_flatten::LayerTree;
use ostree_objects::{Checksum, DirMeta, DirTree, FileHeader, ObjectType, RepoMode, Xattrs};
use ostree_store::{Repo, Stage};

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// A regular file with this content.
    File(String),
    /// A symbolic link with this target.
    Link(String),
    /// A directory with these permission bits.
    Dir(u32),
}

/// A whole tree: path without leading slash to node; every parent is listed, the root is "".
pub(crate) type Listing = BTreeMap<String, Node>;

/// A repository that is deleted with the value.
#[derive(Debug)]
pub(crate) struct Fixture {
    pub(crate) repo: Repo,
    _folder: tempfile::TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with_mode(RepoMode::BareUser)
    }

    pub(crate) fn with_mode(mode: RepoMode) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::from_std_file(File::open(folder.path()).unwrap());
        let repo = Repo::create(&dir, mode).unwrap();
        Self {
            repo,
            _folder: folder,
        }
    }

    /// Publishes the trees of `listings`, each from lines as [`listing`] reads them.
    pub(crate) fn trees(&self, texts: &[&str]) -> Vec<LayerTree> {
        let mut stage = self.repo.stage().unwrap();
        let trees = texts
            .iter()
            .map(|text| {
                let (listing, implied) = listing(text);
                let (tree, meta) = write(&mut stage, &listing);
                LayerTree {
                    tree,
                    meta,
                    implied: Some(implied),
                }
            })
            .collect();
        stage.publish().unwrap();
        trees
    }
}

/// Reads lines `PATH` (file whose content is its path), `PATH=CONTENT`, `PATH->TARGET`, `PATH/` (directory 755),
/// `PATH/ MODE`. Directories that only a path below names are implied, with mode 755.
pub(crate) fn listing(text: &str) -> (Listing, BTreeSet<String>) {
    let mut nodes = Listing::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (path, node) = if let Some((path, target)) = line.split_once("->") {
            (path, Node::Link(target.to_owned()))
        } else if let Some((path, content)) = line.split_once('=') {
            (path, Node::File(content.to_owned()))
        } else if let Some(at) = line.find("/ ") {
            let mode = u32::from_str_radix(&line[at + 2..], 8).unwrap();
            (&line[..at], Node::Dir(mode))
        } else if let Some(path) = line.strip_suffix('/') {
            (path, Node::Dir(0o755))
        } else {
            (line, Node::File(line.to_owned()))
        };
        nodes.insert(path.to_owned(), node);
    }
    let mut implied = BTreeSet::new();
    for path in nodes.keys().cloned().collect::<Vec<_>>() {
        for parent in parents(&path) {
            if !nodes.contains_key(parent) {
                nodes.insert(parent.to_owned(), Node::Dir(0o755));
                implied.insert(parent.to_owned());
            }
        }
    }
    if !nodes.contains_key("") {
        nodes.insert(String::new(), Node::Dir(0o755));
        implied.insert(String::new());
    }
    (nodes, implied)
}

/// Every directory above `path`, the root ("") for all but the root.
pub(crate) fn parents(path: &str) -> Vec<&str> {
    let mut all: Vec<&str> = path.match_indices('/').map(|(at, _)| &path[..at]).collect();
    if !path.is_empty() {
        all.push("");
    }
    all
}

/// Parent and name of a path that is not the root.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn dir_meta(mode: u32) -> DirMeta {
    DirMeta {
        uid: 0,
        gid: 0,
        mode: 0o040_000 | mode,
        xattrs: Xattrs::default(),
    }
}

/// Writes the objects of `nodes` and returns the root's dirtree and dirmeta.
pub(crate) fn write(stage: &mut Stage, nodes: &Listing) -> (Checksum, Checksum) {
    let mut trees: BTreeMap<&str, DirTree> = BTreeMap::new();
    let mut metas = BTreeMap::new();
    // In reverse, what is below a directory comes before it.
    for (path, node) in nodes.iter().rev() {
        let (parent, name) = split(path);
        match node {
            Node::Dir(mode) => {
                let mut tree = trees.remove(path.as_str()).unwrap_or_default();
                tree.files.sort();
                tree.dirs.sort();
                let tree = stage
                    .write_metadata(ObjectType::DirTree, &tree.to_bytes())
                    .unwrap();
                let meta = stage
                    .write_metadata(ObjectType::DirMeta, &dir_meta(*mode).to_bytes())
                    .unwrap();
                if path.is_empty() {
                    return (tree, meta);
                }
                metas.insert(path, meta);
                let parent = trees.entry(parent).or_default();
                parent.dirs.push((name.to_owned(), tree, meta));
            }
            Node::File(content) => {
                let header = FileHeader::regular(0, 0, 0o644, Xattrs::default());
                let size = u64::try_from(content.len()).unwrap();
                let file = stage.write_file(&header, size, &mut content.as_bytes());
                let parent = trees.entry(parent).or_default();
                parent.files.push((name.to_owned(), file.unwrap()));
            }
            Node::Link(target) => {
                let header = FileHeader::symlink(0, 0, target.clone(), Xattrs::default());
                let file = stage.write_file(&header, 0, &mut std::io::empty());
                let parent = trees.entry(parent).or_default();
                parent.files.push((name.to_owned(), file.unwrap()));
            }
        }
    }
    panic!("a listing has a root");
}

/// The merged tree must be exactly that of `expected`, root metadata included.
pub(crate) fn assert_tree(
    what: &str,
    stage: &mut Stage,
    got: (Checksum, Checksum),
    expected: &Listing,
) {
    let want = write(stage, expected);
    if got != want {
        let mut lines = Vec::new();
        describe(stage, got, "", &mut lines);
        panic!(
            "{what}: trees differ; merged:\n{}\nexpected:\n{expected:#?}",
            lines.join("\n")
        );
    }
}

/// A line for each directory and file, for messages.
fn describe(
    stage: &Stage,
    (tree, meta): (Checksum, Checksum),
    path: &str,
    lines: &mut Vec<String>,
) {
    let mode = stage.read_dirmeta(&meta).unwrap().mode;
    lines.push(format!("{path}/ {:o}", mode & 0o7777));
    let tree = stage.read_dirtree(&tree).unwrap();
    for (name, checksum) in tree.files {
        lines.push(format!("{path}/{name} {checksum}"));
    }
    for (name, tree, meta) in tree.dirs {
        describe(stage, (tree, meta), &format!("{path}/{name}"), lines);
    }
}
