//! Files of an OCI layout, wherever they lie: in a directory or in a tar archive.

mod archive;
mod directory;
mod tar_index;

use std::io::Read;

use cap_std::fs::Dir;

use crate::{Error, OnEvent};

pub(crate) use archive::Archive;
pub(crate) use directory::Directory;

/// Where the files of an image lie.
#[derive(Debug)]
pub(crate) enum Layout {
    /// `oci:`, and private copies.
    Directory(Directory),
    /// `oci-archive:`.
    Archive(Archive),
}

/// One file of a layout, opened.
pub(crate) struct LayoutFile {
    /// Its size in bytes.
    pub(crate) size: u64,
    /// Its content.
    pub(crate) content: Box<dyn Read + Send>,
}

impl Layout {
    /// Opens the directory that the user named.
    pub(crate) fn open_directory(path: &str) -> Result<Self, Error> {
        Directory::open(path).map(Self::Directory)
    }

    /// Opens the archive that the user named; a compressed one is decompressed to `tmp` first.
    pub(crate) fn open_archive(path: &str, tmp: &Dir, on_event: &OnEvent) -> Result<Self, Error> {
        Archive::open(path, tmp, on_event).map(Self::Archive)
    }

    /// The directory or archive, as the user named it.
    pub(crate) fn path(&self) -> &str {
        match self {
            Self::Directory(directory) => directory.path(),
            Self::Archive(archive) => archive.path(),
        }
    }

    /// Opens a file inside; `None` when there is none of that name.
    pub(crate) fn find(&self, name: &str) -> Result<Option<LayoutFile>, Error> {
        match self {
            Self::Directory(directory) => directory.find(name),
            Self::Archive(archive) => Ok(archive.find(name)),
        }
    }

    /// Reads a small file whole; `None` when there is none of that name.
    pub(crate) fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let Some(file) = self.find(name)? else {
            return Ok(None);
        };
        let what = || format!("{name} in {}", self.path());
        if file.size > limit {
            return Err(Error::TooLarge {
                what: what(),
                size: file.size,
                limit,
            });
        }
        let mut bytes = Vec::new();
        // One byte more than was promised, so that a file that grew meanwhile is seen.
        file.content
            .take(file.size.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|source| Error::Io {
                action: "read",
                path: what(),
                source,
            })?;
        let found = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if found != file.size {
            return Err(Error::SizeMismatch {
                what: what(),
                expected: file.size,
                found,
            });
        }
        Ok(Some(bytes))
    }
}
