//! Bringing content to disk before it must be there.

use rustix::io::Errno;

use crate::{Error, Repo, sys};

impl Repo {
    /// Brings to disk what has been written so far, to stages too, so that a later publish waits for less. It promises
    /// nothing: publishing syncs what it makes visible, whether or not this came before. Does nothing where `core.fsync`
    /// is off.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn write_out(&self) -> Result<(), Error> {
        if !self.fsync() {
            return Ok(());
        }
        sys::open_dir(self.dir(), "tmp")
            .and_then(|tmp| tmp.ok_or(Errno::NOENT))
            .and_then(rustix::fs::syncfs)
            .map_err(|error| Error::io("sync", "tmp", error))
    }
}
