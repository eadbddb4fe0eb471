//! A layout that is a directory.

use std::io;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use rustix::fs::OFlags;

use super::LayoutFile;
use crate::Error;

/// An opened directory. Links that lead out of it are not followed.
#[derive(Debug)]
pub(crate) struct Directory {
    path: String,
    dir: Dir,
}

impl Directory {
    #[expect(
        clippy::disallowed_methods,
        reason = "the reference itself names a path of the host"
    )]
    pub(super) fn open(path: &str) -> Result<Self, Error> {
        let dir = Dir::open_ambient_dir(path, ambient_authority()).map_err(|source| Error::Io {
            action: "open the directory",
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            dir,
        })
    }

    /// A directory that is open already; `path` is for messages.
    pub(crate) fn from_dir(path: String, dir: Dir) -> Self {
        Self { path, dir }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn find(&self, name: &str) -> Result<Option<LayoutFile>, Error> {
        let failed = |source| Error::Io {
            action: "open",
            path: format!("{}/{name}", self.path),
            source,
        };
        let mut options = OpenOptions::new();
        // A FIFO in place of a file must not hang us.
        options
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        let file = match self.dir.open_with(name, &options) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(failed(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a regular file",
            )));
        }
        Ok(Some(LayoutFile {
            size: metadata.len(),
            content: Box::new(file.into_std()),
        }))
    }
}
