//! A layout that is a tar archive: indexed once, then each file is read by its offset.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use cap_std::fs::Dir;

use super::LayoutFile;
use super::tar_index::{Extent, TarIndex};
use crate::{Error, OnEvent, archive_file};

/// An opened and indexed archive.
#[derive(Debug)]
pub(crate) struct Archive {
    path: String,
    file: Arc<File>,
    index: TarIndex,
}

impl Archive {
    pub(super) fn open(path: &str, tmp: &Dir, on_event: &OnEvent) -> Result<Self, Error> {
        let file = archive_file::plain(archive_file::open(path)?, path, tmp, on_event)?;
        let index = TarIndex::build(&file, path)?;
        Ok(Self {
            path: path.to_owned(),
            file: Arc::new(file),
            index,
        })
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn find(&self, name: &str) -> Option<LayoutFile> {
        let extent = self.index.get(name)?;
        Some(LayoutFile {
            size: extent.size,
            content: Box::new(ExtentReader {
                file: Arc::clone(&self.file),
                extent,
            }),
        })
    }
}

/// Reads one entry; any number of them read the same file at once.
struct ExtentReader {
    file: Arc<File>,
    /// What is left.
    extent: Extent,
}

impl Read for ExtentReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.extent.size).unwrap_or(usize::MAX);
        let wanted = buf.len().min(left);
        if wanted == 0 {
            return Ok(0);
        }
        let read = self.file.read_at(&mut buf[..wanted], self.extent.offset)?;
        if read == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the archive was cut short while it was read",
            ));
        }
        let read_u64 = u64::try_from(read).unwrap_or(u64::MAX);
        self.extent.offset = self.extent.offset.saturating_add(read_u64);
        self.extent.size = self.extent.size.saturating_sub(read_u64);
        Ok(read)
    }
}
