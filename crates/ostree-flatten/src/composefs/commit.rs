//! The tree of an ostree commit, as libostree puts it into an image.

use std::collections::HashMap;

use ostree_objects::{
    Checksum, DirMeta, DirTree, FileHeader, ObjectName, RepoMode, Xattrs as ObjectXattrs,
};
use ostree_store::{Repo, Stage};

use super::{Error, FsVerityDigest, Kind, NodeId, Stat, Tree, TreeBuilder, Xattrs};
use crate::MAX_DEPTH;

/// Where the objects of a commit come from.
pub trait CommitObjects {
    /// Why one could not be had.
    type Error: std::error::Error + Send + Sync + 'static;

    /// A dirtree.
    ///
    /// # Errors
    ///
    /// It is not there, or damaged.
    fn dirtree(&mut self, checksum: &Checksum) -> Result<DirTree, Self::Error>;

    /// A dirmeta; each is asked for once.
    ///
    /// # Errors
    ///
    /// It is not there, or damaged.
    fn dirmeta(&mut self, checksum: &Checksum) -> Result<DirMeta, Self::Error>;

    /// What an image has of a file object.
    ///
    /// # Errors
    ///
    /// It is not there, or damaged.
    fn file(&mut self, checksum: &Checksum) -> Result<CommitFile, Self::Error>;
}

/// What an image has of a file object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitFile {
    /// Owner, mode, target, attributes.
    pub header: FileHeader,
    /// Bytes of content.
    pub size: u64,
    /// fs-verity digest of the content. libostree gives it to all files of an image or, where the repository's
    /// files have no fs-verity and nobody requires it, to none; the digest of an image that a commit's metadata
    /// names is that with them.
    pub digest: Option<FsVerityDigest>,
}

/// Objects of a repository and of what is staged for it, with digests from elsewhere.
#[derive(Debug)]
pub struct RepoObjects<'a, D> {
    repo: &'a Repo,
    stage: Option<&'a Stage>,
    digest: D,
}

impl<'a, D> RepoObjects<'a, D>
where
    D: FnMut(&Repo, &Checksum) -> Result<Option<FsVerityDigest>, ostree_store::Error>,
{
    /// `digest` is asked once for each regular file with content, at each of its paths; objects are looked for
    /// in `stage` first.
    pub const fn new(repo: &'a Repo, stage: Option<&'a Stage>, digest: D) -> Self {
        Self {
            repo,
            stage,
            digest,
        }
    }
}

/// Reads a file object and computes its digest, for [`RepoObjects::new`] where no digest is known.
///
/// # Errors
///
/// The object is not there, or cannot be read.
pub fn hash_file_object(
    repo: &Repo,
    checksum: &Checksum,
) -> Result<Option<FsVerityDigest>, ostree_store::Error> {
    let content = repo.open_file(checksum)?.content;
    let path = || ObjectName::file(*checksum).loose_path(repo.mode());
    FsVerityDigest::of_reader(content)
        .map(Some)
        .map_err(|source| ostree_store::Error::Io {
            action: "read",
            path: path(),
            source,
        })
}

impl<D> CommitObjects for RepoObjects<'_, D>
where
    D: FnMut(&Repo, &Checksum) -> Result<Option<FsVerityDigest>, ostree_store::Error>,
{
    type Error = ostree_store::Error;

    fn dirtree(&mut self, checksum: &Checksum) -> Result<DirTree, Self::Error> {
        match self.stage {
            Some(stage) => stage.read_dirtree(checksum),
            None => self.repo.read_dirtree(checksum),
        }
    }

    fn dirmeta(&mut self, checksum: &Checksum) -> Result<DirMeta, Self::Error> {
        match self.stage {
            Some(stage) => stage.read_dirmeta(checksum),
            None => self.repo.read_dirmeta(checksum),
        }
    }

    fn file(&mut self, checksum: &Checksum) -> Result<CommitFile, Self::Error> {
        let stat = match self.stage {
            Some(stage) => stage.file_stat(checksum),
            None => self.repo.file_stat(checksum),
        }?;
        let digest = if stat.size > 0 && !stat.header.is_symlink() {
            (self.digest)(self.repo, checksum)?
        } else {
            None
        };
        Ok(CommitFile {
            header: stat.header,
            size: stat.size,
            digest,
        })
    }
}

/// Directories that a booted system needs as mount points.
const MOUNT_POINTS: [&str; 5] = ["usr", "etc", "boot", "var", "sysroot"];

/// The tree of the image that libostree makes of a commit with that root.
///
/// Files are backed by their objects, at the path that they have in a repository of the mode `bare`, whatever the
/// repository's mode; empty ones are in the image. All times are 0, and each path is an inode of its own. `/usr`,
/// `/etc`, `/boot`, `/var` and `/sysroot` are added, `root:root` 0755, where the commit has nothing of the name.
///
/// # Errors
///
/// [`Error::Object`] for what `objects` cannot give; [`Error::Path`] for what an image cannot hold; more than
/// [`MAX_DEPTH`] levels.
pub fn commit_tree<O: CommitObjects>(
    objects: &mut O,
    tree: &Checksum,
    meta: &Checksum,
) -> Result<Tree, Error> {
    commit_tree_within(objects, tree, meta, u64::MAX)
}

