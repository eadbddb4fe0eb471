//! Every object of a repository.

use ostree_objects::ObjectName;
use rustix::fs::Dir;
use rustix::io::Errno;

use crate::{Error, Repo, sys};

/// One object that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectEntry {
    /// Its name.
    pub name: ObjectName,
    /// Length of its file, in bytes.
    pub size: u64,
    /// What it takes on disk, in bytes.
    pub disk_bytes: u64,
}

/// Objects in the order of their first byte; see [`Repo::list_objects`].
#[derive(Debug)]
pub struct Objects {
    repo: Repo,
    /// The next shard to open, 256 after the last.
    next: u16,
    open: Option<(String, Dir)>,
}

impl Repo {
    /// Every object, with sizes. What has no object's name is passed over.
    #[must_use]
    pub fn list_objects(&self) -> Objects {
        Objects {
            repo: self.clone(),
            next: 0,
            open: None,
        }
    }
}

impl Objects {
    fn open_next(&mut self) -> Option<Result<(), Error>> {
        let shard = u8::try_from(self.next).ok()?;
        self.next += 1;
        let path = format!("{shard:02x}");
        let opened = sys::open_dir(self.repo.objects(), &path)
            .and_then(|found| found.map(Dir::new).transpose());
        match opened {
            Ok(dir) => {
                self.open = dir.map(|dir| (path, dir));
                Some(Ok(()))
            }
            Err(error) => Some(Err(Error::io("list", format!("objects/{path}"), error))),
        }
    }

    fn entry(&self, path: &str) -> Result<Option<ObjectEntry>, Error> {
        let Some(name) = ObjectName::from_loose_path(path, self.repo.mode()) else {
            return Ok(None);
        };
        // Pruned since it was listed: nothing to report.
        let found = sys::stat(self.repo.objects(), path)
            .map_err(|error| Error::io("look at", format!("objects/{path}"), error))?;
        Ok(found.map(|stat| ObjectEntry {
            name,
            size: sys::size_of(&stat),
            disk_bytes: u64::try_from(stat.st_blocks)
                .unwrap_or_default()
                .saturating_mul(512),
        }))
    }
}

impl Iterator for Objects {
    type Item = Result<ObjectEntry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((shard, dir)) = &mut self.open else {
                match self.open_next()? {
                    Ok(()) => continue,
                    Err(error) => return Some(Err(error)),
                }
            };
            let found: Option<Result<String, Errno>> = dir.next().map(|entry| {
                entry.map(|entry| format!("{shard}/{}", entry.file_name().to_string_lossy()))
            });
            match found {
                None => self.open = None,
                Some(Ok(path)) => {
                    if let Some(entry) = self.entry(&path).transpose() {
                        return Some(entry);
                    }
                }
                Some(Err(error)) => {
                    let path = format!("objects/{shard}");
                    self.open = None;
                    return Some(Err(Error::io("list", path, error)));
                }
            }
        }
    }
}
