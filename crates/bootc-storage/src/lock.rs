//! The repository lock that libostree and we share.
//!
//! Format: the file `.lock` in the repository, locked with open-file-description locks
//! (libostree `ostree_repo_lock_push`). Shared while objects and refs are added, exclusive while they are removed.

use std::fmt;
use std::fs::File;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use crate::{Error, Event, Observer};

const LOCK_FILE: &str = ".lock";
/// How often a held lock is tried again.
const RETRY_EVERY: Duration = Duration::from_millis(100);

/// What the holder is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// Objects and refs are added; others may add too, nobody may remove.
    Shared,
    /// Objects and refs are removed; nobody else is in the repository.
    Exclusive,
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shared => "shared",
            Self::Exclusive => "exclusive",
        })
    }
}

/// A held repository lock; released on drop.
#[derive(Debug)]
pub(crate) struct RepoLock {
    _file: File,
}

impl RepoLock {
    /// Take the lock, waiting up to `patience` for who holds it.
    pub(crate) fn take(
        repo: &Dir,
        mode: LockMode,
        patience: Duration,
        observer: &Observer,
    ) -> Result<Self, Error> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).mode(0o660);
        let file = repo
            .open_with(LOCK_FILE, &options)
            .map_err(|source| Error::Lock { mode, source })?
            .into_std();
        let deadline = Instant::now() + patience;
        let mut told = false;
        loop {
            match try_lock(&file, mode) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(Errno::EAGAIN | Errno::EACCES) => {}
                Err(errno) => {
                    return Err(Error::Lock {
                        mode,
                        source: errno.into(),
                    });
                }
            }
            if Instant::now() >= deadline {
                return Err(Error::Busy {
                    mode,
                    waited: patience,
                });
            }
            if !told {
                observer(Event::WaitingForLock { mode });
                told = true;
            }
            std::thread::sleep(RETRY_EVERY);
        }
    }
}

fn try_lock(file: &File, mode: LockMode) -> Result<(), Errno> {
    let kind = match mode {
        LockMode::Shared => libc::F_RDLCK,
        LockMode::Exclusive => libc::F_WRLCK,
    };
    let short = |value| libc::c_short::try_from(value).map_err(|_| Errno::EINVAL);
    let whole_file = libc::flock {
        l_type: short(kind)?,
        l_whence: short(libc::SEEK_SET)?,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(file.as_fd(), FcntlArg::F_OFD_SETLK(&whole_file)).map(drop)
}
