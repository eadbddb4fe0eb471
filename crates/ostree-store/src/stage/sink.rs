//! Large content on its way to the disk.

use std::io::Write as _;
use std::os::fd::OwnedFd;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use ostree_objects::{FileHeader, RepoMode};
use rustix::fs::SeekFrom;

use super::Stage;
use crate::Error;

/// Where large content goes: as it is, or compressed.
pub(super) enum Sink<'a> {
    Plain {
        stage: &'a Stage,
        fd: &'a OwnedFd,
        path: &'a str,
        size: u64,
    },
    Deflate {
        encoder: DeflateEncoder<Fd<'a>>,
        shown: String,
    },
}

pub(super) struct Fd<'a>(&'a OwnedFd);

impl std::io::Write for Fd<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(rustix::io::write(self.0, bytes)?)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> Sink<'a> {
    pub(super) fn new(
        stage: &'a Stage,
        fd: &'a OwnedFd,
        header: &FileHeader,
        size: u64,
        path: &'a str,
    ) -> Result<Self, Error> {
        if stage.repo.mode() != RepoMode::Archive {
            return Ok(Self::plain(stage, fd, size, path));
        }
        stage.write_all(fd, &header.archive_header(size), path)?;
        let level = Compression::new(stage.repo.config().zlib_level());
        Ok(Self::Deflate {
            encoder: DeflateEncoder::new(Fd(fd), level),
            shown: stage.shown(path),
        })
    }

    /// Content as it is, whatever the repo's mode.
    pub(super) const fn plain(stage: &'a Stage, fd: &'a OwnedFd, size: u64, path: &'a str) -> Self {
        Self::Plain {
            stage,
            fd,
            path,
            size,
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match self {
            // Zeros are left out, as a hole: a sparse file of a layer takes no more space than in it.
            Self::Plain {
                stage, fd, path, ..
            } if bytes.iter().all(|byte| *byte == 0) => {
                let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
                rustix::fs::seek(fd, SeekFrom::Current(length))
                    .map(drop)
                    .map_err(|error| stage.error("write", path, error))
            }
            Self::Plain {
                stage, fd, path, ..
            } => stage.write_all(fd, bytes, path),
            Self::Deflate { encoder, shown } => encoder
                .write_all(bytes)
                .map_err(|error| Error::io("write", shown.as_str(), error)),
        }
    }

    pub(super) fn finish(self) -> Result<(), Error> {
        match self {
            Self::Plain {
                stage,
                fd,
                path,
                size,
            } => rustix::fs::ftruncate(fd, size).map_err(|error| stage.error("write", path, error)),
            Self::Deflate { encoder, shown } => encoder
                .finish()
                .map(drop)
                .map_err(|error| Error::io("write", shown, error)),
        }
    }
}
