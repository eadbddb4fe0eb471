//! Layers over a base, in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use ostree_objects::{Checksum, FileHeader};
use ostree_store::Stage;

use crate::{
    Error, LayerTree, LowerKind, Replaced, Report,
    forest::{Child, DirId, Forest, join, read},
    names::{Names, UpperDirs, WhiteoutOrder, has_markers},
};

/// Whose metadata a directory gets that both a lower and an upper layer have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectoryRule {
    /// The upper layer's, where its tar listed the directory, as OCI and overlayfs say; the lower one's where
    /// the layer only implied it, or where the layer does not say what it implied (others' layer commits; then
    /// an opaque directory takes the upper metadata, as under [`LowerKept`](Self::LowerKept)).
    UpperWins,
    /// The lower layer's, except for opaque directories: ostree-ext's rule, and with it the order in which
    /// ostree-ext applies the whiteouts of one layer, so that the merged tree's checksums equal its own.
    LowerKept,
}

/// A merged tree, all of whose new objects are in the stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The root's dirtree object.
    pub tree: Checksum,
    /// The root's dirmeta object.
    pub meta: Checksum,
    /// What the merge did.
    pub report: Report,
}

/// Puts `layers`, lowest first, over `base`, and writes the directory objects that are new to `stage`.
///
/// `base` is a clean ostree tree: it is taken as it is, no name in it is a marker. A layer's whiteouts and opaque
/// markers act on what lies below it, and never remain in the merged tree. A directory over a file or link
/// replaces it, as overlayfs shows it, and is reported. Only directories that a layer touches are read; a subtree
/// that one side alone has keeps its checksum.
///
/// Nothing is synced: objects become part of the repository when the stage is published.
///
/// # Errors
///
/// Neither base nor layer; an object that cannot be read or written; a marker that names nothing, `.` or `..`;
/// more than [`MAX_DEPTH`](crate::MAX_DEPTH) levels.
pub fn merge(
    base: Option<&LayerTree>,
    layers: &[LayerTree],
    rule: DirectoryRule,
    stage: &mut Stage,
) -> Result<Merged, Error> {
    let mut overlay = Overlay {
        stage,
        forest: Forest::default(),
        report: Report::default(),
    };
    let mut root = base.map(|base| Child::Stored {
        tree: base.tree,
        meta: base.meta,
    });
    for layer in layers {
        root = Some(overlay.layer(root, layer, rule)?);
    }
    let Overlay {
        forest, mut report, ..
    } = overlay;
    let root = root.ok_or(Error::NothingToMerge)?;
    let (tree, meta) = forest.store(root, stage, &mut report)?;
    report.replaced.sort_by(|a, b| a.path.cmp(&b.path));
    report.both_etc_populated =
        populated(stage, &tree, &["etc"])? && populated(stage, &tree, &["usr", "etc"])?;
    Ok(Merged { tree, meta, report })
}

/// Whether the directory at `path` below `root` exists and has entries.
fn populated(stage: &Stage, root: &Checksum, path: &[&str]) -> Result<bool, Error> {
    // Looking is no part of the merge, and not counted.
    let mut uncounted = Report::default();
    let mut tree = read(stage, root, "", &mut uncounted)?;
    for name in path {
        let Some((child, _)) = tree.dir(name) else {
            return Ok(false);
        };
        tree = read(stage, &child, name, &mut uncounted)?;
    }
    Ok(!tree.files.is_empty() || !tree.dirs.is_empty())
}

/// How one layer is applied.
#[derive(Debug, Clone, Copy)]
struct LayerRule<'a> {
    /// Directories whose metadata is made up, where the layer says; else lower metadata is kept.
    implied: Option<&'a BTreeSet<String>>,
    /// Upper metadata counts at all.
    upper_wins: bool,
    order: WhiteoutOrder,
}

impl LayerRule<'_> {
    /// Whether an upper directory at `path` brings its metadata to an existing lower one.
    fn upper_metadata(&self, path: &str, opaque: bool) -> bool {
        match (self.upper_wins, self.implied) {
            (true, Some(implied)) => !implied.contains(path),
            _ => opaque,
        }
    }
}

/// A directory of the layer, to be put over one in memory.
#[derive(Debug)]
struct Task {
    lower: DirId,
    tree: Checksum,
    meta: Checksum,
    path: String,
    depth: usize,
}

struct Overlay<'a> {
    stage: &'a mut Stage,
    forest: Forest,
    report: Report,
}

