//! Directories of our own under [`SourceConfig::tmp`](crate::SourceConfig), removed when they are done with.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use cap_std::fs::{Dir, DirBuilder, DirBuilderExt as _};
use rustix::fs::{FlockOperation, Mode, OFlags};

use crate::Error;

/// Names of our directories begin so; the sweep touches nothing else.
const PREFIX: &str = "image-source-";

/// A private directory (mode 0700). While it lives its lock is held, so that a sweep can tell it from what a
/// killed process left behind.
#[derive(Debug)]
pub(crate) struct PrivateDir {
    parent: Dir,
    name: String,
    dir: Dir,
}

impl PrivateDir {
    /// Makes a new one, after removing what killed processes left.
    pub(crate) fn create(parent: &Dir) -> Result<Self, Error> {
        Self::try_create(parent).map_err(|source| Error::Io {
            action: "create a private directory in",
            path: path_of(parent).display().to_string(),
            source,
        })
    }

    fn try_create(parent: &Dir) -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        // What cannot be swept is no reason not to go on.
        let _swept = sweep_abandoned(parent);
        let mut private = DirBuilder::new();
        private.mode(0o700);
        loop {
            let name = format!(
                "{PREFIX}{}-{}",
                std::process::id(),
                COUNT.fetch_add(1, Ordering::Relaxed)
            );
            match parent.create_dir_with(&name, &private) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            }
            // Another process's sweep may take it between its making and its locking: then the next name.
            let dir = match open_lockable(parent, name.as_ref()) {
                Ok(dir) => dir,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            match rustix::fs::flock(&dir, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) if parent.try_exists(&name)? => {
                    return Ok(Self {
                        parent: parent.try_clone()?,
                        name,
                        dir,
                    });
                }
                Ok(()) | Err(rustix::io::Errno::WOULDBLOCK) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    pub(crate) fn dir(&self) -> &Dir {
        &self.dir
    }

    /// Where it is, for programs that need a path.
    pub(crate) fn path(&self) -> PathBuf {
        path_of(&self.dir)
    }
}

impl Drop for PrivateDir {
    fn drop(&mut self) {
        // Nobody could act on a failure here; the next sweep tries again.
        let _removed = self.parent.remove_dir_all(&self.name);
    }
}

/// Removes private directories that a killed process left in `tmp`; never one that is in use.
///
/// Done at each copy anyway; a program may call it at its start. Gives the number of directories removed.
///
/// # Errors
/// When `tmp` cannot be listed or a directory cannot be removed.
pub fn sweep_abandoned(tmp: &Dir) -> io::Result<u64> {
    let mut removed = 0;
    for entry in tmp.entries()? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.to_string_lossy().starts_with(PREFIX) || !entry.file_type()?.is_dir() {
            continue;
        }
        let Ok(dir) = open_lockable(tmp, Path::new(&name)) else {
            continue;
        };
        if rustix::fs::flock(&dir, FlockOperation::NonBlockingLockExclusive).is_ok() {
            tmp.remove_dir_all(&name)?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Opens a directory so that it can be locked: those that cap-std opens itself have only `O_PATH`.
fn open_lockable(parent: &Dir, name: &Path) -> io::Result<Dir> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(parent, name, flags, Mode::empty())?;
    Ok(Dir::from_std_file(fd.into()))
}

/// The path by which the kernel knows an open directory.
pub(crate) fn path_of(dir: &Dir) -> PathBuf {
    use std::os::fd::AsRawFd as _;
    use std::os::unix::ffi::OsStringExt as _;
    let link = format!("/proc/self/fd/{}", dir.as_raw_fd());
    match rustix::fs::readlink(Path::new(&link), Vec::new()) {
        Ok(path) => PathBuf::from(std::ffi::OsString::from_vec(path.into_bytes())),
        Err(_) => PathBuf::from(link),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch() -> (tempfile::TempDir, Dir) {
        let scratch = tempfile::tempdir().unwrap();
        let dir = Dir::from_std_file(std::fs::File::open(scratch.path()).unwrap());
        (scratch, dir)
    }

    #[test]
    fn removes_what_was_abandoned_and_keeps_what_is_in_use() {
        let (scratch, tmp) = scratch();
        std::fs::create_dir_all(scratch.path().join("image-source-1-0/deep/er")).unwrap();
        std::fs::create_dir(scratch.path().join("other-1-0")).unwrap();
        let live = PrivateDir::create(&tmp).unwrap();
        assert!(!tmp.exists("image-source-1-0"), "creating sweeps first");
        std::fs::create_dir_all(scratch.path().join("image-source-2-0")).unwrap();
        assert_eq!(sweep_abandoned(&tmp).unwrap(), 1);
        assert!(live.path().is_dir(), "a live one stays");
        assert!(tmp.exists("other-1-0"), "what is not ours stays");
        let path = live.path();
        drop(live);
        assert!(!path.exists());
    }

    #[test]
    fn is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_scratch, tmp) = scratch();
        let private = PrivateDir::create(&tmp).unwrap();
        assert_eq!(
            std::fs::metadata(private.path())
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o700
        );
        assert!(private.dir().entries().unwrap().next().is_none());
    }
}
