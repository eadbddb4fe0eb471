//! A private place for objects until they are published.

mod content;
mod digests;
mod finish;
mod hashed;
mod names;
mod object;
mod publish;
mod sink;
mod unnamed;

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use ostree_objects::{Checksum, Commit, DirMeta, DirTree, ObjectName, ObjectType};
use rustix::fs::{FlockOperation, Timespec, Timestamps, UTIME_OMIT};
use rustix::io::Errno;

use crate::read::parsed;
use crate::{Error, Repo, sys};

pub use hashed::{Hashed, HashedFile};
pub use publish::Published;
pub use unnamed::Unnamed;

/// Names in the repo's `tmp`. libostree sweeps `staging-*` on every commit, hence not that.
pub(crate) const PREFIX: &str = "bootc-storage-stage-";

/// Bytes written between two looks at the free space.
const SPACE_INTERVAL: u64 = 32 * 1024 * 1024;

/// libostree removes what it does not know from `tmp` once its time stamp is a day old, and leaves
/// alone what is dated in the future.
const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Whether an object had to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is in the stage now.
    New,
    /// The repo or the stage had it. Of a file whose checksum was known beforehand the content was
    /// not read.
    Present,
}

/// Objects that are written but not yet in the repository.
///
/// A directory in the repo's `tmp`, locked while the stage lives, removed when it is dropped; what a
/// killed process leaves is removed by [`Repo::sweep_abandoned`]. Several stages may write the same
/// objects at once. Writing takes `&self`, so threads can share one stage.
pub struct Stage {
    repo: Repo,
    /// Below `tmp`.
    name: String,
    /// Holds the lock; its time stamp is in the future, so nothing is made directly in it.
    _lock: OwnedFd,
    /// A directory for each type of object, and files that are not finished. The 256 directories of
    /// a repo would cost more to make and remove than the objects of a small layer.
    objects: OwnedFd,
    /// The file system.
    device: u64,
    /// After `objects` was opened, before anything was written.
    since: Instant,
    /// Owner of whatever is made in here.
    owner: (u32, u32),
    /// Types whose directory is there, as [`bit`]s.
    made: AtomicU8,
    names: names::Names,
    temporary: AtomicU64,
    objects_written: AtomicU64,
    files_written: AtomicU64,
    bytes_written: AtomicU64,
    since_space: AtomicU64,
    failed: AtomicBool,
    collected: digests::Collected,
}

impl Repo {
    /// Begins to write.
    ///
    /// # Errors
    ///
    /// The system's, among them a read-only file system.
    pub fn stage(&self) -> Result<Stage, Error> {
        let failed = |error: Errno| Error::io("make a stage in", "tmp", error);
        sys::mkdir(self.dir(), "tmp", 0o775).map_err(failed)?;
        let tmp = sys::open_dir(self.dir(), "tmp")
            .and_then(|tmp| tmp.ok_or(Errno::NOENT))
            .map_err(failed)?;
        loop {
            let name = format!("{PREFIX}{:016x}", random());
            if !sys::mkdir(&tmp, &name, 0o700).map_err(failed)? {
                continue;
            }
            // A sweep may be faster and take it for abandoned: then try again.
            let Some(lock) = sys::open_dir(&tmp, &name).map_err(failed)? else {
                continue;
            };
            rustix::fs::flock(&lock, FlockOperation::LockExclusive).map_err(failed)?;
            let own = rustix::fs::fstat(&lock).map_err(failed)?;
            let there = sys::stat(&tmp, &name).map_err(failed)?;
            if there.is_none_or(|there| (there.st_dev, there.st_ino) != (own.st_dev, own.st_ino)) {
                continue;
            }
            sys::mkdir(&lock, "objects", 0o700).map_err(failed)?;
            let objects = sys::open_dir(&lock, "objects")
                .and_then(|objects| objects.ok_or(Errno::NOENT))
                .map_err(failed)?;
            date_ahead(&lock).map_err(failed)?;
            return Ok(Stage {
                repo: self.clone(),
                name,
                _lock: lock,
                objects,
                device: own.st_dev,
                since: Instant::now(),
                owner: (own.st_uid, own.st_gid),
                made: AtomicU8::new(0),
                names: names::Names::default(),
                temporary: AtomicU64::new(0),
                objects_written: AtomicU64::new(0),
                files_written: AtomicU64::new(0),
                bytes_written: AtomicU64::new(0),
                since_space: AtomicU64::new(0),
                failed: AtomicBool::new(false),
                collected: digests::Collected::default(),
            });
        }
    }
}

fn date_ahead(dir: &OwnedFd) -> Result<(), Errno> {
    let date = SystemTime::now() + KEPT_FOR;
    let seconds = date
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let tv_sec = i64::try_from(seconds).unwrap_or_default();
    let last_modification = Timespec { tv_sec, tv_nsec: 0 };
    let last_access = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_OMIT,
    };
    rustix::fs::futimens(
        dir,
        &Timestamps {
            last_access,
            last_modification,
        },
    )
}

