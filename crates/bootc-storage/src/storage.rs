//! A repository opened for images: our own object store and libostree's view of the same directory.

use std::io;
use std::os::fd::AsFd as _;
use std::time::Duration;

use cap_std::fs::Dir;
use ostree::gio::Cancellable;
use ostree_objects::{Checksum, ObjectName, RepoMode};
use ostree_store::Repo;
use selinux_label::Engine;

use crate::lock::{LockMode, RepoLock};
use crate::{Error, Observer};

/// Where a host keeps its repository, relative to the physical root.
pub const SYSROOT_REPO: &str = "ostree/repo";

/// How long we wait for who holds the repository lock (libostree's `core.lock-timeout-secs` default).
pub const LOCK_PATIENCE: Duration = Duration::from_secs(300);

/// An ostree repository that holds container images.
///
/// Not `Sync`: it carries a libostree object. Layer workers get the plain object store only.
#[derive(Debug)]
pub struct Storage {
    pub(crate) repo: Repo,
    pub(crate) libostree: ostree::Repo,
    dir: Dir,
    /// The physical root of the host that the repository belongs to, where it was opened by that.
    root: Option<Dir>,
    patience: Duration,
    pub(crate) label_engine: Engine,
}

impl Storage {
    /// Open the repository in `dir`.
    ///
    /// # Errors
    /// When there is none, or its mode or version is one we refuse.
    pub fn open_repo(dir: Dir) -> Result<Self, Error> {
        let repo = Repo::open(&dir).map_err(Error::OpenRepo)?;
        let libostree =
            ostree::Repo::open_at_dir(dir.as_fd(), ".").map_err(|source| Error::Ostree {
                action: "open the repository",
                source,
            })?;
        Ok(Self {
            repo,
            libostree,
            dir,
            root: None,
            patience: LOCK_PATIENCE,
            label_engine: Engine::default(),
        })
    }

    /// Make a repository of `mode` in the empty directory `dir` and open it.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn create_repo(dir: Dir, mode: RepoMode) -> Result<Self, Error> {
        Repo::create(&dir, mode).map_err(Error::OpenRepo)?;
        Self::open_repo(dir)
    }

    /// Open the repository of a host whose physical root is `root`.
    ///
    /// # Errors
    /// When `ostree/repo` is missing under it or unusable.
    pub fn open_sysroot(root: &Dir) -> Result<Self, Error> {
        let dir = root
            .open_dir(SYSROOT_REPO)
            .map_err(|source| Error::NoRepo {
                path: SYSROOT_REPO,
                source,
            })?;
        let storage = Self::open_repo(dir)?;
        let root = root.try_clone().map_err(|source| Error::NoRepo {
            path: SYSROOT_REPO,
            source,
        })?;
        Ok(Self {
            root: Some(root),
            ..storage
        })
    }

    /// Wait at most `patience` for another program's lock, in place of [`LOCK_PATIENCE`].
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Have this engine look up SELinux labels. The labels are the same.
    #[must_use]
    pub fn with_label_engine(self, label_engine: Engine) -> Self {
        Self {
            label_engine,
            ..self
        }
    }

    /// The object store below.
    #[must_use]
    pub fn repo(&self) -> &Repo {
        &self.repo
    }

    /// The physical root of the repository's host.
    pub(crate) const fn root(&self) -> Option<&Dir> {
        self.root.as_ref()
    }

    /// The repository's directory.
    pub(crate) const fn dir(&self) -> &Dir {
        &self.dir
    }

    /// That the commit is there at all.
    pub(crate) fn require_commit(&self, commit: &Checksum) -> Result<(), Error> {
        match self.repo.has(&ObjectName::commit(*commit)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::NoCommit { commit: *commit }),
            Err(source) => Err(Error::Store {
                action: "look for a commit",
                source,
            }),
        }
    }

    /// The shared lock for a reader; none where the lock file cannot be written, as libostree has it: who may only read
    /// cannot be kept from it.
    pub(crate) fn lock_for_reading(&self, observer: &Observer) -> Result<Option<RepoLock>, Error> {
        match self.lock(LockMode::Shared, observer) {
            Ok(lock) => Ok(Some(lock)),
            Err(Error::Lock { source, .. })
                if matches!(
                    source.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn lock(&self, mode: LockMode, observer: &Observer) -> Result<RepoLock, Error> {
        RepoLock::take(&self.dir, mode, self.patience, observer)
    }
}

/// No cancellable: libostree calls of ours are short.
pub(crate) const NO_CANCEL: Option<&Cancellable> = None;
