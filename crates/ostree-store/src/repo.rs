//! A repository that is open.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cap_std::fs::Dir;
use ostree_objects::{Checksum, ObjectName, ObjectType, RepoMode};

use crate::config::MAX_CONFIG_BYTES;
use crate::sys;
use crate::{Config, Error, MinFree};

/// An ostree repository, open by its directory. Cheap to clone, and safe to share between threads.
///
/// Nothing here locks the repository against libostree's prune: whoever writes holds libostree's
/// lock (an open transaction) until the refs are set.
#[derive(Clone)]
pub struct Repo(Arc<Inner>);

struct Inner {
    dir: Dir,
    objects: Dir,
    config: Config,
    root: bool,
    /// The file system turned out not to support fs-verity.
    without_verity: AtomicBool,
}

impl Repo {
    /// Opens the repository in that directory.
    ///
    /// # Errors
    ///
    /// No `config` or `objects` in it; a configuration that is not supported, see [`Config::parse`].
    pub fn open(dir: &Dir) -> Result<Self, Error> {
        let dir = dir
            .try_clone()
            .map_err(|error| Error::io("open", ".", error))?;
        let file = dir
            .open("config")
            .map_err(|error| Error::io("open", "config", error))?;
        let wrong = |problem: &str| Error::Config {
            key: "file".to_owned(),
            problem: problem.to_owned(),
        };
        let text = sys::read_bounded(file.into(), MAX_CONFIG_BYTES)
            .map_err(|error| Error::io("read", "config", error))?
            .ok_or_else(|| wrong("it is over 1 MiB"))?;
        let text = String::from_utf8(text).map_err(|_| wrong("it is not UTF-8"))?;
        let config = Config::parse(&text)?;
        let objects = dir
            .open_dir("objects")
            .map_err(|error| Error::io("open", "objects", error))?;
        let root = rustix::process::geteuid().is_root();
        Ok(Self(Arc::new(Inner {
            dir,
            objects,
            config,
            root,
            without_verity: AtomicBool::new(false),
        })))
    }

    /// The repo's directory.
    #[must_use]
    pub fn dir(&self) -> &Dir {
        &self.0.dir
    }

    pub(crate) fn objects(&self) -> &Dir {
        &self.0.objects
    }

    pub(crate) fn is_root(&self) -> bool {
        self.0.root
    }

    pub(crate) fn is_without_verity(&self) -> bool {
        self.0.without_verity.load(Ordering::Relaxed)
    }

    pub(crate) fn set_without_verity(&self) {
        self.0.without_verity.store(true, Ordering::Relaxed);
    }

    /// How file objects are stored.
    #[must_use]
    pub fn mode(&self) -> RepoMode {
        self.0.config.mode()
    }

    /// The repo's configuration, as it was when the repo was opened.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// How much of the file system is to stay free.
    #[must_use]
    pub fn min_free_space(&self) -> MinFree {
        self.0.config.min_free()
    }

    /// Whether anything is synced: `core.fsync`.
    #[must_use]
    pub fn fsync(&self) -> bool {
        self.0.config.fsync()
    }

    /// Whether the object is there. Its content is not looked at; see [`Self::verify`].
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn has(&self, name: &ObjectName) -> Result<bool, Error> {
        self.has_path(&name.loose_path(self.mode()))
    }

    pub(crate) fn has_path(&self, path: &str) -> Result<bool, Error> {
        match sys::stat(self.objects(), path) {
            Ok(found) => Ok(found.is_some()),
            Err(error) => Err(Error::io("look for", format!("objects/{path}"), error)),
        }
    }

    /// Whether libostree marked the commit as one whose objects are not all there
    /// (`state/<commit>.commitpartial`).
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn is_partial(&self, commit: &Checksum) -> Result<bool, Error> {
        let path = format!("state/{commit}.commitpartial");
        let found = sys::stat(self.dir(), &path);
        found
            .map(|found| found.is_some())
            .map_err(|error| Error::io("look for", path, error))
    }

    /// Removes the mark of [`Self::is_partial`], once every object of the commit is there. Not
    /// synced: a mark that comes back costs a second look only.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn unmark_partial(&self, commit: &Checksum) -> Result<(), Error> {
        let path = format!("state/{commit}.commitpartial");
        let removed = rustix::fs::unlinkat(self.dir(), &path, rustix::fs::AtFlags::empty());
        sys::absent(removed)
            .map(drop)
            .map_err(|error| Error::io("remove", path, error))
    }
}

impl fmt::Debug for Repo {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Repo")
            .field("mode", &self.mode())
            .finish_non_exhaustive()
    }
}

/// Where an object lies, relative to the repo: for messages.
pub(crate) fn shown(name: &ObjectName, mode: RepoMode) -> String {
    format!("objects/{}", name.loose_path(mode))
}

/// Metadata objects are those whose whole bytes make the name, and detached metadata.
pub(crate) fn is_metadata(name: &ObjectName) -> bool {
    name.object_type != ObjectType::File
}
