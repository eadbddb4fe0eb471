//! A layout that is a tar archive: indexed once, then each file is read by its offset.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use rustix::fs::OFlags;

use super::tar_index::{Extent, TarIndex};
use super::{LayoutFile, decompress};
use crate::{Error, OnEvent};

/// An opened and indexed archive.
#[derive(Debug)]
pub(crate) struct Archive {
    path: String,
    file: Arc<File>,
    index: TarIndex,
}

impl Archive {
    pub(super) fn open(path: &Path, tmp: &Dir, on_event: &OnEvent) -> Result<Self, Error> {
        let shown = path.display().to_string();
        let file = open_regular(path).map_err(|source| Error::Io {
            action: "open",
            path: shown.clone(),
            source,
        })?;
        let file = decompress::plain(file, &shown, tmp, on_event)?;
        let index = TarIndex::build(&file, &shown)?;
        Ok(Self {
            path: shown,
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

#[expect(
    clippy::disallowed_methods,
    reason = "the reference itself names a path of the host"
)]
fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file =
        cap_std::fs::File::open_ambient_with(path, &options, ambient_authority())?.into_std();
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    Ok(file)
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