/// Not guessed and hardly ever repeated; nothing depends on either, see the exclusive `mkdir`.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

impl Stage {
    /// The repository that this stage belongs to.
    #[must_use]
    pub const fn repo(&self) -> &Repo {
        &self.repo
    }

    /// Whether the stage or the repository has the object.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn contains(&self, name: &ObjectName) -> Result<bool, Error> {
        Ok(self.has_staged(name)? || self.repo.has(name)?)
    }

    pub(crate) fn has_staged(&self, name: &ObjectName) -> Result<bool, Error> {
        if !self.names.may_have(&name.checksum) {
            return Ok(false);
        }
        let path = staged(name);
        let found =
            sys::stat(&self.objects, &path).map_err(|e| self.error("look for", &path, e))?;
        Ok(found.is_some())
    }

    /// The bytes of a metadata object of the stage or the repository, as they were written.
    ///
    /// # Errors
    ///
    /// As [`Repo::read_metadata_object`].
    pub fn read_metadata_object(&self, name: &ObjectName) -> Result<Option<Vec<u8>>, Error> {
        if self.names.may_have(&name.checksum) {
            let staged = staged(name);
            let found = self.repo.read_metadata_at(&self.objects, &staged, name)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        self.repo.read_metadata_object(name)
    }

    /// A dirtree of the stage or the repository.
    ///
    /// # Errors
    ///
    /// As [`Repo::read_dirtree`].
    pub fn read_dirtree(&self, checksum: &Checksum) -> Result<DirTree, Error> {
        let name = ObjectName::dirtree(*checksum);
        parsed(name, self.read_metadata_object(&name)?, DirTree::parse)
    }

    /// A dirmeta of the stage or the repository.
    ///
    /// # Errors
    ///
    /// As [`Repo::read_dirmeta`].
    pub fn read_dirmeta(&self, checksum: &Checksum) -> Result<DirMeta, Error> {
        let name = ObjectName::dirmeta(*checksum);
        parsed(name, self.read_metadata_object(&name)?, DirMeta::parse)
    }

    /// A commit of the stage or the repository.
    ///
    /// # Errors
    ///
    /// As [`Repo::read_commit`].
    pub fn read_commit(&self, checksum: &Checksum) -> Result<Commit, Error> {
        let name = ObjectName::commit(*checksum);
        parsed(name, self.read_metadata_object(&name)?, Commit::parse)
    }

    pub(crate) const fn objects(&self) -> &OwnedFd {
        &self.objects
    }

    /// Where something of the stage is, relative to the repo: for messages.
    pub(crate) fn shown(&self, path: &str) -> String {
        format!("tmp/{}/objects/{path}", self.name)
    }

    fn error(&self, action: &'static str, path: &str, error: Errno) -> Error {
        Error::io(action, self.shown(path), error)
    }

    /// Before an object is made: notes its name, and makes the directory of its type when it is first needed.
    fn expect(&self, name: &ObjectName) -> Result<(), Error> {
        self.names.add(&name.checksum);
        let object_type = name.object_type;
        if self.made.load(Ordering::Acquire) & bit(object_type) == 0 {
            let path = object_type.as_str();
            sys::mkdir(&self.objects, path, 0o700).map_err(|e| self.error("make", path, e))?;
            self.made.fetch_or(bit(object_type), Ordering::AcqRel);
        }
        Ok(())
    }

    /// Counts an object that is in the stage now, and looks at the free space now and then.
    fn count(&self, object_type: ObjectType, bytes: u64) -> Result<(), Error> {
        self.objects_written.fetch_add(1, Ordering::Relaxed);
        if object_type == ObjectType::File {
            self.files_written.fetch_add(1, Ordering::Relaxed);
        }
        self.bytes_written.fetch_add(bytes, Ordering::Relaxed);
        self.spend(bytes)
    }

    fn spend(&self, bytes: u64) -> Result<(), Error> {
        let before = self.since_space.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) >= SPACE_INTERVAL {
            self.since_space.store(0, Ordering::Relaxed);
            self.repo.check_space(0)?;
        }
        Ok(())
    }

    /// After a failure that may have left half an object under its name.
    fn fail(&self, path: &str) {
        self.failed.store(true, Ordering::Release);
        let _ = rustix::fs::unlinkat(&self.objects, path, rustix::fs::AtFlags::empty());
    }
}

impl Drop for Stage {
    /// Best effort: what is left is swept later.
    fn drop(&mut self) {
        if let Ok(tmp) = self.repo.dir().open_dir("tmp") {
            let _ = tmp.remove_dir_all(&self.name);
        }
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Stage")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Where an object is in a stage: `file/<checksum>`.
pub(crate) fn staged(name: &ObjectName) -> String {
    let (kind, checksum) = (name.object_type, name.checksum);
    format!("{kind}/{checksum}")
}

const fn bit(object_type: ObjectType) -> u8 {
    match object_type {
        ObjectType::File => 1,
        ObjectType::DirMeta => 2,
        ObjectType::DirTree => 4,
        ObjectType::CommitMeta => 8,
        ObjectType::Commit => 16,
    }
}
