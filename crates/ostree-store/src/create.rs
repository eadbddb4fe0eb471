//! New repositories.

use cap_std::fs::Dir;
use ostree_objects::{FileHeader, RepoMode, Xattrs};
use rustix::fs::{Mode, OFlags, XattrFlags};

use crate::{Error, Repo, sys};

/// `objects` comes last: a directory without it is no repository yet.
const DIRECTORIES: [&str; 9] = [
    "tmp",
    "tmp/cache",
    "extensions",
    "state",
    "refs",
    "refs/heads",
    "refs/mirrors",
    "refs/remotes",
    "objects",
];

impl Repo {
    /// Makes a repository in that directory, with the layout and `config` that `ostree init`
    /// gives it, or opens the one that is there. What is made is synced.
    ///
    /// # Errors
    ///
    /// A repository of another mode is there; the file system has no `user.` attributes, which
    /// bare-user needs; the system's errors.
    pub fn create(dir: &Dir, mode: RepoMode) -> Result<Self, Error> {
        let there = sys::stat(dir, "objects").map_err(|e| Error::io("look for", "objects", e))?;
        if there.is_none() {
            if mode == RepoMode::BareUser {
                try_attributes(dir)?;
            }
            write_config(dir, mode)?;
            for name in DIRECTORIES {
                sys::mkdir(dir, name, 0o775).map_err(|e| Error::io("make", name, e))?;
            }
            // A `Dir` may be open for paths only, which cannot be synced.
            sys::open_dir(dir, ".")
                .and_then(|all| all.map_or(Ok(()), rustix::fs::syncfs))
                .map_err(|e| Error::io("sync", ".", e))?;
        }
        let repo = Self::open(dir)?;
        if repo.mode() != mode {
            return Err(Error::OtherMode {
                found: repo.mode(),
                wanted: mode,
            });
        }
        Ok(repo)
    }
}

/// A `config` that is there stays.
fn write_config(dir: &Dir, mode: RepoMode) -> Result<(), Error> {
    let there = sys::stat(dir, "config").map_err(|e| Error::io("look for", "config", e))?;
    if there.is_some() {
        return Ok(());
    }
    let text = format!("[core]\nrepo_version=1\nmode={mode}\n");
    dir.write("config.new", text)
        .map_err(|e| Error::io("write", "config", e))?;
    dir.rename("config.new", dir, "config")
        .map_err(|e| Error::io("write", "config", e))
}

fn try_attributes(dir: &Dir) -> Result<(), Error> {
    const NAME: &str = ".attribute-test";
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = rustix::fs::openat(dir, NAME, flags, Mode::RUSR | Mode::WUSR)
        .map_err(|e| Error::io("write", NAME, e))?;
    let meta = FileHeader::regular(0, 0, 0o644, Xattrs::new()).to_ostreemeta();
    let set = rustix::fs::fsetxattr(&file, "user.ostreemeta", &meta, XattrFlags::empty());
    let removed = dir.remove_file(NAME);
    set.map_err(|e| Error::io("set the attribute user.ostreemeta in", ".", e))?;
    match removed {
        // Another creation of the same repo has removed it.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(|e| Error::io("remove", NAME, e)),
    }
}
