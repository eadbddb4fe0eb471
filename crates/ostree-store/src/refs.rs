//! Reading refs (`refs/heads`), and making what others wrote there durable.

use std::collections::HashSet;
use std::io;

use cap_std::fs::Dir;
use ostree_objects::Checksum;

use crate::{Error, Repo, sys};

/// A ref holds 64 digits and a newline; more than this is not even looked at.
const MAX_REF_BYTES: u64 = 1024;

/// Refs that were listed, and what could not be read, which stops nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefList {
    /// Name and commit, sorted by name.
    pub refs: Vec<(String, Checksum)>,
    /// Entries that are no ref, sorted by name.
    pub broken: Vec<BrokenRef>,
}

/// An entry below `refs/heads` that is no ref.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenRef {
    /// Its name.
    pub name: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Repo {
    /// The commit that a local ref points to, or `None` when there is no such ref.
    ///
    /// # Errors
    ///
    /// A name that no ref can have; [`Error::BrokenRef`]; the system's errors.
    pub fn resolve_ref(&self, name: &str) -> Result<Option<Checksum>, Error> {
        if !is_ref_name(name) {
            return Err(Error::RefName {
                name: name.to_owned(),
            });
        }
        match read_ref(&self.heads()?, name)? {
            Read::Checksum(checksum) => Ok(Some(checksum)),
            Read::Absent | Read::Directory => Ok(None),
            Read::Broken(problem) => Err(Error::BrokenRef {
                name: name.to_owned(),
                problem,
            }),
        }
    }

    /// Local refs below that prefix (whole components of a name; "" for all), the prefix itself
    /// included where it is a ref. Names are given whole.
    ///
    /// # Errors
    ///
    /// A prefix that no ref can have; directories that cannot be read.
    pub fn list_refs(&self, prefix: &str) -> Result<RefList, Error> {
        let prefix = prefix.trim_end_matches('/');
        if !prefix.is_empty() && !is_ref_name(prefix) {
            return Err(Error::RefName {
                name: prefix.to_owned(),
            });
        }
        let heads = self.heads()?;
        let mut list = RefList::default();
        let mut waiting = vec![prefix.to_owned()];
        while let Some(name) = waiting.pop() {
            if !name.is_empty() && !is_ref_name(&name) {
                list.broken.push(BrokenRef {
                    name,
                    problem: "no ref has such a name".to_owned(),
                });
                continue;
            }
            match read_ref(&heads, if name.is_empty() { "." } else { &name })? {
                Read::Absent => {}
                Read::Checksum(checksum) => list.refs.push((name, checksum)),
                Read::Broken(problem) => list.broken.push(BrokenRef { name, problem }),
                Read::Directory => self.push_entries(&heads, &name, &mut waiting, &mut list)?,
            }
        }
        list.refs.sort();
        list.broken.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(list)
    }

    fn push_entries(
        &self,
        heads: &Dir,
        name: &str,
        waiting: &mut Vec<String>,
        list: &mut RefList,
    ) -> Result<(), Error> {
        let failed = |error| Error::io("list", format!("refs/heads/{name}"), error);
        let entries = match heads.read_dir(if name.is_empty() { "." } else { name }) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let entry = entry.map_err(failed)?.file_name();
            let slash = if name.is_empty() { "" } else { "/" };
            match entry.to_str() {
                Some(entry) => waiting.push(format!("{name}{slash}{entry}")),
                None => list.broken.push(BrokenRef {
                    name: format!("{name}{slash}{}", entry.to_string_lossy()),
                    problem: "its name is not UTF-8".to_owned(),
                }),
            }
        }
        Ok(())
    }

    /// Makes a ref durable that somebody (libostree syncs the file, but no directory) has just
    /// written or removed: syncs the ref and every directory from it up to `refs`. Does nothing
    /// where the repo's configuration turns syncing off.
    ///
    /// # Errors
    ///
    /// A name that no ref can have; the system's errors.
    pub fn sync_ref(&self, name: &str) -> Result<(), Error> {
        if !is_ref_name(name) {
            return Err(Error::RefName {
                name: name.to_owned(),
            });
        }
        if !self.fsync() {
            return Ok(());
        }
        let heads = self.heads()?;
        let mut path = name;
        loop {
            sync(&heads, path)?;
            match path.rsplit_once('/') {
                Some((parent, _)) => path = parent,
                None => break,
            }
        }
        sync(&heads, ".")?;
        sync(self.dir(), "refs")
    }

    /// As [`Self::sync_ref`] for a ref that libostree has just written (it syncs the file), among others: of the
    /// directories above it only the first is synced where `synced` has it, since nothing is new in the others.
    ///
    /// # Errors
    ///
    /// As [`Self::sync_ref`].
    pub fn sync_ref_among(&self, name: &str, synced: &mut SyncedRefDirs) -> Result<(), Error> {
        let parent = name.rsplit_once('/').map_or(".", |(parent, _)| parent);
        if !synced.0.contains(parent) {
            self.sync_ref(name)?;
            synced.0.insert(parent.to_owned());
            return Ok(());
        }
        if !self.fsync() {
            return Ok(());
        }
        sync(&self.heads()?, parent)
    }

    fn heads(&self) -> Result<Dir, Error> {
        self.dir()
            .open_dir("refs/heads")
            .map_err(|e| Error::io("open", "refs/heads", e))
    }
}