/// As [`commit_tree`], of at most so many paths below the root: what such a tree takes in memory is proportional to them.
///
/// # Errors
///
/// As [`commit_tree`]; [`Error::TooManyPaths`].
pub fn commit_tree_within<O: CommitObjects>(
    objects: &mut O,
    tree: &Checksum,
    meta: &Checksum,
    most_paths: u64,
) -> Result<Tree, Error> {
    let mut walk = Walk {
        objects,
        metas: HashMap::new(),
        paths: 0,
        most_paths,
    };
    let (stat, xattrs) = walk.meta(meta, "")?;
    let mut builder = TreeBuilder::new(0, stat, &xattrs)?;
    let mut waiting = vec![Directory {
        node: NodeId::ROOT,
        tree: *tree,
        path: String::new(),
        depth: 0,
    }];
    while let Some(directory) = waiting.pop() {
        walk.directory(&mut builder, &directory, &mut waiting)?;
    }
    builder.finish()
}

struct Directory {
    node: NodeId,
    tree: Checksum,
    path: String,
    depth: usize,
}

struct Walk<'a, O> {
    objects: &'a mut O,
    metas: HashMap<Checksum, (Stat, Xattrs)>,
    /// Seen so far, those of directories that wait too.
    paths: u64,
    most_paths: u64,
}

impl<O: CommitObjects> Walk<'_, O> {
    fn meta(&mut self, checksum: &Checksum, path: &str) -> Result<(Stat, Xattrs), Error> {
        if let Some(known) = self.metas.get(checksum) {
            return Ok(known.clone());
        }
        let meta = self.objects.dirmeta(checksum).map_err(object(path))?;
        let new = (
            stat(meta.uid, meta.gid, meta.mode),
            xattrs(&meta.xattrs).map_err(at(path))?,
        );
        self.metas.insert(*checksum, new.clone());
        Ok(new)
    }

    fn directory(
        &mut self,
        builder: &mut TreeBuilder,
        directory: &Directory,
        waiting: &mut Vec<Directory>,
    ) -> Result<(), Error> {
        let tree = self.objects.dirtree(&directory.tree);
        let tree = tree.map_err(object(&directory.path))?;
        self.paths += (tree.files.len() + tree.dirs.len()) as u64;
        if self.paths > self.most_paths {
            return Err(Error::TooManyPaths {
                limit: self.most_paths,
            });
        }
        for (name, checksum) in &tree.files {
            let path = || join(&directory.path, name);
            let file = self.objects.file(checksum);
            let file = file.map_err(|error| object(&path())(error))?;
            add_file(builder, directory.node, name, checksum, &file)
                .map_err(|error| at(&path())(error))?;
        }
        if directory.node == NodeId::ROOT {
            for name in MOUNT_POINTS {
                if tree.file(name).is_none() && tree.dir(name).is_none() {
                    let (kind, stat) = (Kind::DIRECTORY, Stat::root(0o755));
                    builder.add(directory.node, name.as_bytes(), &kind, stat, &Xattrs::new())?;
                }
            }
        }
        if directory.depth >= MAX_DEPTH && !tree.dirs.is_empty() {
            return Err(Error::TooMany {
                what: "levels of directories",
                limit: MAX_DEPTH as u64,
            });
        }
        for (name, tree, meta) in tree.dirs {
            let path = join(&directory.path, &name);
            let (stat, xattrs) = self.meta(&meta, &path)?;
            let node = builder
                .add(
                    directory.node,
                    name.as_bytes(),
                    &Kind::DIRECTORY,
                    stat,
                    &xattrs,
                )
                .map_err(at(&path))?;
            waiting.push(Directory {
                node,
                tree,
                path,
                depth: directory.depth + 1,
            });
        }
        Ok(())
    }
}

fn add_file(
    builder: &mut TreeBuilder,
    parent: NodeId,
    name: &str,
    checksum: &Checksum,
    file: &CommitFile,
) -> Result<(), Error> {
    let header = &file.header;
    let kind = match &header.symlink_target {
        Some(target) => Kind::Symlink {
            target: target.as_bytes(),
        },
        None if file.size == 0 => Kind::EMPTY_FILE,
        None => Kind::Backed {
            size: file.size,
            path: Some(
                ObjectName::file(*checksum)
                    .loose_path(RepoMode::Bare)
                    .into_bytes()
                    .into(),
            ),
            digest: file.digest,
        },
    };
    let stat = stat(header.uid, header.gid, header.mode);
    builder.add(
        parent,
        name.as_bytes(),
        &kind,
        stat,
        &xattrs(&header.xattrs)?,
    )?;
    Ok(())
}

/// File types were checked when the objects were read.
fn stat(uid: u32, gid: u32, mode: u32) -> Stat {
    Stat {
        uid,
        gid,
        ..Stat::root(u16::try_from(mode & 0o7777).unwrap_or_default())
    }
}

fn xattrs(given: &ObjectXattrs) -> Result<Xattrs, Error> {
    let mut xattrs = Xattrs::new();
    for (name, value) in given.iter() {
        xattrs.set(name, value)?;
    }
    Ok(xattrs)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}/{name}")
    }
}

fn object<E: std::error::Error + Send + Sync + 'static>(path: &str) -> impl Fn(E) -> Error + '_ {
    |source| Error::Object {
        path: path.to_owned(),
        source: Box::new(source),
    }
}

fn at(path: &str) -> impl Fn(Error) -> Error + '_ {
    |source| Error::Path {
        path: path.to_owned(),
        source: Box::new(source),
    }
}