impl Overlay<'_> {
    /// `layer` over `root`.
    fn layer(
        &mut self,
        root: Option<Child>,
        layer: &LayerTree,
        directory_rule: DirectoryRule,
    ) -> Result<Child, Error> {
        let rule = match directory_rule {
            DirectoryRule::UpperWins => LayerRule {
                implied: layer.implied.as_ref(),
                upper_wins: true,
                order: WhiteoutOrder::LowerOnly,
            },
            DirectoryRule::LowerKept => LayerRule {
                implied: None,
                upper_wins: false,
                order: WhiteoutOrder::ByName,
            },
        };
        let mut tasks = Vec::new();
        let upper = (layer.tree, layer.meta);
        let root = self.child(root, upper, String::new(), 0, rule, &mut tasks)?;
        // Each task touches its own lower directory only, so their order is of no matter.
        while let Some(task) = tasks.pop() {
            self.directory(task, rule, &mut tasks)?;
        }
        Ok(root)
    }

    /// The upper directory (tree, meta) over `lower`, which keeps its contents for now: the work below goes to
    /// `tasks`.
    fn child(
        &mut self,
        lower: Option<Child>,
        (tree, meta): (Checksum, Checksum),
        path: String,
        depth: usize,
        rule: LayerRule<'_>,
        tasks: &mut Vec<Task>,
    ) -> Result<Child, Error> {
        let lower = match lower {
            None => return self.adopt(tree, meta, &path, depth, rule),
            // The same tree twice: free of markers below, hence above, and the union is itself.
            Some(Child::Stored {
                tree: lower_tree,
                meta: lower_meta,
            }) if lower_tree == tree => {
                let upper = rule.upper_metadata(&path, false);
                let meta = if upper { meta } else { lower_meta };
                return Ok(Child::Stored { tree, meta });
            }
            Some(Child::Stored {
                tree: lower_tree,
                meta: lower_meta,
            }) => {
                let stored = read(self.stage, &lower_tree, &path, &mut self.report)?;
                self.forest
                    .add(lower_meta, Names::stored(stored), Some(lower_tree))
            }
            Some(Child::Loaded(id)) => id,
        };
        tasks.push(Task {
            lower,
            tree,
            meta,
            path,
            depth,
        });
        Ok(Child::Loaded(lower))
    }

    /// One upper directory over one in memory.
    fn directory(
        &mut self,
        task: Task,
        rule: LayerRule<'_>,
        tasks: &mut Vec<Task>,
    ) -> Result<(), Error> {
        let Task {
            lower, path, depth, ..
        } = task;
        self.report.layer_directories += 1;
        let upper = read(self.stage, &task.tree, &path, &mut self.report)?;
        let dir = self.forest.dir_mut(lower);
        let upper = dir
            .names
            .overlay(upper, rule.order, &path, &mut self.report)?;
        if rule.upper_metadata(&path, upper.opaque) {
            dir.meta = task.meta;
        }
        for (name, tree, meta) in upper.dirs {
            let path = join(&path, &name, depth + 1)?;
            let names = &mut self.forest.dir_mut(lower).names;
            let below = names.dirs.get(&name).copied();
            if let Some(file) = names.files.remove(&name) {
                self.replaced(&path, &file, rule)?;
            }
            let child = self.child(below, (tree, meta), path, depth + 1, rule, tasks)?;
            self.forest.dir_mut(lower).names.dirs.insert(name, child);
        }
        Ok(())
    }

    /// Notes that a directory replaced the lower file or link `file`.
    fn replaced(&mut self, path: &str, file: &Checksum, rule: LayerRule<'_>) -> Result<(), Error> {
        let header: FileHeader = self
            .stage
            .open_file(file)
            .map_err(|source| Error::ReadFile {
                path: path.to_owned(),
                source,
            })?
            .header;
        self.report.replaced.push(Replaced {
            path: path.to_owned(),
            lower: match header.symlink_target {
                Some(target) => LowerKind::Symlink { target },
                None => LowerKind::File,
            },
            implied: rule.implied.map(|implied| implied.contains(path)),
        });
        Ok(())
    }

    /// A directory that only the layer has: kept as it is where nothing in it is a marker, else rebuilt
    /// without them.
    fn adopt(
        &mut self,
        tree: Checksum,
        meta: Checksum,
        path: &str,
        depth: usize,
        rule: LayerRule<'_>,
    ) -> Result<Child, Error> {
        let mut above = Vec::new();
        let mut dir = self.open(String::new(), tree, meta, path.to_owned(), rule)?;
        loop {
            if let Some((name, tree, meta)) = dir.waiting.pop() {
                let path = join(&dir.path, &name, depth + above.len() + 1)?;
                let child = self.open(name, tree, meta, path, rule)?;
                above.push(mem::replace(&mut dir, child));
                continue;
            }
            let (name, child) = self.close(dir);
            let Some(parent) = above.pop() else {
                return Ok(child);
            };
            dir = parent;
            dir.take(name, child);
        }
    }

    /// Reads an upper-only directory.
    fn open(
        &mut self,
        name: String,
        tree: Checksum,
        meta: Checksum,
        path: String,
        rule: LayerRule<'_>,
    ) -> Result<Open, Error> {
        self.report.layer_directories += 1;
        let stored = read(self.stage, &tree, &path, &mut self.report)?;
        let changed = has_markers(&stored);
        let mut names = Names::default();
        let upper = names.overlay(stored, rule.order, &path, &mut self.report)?;
        Ok(Open {
            name,
            path,
            tree,
            meta,
            changed,
            files: names.files,
            dirs: BTreeMap::new(),
            waiting: upper.dirs,
        })
    }

    /// An upper-only directory whose subdirectories are all done.
    fn close(&mut self, done: Open) -> (String, Child) {
        let child = if done.changed {
            let names = Names {
                files: done.files,
                dirs: done.dirs,
            };
            Child::Loaded(self.forest.add(done.meta, names, None))
        } else {
            Child::Stored {
                tree: done.tree,
                meta: done.meta,
            }
        };
        (done.name, child)
    }
}

/// An upper-only directory being walked.
#[derive(Debug)]
struct Open {
    name: String,
    path: String,
    tree: Checksum,
    meta: Checksum,
    /// It or something below had a marker.
    changed: bool,
    files: BTreeMap<String, Checksum>,
    dirs: BTreeMap<String, Child>,
    waiting: UpperDirs,
}

impl Open {
    fn take(&mut self, name: String, child: Child) {
        self.changed |= matches!(child, Child::Loaded(_));
        self.dirs.insert(name, child);
    }
}