/// Directories of refs that were synced with all that are above them, by one who keeps them from being removed.
#[derive(Debug, Default)]
pub struct SyncedRefDirs(HashSet<String>);

fn sync(dir: &Dir, path: &str) -> Result<(), Error> {
    let file = match dir.open(path) {
        // Removed, perhaps with the directories that became empty; the next one up is synced.
        Err(error) if is_absent(&error) => return Ok(()),
        file => file.map_err(|error| Error::io("open", format!("refs/heads/{path}"), error))?,
    };
    file.sync_all()
        .map_err(|error| Error::io("sync", format!("refs/heads/{path}"), error))
}

enum Read {
    Absent,
    Directory,
    Checksum(Checksum),
    Broken(String),
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// A ref may be an alias: a relative symbolic link. `Dir` keeps it inside `refs/heads`.
fn read_ref(heads: &Dir, name: &str) -> Result<Read, Error> {
    let failed = |error| Error::io("read", format!("refs/heads/{name}"), error);
    let metadata = match heads.metadata(name) {
        Err(error) if is_absent(&error) => {
            let dangling = heads.symlink_metadata(name).is_ok();
            let problem = || Read::Broken("it is an alias of a ref that is not there".to_owned());
            return Ok(if dangling { problem() } else { Read::Absent });
        }
        // A link out of refs/heads, or a loop.
        Err(error)
            if heads
                .symlink_metadata(name)
                .is_ok_and(|meta| meta.is_symlink()) =>
        {
            return Ok(Read::Broken(format!("it is a symbolic link: {error}")));
        }
        metadata => metadata.map_err(failed)?,
    };
    if metadata.is_dir() {
        return Ok(Read::Directory);
    }
    if !metadata.is_file() {
        return Ok(Read::Broken("it is not a file".to_owned()));
    }
    let file = match heads.open(name) {
        Err(error) if is_absent(&error) => return Ok(Read::Absent),
        file => file.map_err(failed)?,
    };
    let Some(bytes) = sys::read_bounded(file.into(), MAX_REF_BYTES).map_err(failed)? else {
        return Ok(Read::Broken("it is too long".to_owned()));
    };
    let text = String::from_utf8_lossy(&bytes);
    match text.trim_ascii_end() {
        "" => Ok(Read::Broken("it is empty".to_owned())),
        text => Ok(match text.parse() {
            Ok(checksum) => Read::Checksum(checksum),
            Err(error) => Read::Broken(ostree_objects::Error::to_string(&error)),
        }),
    }
}

/// Path components as libostree takes them: each starts with a letter, a digit or `_`.
fn is_ref_name(name: &str) -> bool {
    name.len() < 4096
        && name.split('/').all(|part| {
            part.chars()
                .next()
                .is_some_and(|first| first == '_' || first.is_alphanumeric())
                && !part.contains('\0')
        })
}
