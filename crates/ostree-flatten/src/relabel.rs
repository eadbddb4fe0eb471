//! The labels of a stored tree: found wrong, and set right.

use std::collections::HashMap;
use std::io::{self, Read};

use ostree_objects::{Checksum, DirMeta, DirTree, FileHasher, FileHeader, Xattrs};
use ostree_store::{Repo, Stage};

use crate::label_walk::{Node, OnWrong, Pair, SELINUX, Walk};
use crate::{Error, LayerTree};

/// Why a label could not be found.
pub type LabelError = Box<dyn std::error::Error + Send + Sync>;

/// The value of `security.selinux` (with the NUL at its end, as the kernel stores it) that a policy gives a path
/// (without a leading slash; the root is the empty string) and a mode (with the file type); `None`: no label.
pub type LabelOf<'a> = dyn Fn(&str, u32) -> Result<Option<Vec<u8>>, LabelError> + 'a;

/// A published file object that is known to have the content of that of a path (without a leading slash) and checksum:
/// where all else is as it should be too, nothing is written.
pub type SameContent<'a> = dyn Fn(&str, &Checksum) -> Option<Checksum> + 'a;

/// Mode (with the file type) and value of `security.selinux` of a published file object.
pub type FileLabel<'a> = dyn Fn(&Checksum) -> Option<(u32, Option<Vec<u8>>)> + 'a;

/// What is known beforehand, so that less has to be looked at and written. All of it can be left out.
#[derive(Clone, Copy, Default)]
pub struct Known<'a> {
    /// A published tree whose labels are right (dirtree and dirmeta of its root): what it has at the same path is not
    /// looked at.
    pub right: Option<(Checksum, Checksum)>,
    /// Takes the place of a file that would have to be written again, if its label is right.
    pub same: Option<&'a SameContent<'a>>,
    /// Saves a look at the object.
    pub label: Option<&'a FileLabel<'a>>,
}

impl std::fmt::Debug for Known<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known")
            .field("right", &self.right)
            .finish_non_exhaustive()
    }
}

/// Changes that a [`Relabelled`] names; further ones are only counted.
pub const MAX_CHANGES: usize = 1000;

/// Whose labels are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A base's or an image's tree. What the policy leaves without a label keeps the one that it has, as libostree and
    /// restorecon do.
    Tree,
    /// A derived layer's: what the policy leaves without a label has none, as if the layer had been imported under that
    /// policy. Whiteout markers are labelled as files.
    Layer,
}

/// A path whose label is not the policy's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mislabelled {
    /// Path in the tree, without a leading slash; empty for the root.
    pub path: String,
    /// Its mode, with the file type.
    pub mode: u32,
    /// The label that it has.
    pub found: Option<Vec<u8>>,
    /// The label that the policy gives it.
    pub wanted: Option<Vec<u8>>,
}

/// A tree whose labels are the policy's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relabelled {
    /// The root's dirtree object.
    pub tree: Checksum,
    /// The root's dirmeta object.
    pub meta: Checksum,
    /// Paths that were looked at.
    pub looked_at: u64,
    /// Paths whose label was another.
    pub changed: u64,
    /// Files that were read, and written again, for it.
    pub written: u64,
    /// The first [`MAX_CHANGES`] of them, in the order of the walk.
    pub changes: Vec<Mislabelled>,
}

/// Gives every path of a published tree the label of `label_of`. Objects whose label is right keep their checksum;
/// others are written again to `stage` with the right one, and the directories above them.
///
/// Nothing is synced: objects become part of the repository when the stage is published.
///
/// # Errors
///
/// A label that cannot be found; an object that cannot be read or written, or is damaged; more than
/// [`MAX_DEPTH`](crate::MAX_DEPTH) levels or [`MAX_PATHS`](crate::MAX_PATHS) paths.
pub fn relabel(
    tree: &LayerTree,
    of: Of,
    known: Known<'_>,
    label_of: &LabelOf<'_>,
    stage: &Stage,
) -> Result<Relabelled, Error> {
    let mut rewrite = Rewrite {
        stage,
        same: known.same,
        reads: 0,
        written: HashMap::new(),
        changed: 0,
        changes: Vec::new(),
    };
    let root = Pair {
        tree: tree.tree,
        meta: tree.meta,
    };
    let right = known.right.map(|(tree, meta)| Pair { tree, meta });
    let walk = Walk::new(stage.repo(), label_of, known.label, of, &mut rewrite);
    let (Pair { tree, meta }, looked_at) = walk.run(root, right)?;
    Ok(Relabelled {
        tree,
        meta,
        looked_at,
        changed: rewrite.changed,
        written: rewrite.reads,
        changes: rewrite.changes,
    })
}

/// Tells `found` of every path of a published tree (dirtree and dirmeta of its root) whose label is not that of
/// `label_of`, and returns how many paths there are. Nothing is changed.
///
/// # Errors
///
/// A label that cannot be found; an object that cannot be read; more than [`MAX_DEPTH`](crate::MAX_DEPTH) levels.
pub fn find_mislabelled(
    repo: &Repo,
    (tree, meta): (Checksum, Checksum),
    label_of: &LabelOf<'_>,
    found: &mut dyn FnMut(Mislabelled),
) -> Result<u64, Error> {
    let mut tell = Tell(found);
    let walk = Walk::new(repo, label_of, None, Of::Tree, &mut tell);
    let (_, looked_at) = walk.run(Pair { tree, meta }, None)?;
    Ok(looked_at)
}

