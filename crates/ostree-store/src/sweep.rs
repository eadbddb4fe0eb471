//! Removing what killed writers left.

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use crate::stage::PREFIX;
use crate::{Error, Repo, sys};

/// What [`Repo::sweep_abandoned`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Stages that were removed.
    pub removed: u64,
    /// Stages of writers that are alive.
    pub alive: u64,
}

impl Repo {
    /// Removes stages whose writer is gone, which is known by their lock: never one in use.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn sweep_abandoned(&self) -> Result<Swept, Error> {
        let mut swept = Swept::default();
        let tmp = match self.dir().open_dir("tmp") {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(swept),
            tmp => tmp.map_err(|error| Error::io("open", "tmp", error))?,
        };
        for entry in tmp
            .entries()
            .map_err(|error| Error::io("list", "tmp", error))?
        {
            let name = entry
                .map_err(|error| Error::io("list", "tmp", error))?
                .file_name();
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
                continue;
            };
            let failed = |error: std::io::Error| Error::io("sweep", format!("tmp/{name}"), error);
            let dir = match sys::open_dir(&tmp, name) {
                // Published, dropped or swept by another since it was listed; or no directory.
                Ok(None) | Err(Errno::NOTDIR | Errno::LOOP) => continue,
                dir => dir.map_err(|error| failed(error.into()))?,
            };
            let Some(dir) = dir else { continue };
            match rustix::fs::flock(&dir, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => match tmp.remove_dir_all(name) {
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    removed => {
                        removed.map_err(failed)?;
                        swept.removed += 1;
                    }
                },
                Err(Errno::WOULDBLOCK) => swept.alive += 1,
                Err(error) => return Err(failed(error.into())),
            }
        }
        Ok(swept)
    }
}