struct Tell<'a>(&'a mut dyn FnMut(Mislabelled));

impl OnWrong for Tell<'_> {
    fn wrong(&mut self, _node: Node<'_>, wrong: Mislabelled) -> Result<Option<Checksum>, Error> {
        (self.0)(wrong);
        Ok(None)
    }

    fn store(&mut self, tree: &DirTree) -> Result<Checksum, Error> {
        Ok(tree.checksum())
    }
}

struct Rewrite<'a> {
    stage: &'a Stage,
    same: Option<&'a SameContent<'a>>,
    reads: u64,
    /// Objects that got a label already: hard links and equal files are written once.
    written: HashMap<(Checksum, Option<Vec<u8>>), Checksum>,
    changed: u64,
    changes: Vec<Mislabelled>,
}

impl OnWrong for Rewrite<'_> {
    fn wrong(&mut self, node: Node<'_>, wrong: Mislabelled) -> Result<Option<Checksum>, Error> {
        let written = match node {
            Node::Directory(meta) => self.directory(meta, &wrong)?,
            Node::File(checksum) => self.file(checksum, &wrong)?,
        };
        self.changed += 1;
        if self.changes.len() < MAX_CHANGES {
            self.changes.push(wrong);
        }
        Ok(Some(written))
    }

    fn store(&mut self, tree: &DirTree) -> Result<Checksum, Error> {
        self.stage
            .write_dirtree(tree)
            .map_err(|source| Error::WriteDirectory { source })
    }
}

impl Rewrite<'_> {
    fn directory(&self, meta: &DirMeta, wrong: &Mislabelled) -> Result<Checksum, Error> {
        let mut meta = meta.clone();
        set(&mut meta.xattrs, wrong)?;
        self.stage
            .write_dirmeta(&meta)
            .map_err(|source| write_error(wrong, source))
    }

    fn file(&mut self, checksum: &Checksum, wrong: &Mislabelled) -> Result<Checksum, Error> {
        let key = (*checksum, wrong.wanted.clone());
        if let Some(written) = self.written.get(&key) {
            return Ok(*written);
        }
        if let Some(known) = self.known(checksum, wrong)? {
            self.written.insert(key, known);
            return Ok(known);
        }
        self.reads += 1;
        let mut file = self
            .stage
            .open_file(checksum)
            .map_err(|source| Error::ReadFile {
                path: wrong.path.clone(),
                source,
            })?;
        let mut content = Verified::new(&file.header, file.content);
        set(&mut file.header.xattrs, wrong)?;
        let written = self
            .stage
            .write_file(&file.header, file.size, &mut content)
            .map_err(|source| write_error(wrong, source))?;
        if !content.is(checksum) {
            return Err(Error::Damaged {
                path: wrong.path.clone(),
                checksum: *checksum,
            });
        }
        self.written.insert(key, written);
        Ok(written)
    }
}

impl Rewrite<'_> {
    /// A published object that differs from this one by nothing but the right label.
    fn known(&self, checksum: &Checksum, wrong: &Mislabelled) -> Result<Option<Checksum>, Error> {
        let Some(known) = self.same.and_then(|same| same(&wrong.path, checksum)) else {
            return Ok(None);
        };
        let repo = self.stage.repo();
        // What cannot be read is written again.
        let (Ok(mut file), Ok(known_file)) = (repo.file_stat(checksum), repo.file_stat(&known))
        else {
            return Ok(None);
        };
        set(&mut file.header.xattrs, wrong)?;
        Ok((file == known_file).then_some(known))
    }
}

/// Content that is hashed as it is read: what is damaged must not get a good name.
struct Verified {
    content: Box<dyn Read + Send>,
    hasher: FileHasher,
    /// Where the kernel labels files on its own, an object without a label seems to have one.
    without_label: Option<FileHasher>,
}

impl Verified {
    fn new(header: &FileHeader, content: Box<dyn Read + Send>) -> Self {
        let mut bare = header.clone();
        let labelled = bare.xattrs.remove(SELINUX);
        Self {
            content,
            hasher: FileHasher::new(header),
            without_label: labelled.then(|| FileHasher::new(&bare)),
        }
    }

    /// Whether what was read is the object of that name.
    fn is(self, checksum: &Checksum) -> bool {
        self.hasher.finish() == *checksum
            || self
                .without_label
                .is_some_and(|hasher| hasher.finish() == *checksum)
    }
}

impl Read for Verified {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        if let Some(hasher) = &mut self.without_label {
            hasher.update(&buffer[..count]);
        }
        Ok(count)
    }
}

fn set(xattrs: &mut Xattrs, wrong: &Mislabelled) -> Result<(), Error> {
    match &wrong.wanted {
        Some(label) => xattrs
            .set(SELINUX, label.clone())
            .map_err(|source| write_error(wrong, ostree_store::Error::Invalid { source })),
        None => {
            xattrs.remove(SELINUX);
            Ok(())
        }
    }
}

fn write_error(wrong: &Mislabelled, source: ostree_store::Error) -> Error {
    Error::WriteLabelled {
        path: wrong.path.clone(),
        source,
    }
}
