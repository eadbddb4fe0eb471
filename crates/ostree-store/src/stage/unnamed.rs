//! Content that waits for its name.
//!
//! The checksum of a file object covers owner, mode and attributes too. Where one of these is found out
//! later than the content (an SELinux label, as long as the policy is not known), content is written
//! once, read again to be hashed when its header is known, and renamed.

use std::fs::File;
use std::io::Read;

use ostree_objects::{Checksum, FileHeader, RepoMode};
use rustix::io::Errno;

use super::content::{each_part, named, temporary};
use super::sink::Sink;
use super::{SPACE_INTERVAL, Stage, Written};
use crate::{Error, sys};

/// Content of a regular file in a stage, without header and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unnamed {
    number: u64,
    size: u64,
}

impl Unnamed {
    /// Bytes of content.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }
}

impl Stage {
    /// Writes the content of a regular file; exactly `size` bytes are read from `content`. It is no
    /// object until [`Self::name_file`] makes it one, and goes with the stage otherwise.
    ///
    /// # Errors
    ///
    /// Content that ends early or cannot be read; [`Error::NoSpace`]; the system's errors.
    pub fn write_unnamed(&self, size: u64, content: &mut dyn Read) -> Result<Unnamed, Error> {
        if size >= SPACE_INTERVAL {
            self.repo.check_space(size)?;
        }
        let (number, path, fd) = self.create_temporary()?;
        let mut sink = Sink::plain(self, &fd, size, &path);
        let written = each_part(size, content, |bytes| {
            sink.write(bytes)?;
            self.spend(bytes.len() as u64)
        });
        written
            .and_then(|()| sink.finish())
            .inspect_err(|_| self.remove_temporary(&path))?;
        Ok(Unnamed { number, size })
    }

    /// Makes a file object of content that waited. It is read again to be hashed, but not written
    /// again, except in an archive repo. Where the stage or the repo has the object, the content is given up.
    ///
    /// # Errors
    ///
    /// As [`Self::write_file`]; content that has its name already.
    pub fn name_file(&self, unnamed: Unnamed, header: &FileHeader) -> Result<Checksum, Error> {
        self.check_header(header)?;
        let Unnamed { number, size } = unnamed;
        let path = temporary(number);
        let mut file = self.open_unnamed(unnamed)?;
        if self.repo.mode() == RepoMode::Archive {
            let written = self.write_file(header, size, &mut file);
            self.remove_temporary(&path);
            return written;
        }
        let mut hasher = self.hasher(header);
        each_part(size, &mut file, |bytes| {
            hasher.update(bytes);
            Ok(())
        })?;
        let (name, digest) = named(hasher, None)?;
        self.collect(&name, header, size, digest)?;
        if self.adopt(&name, file.into(), header, size, &path)? == Written::Present {
            self.remove_temporary(&path);
        }
        Ok(name.checksum)
    }

    /// Opens content that waits, for reading.
    ///
    /// # Errors
    ///
    /// Content that has its name already; the system's errors.
    pub fn open_unnamed(&self, unnamed: Unnamed) -> Result<File, Error> {
        let path = temporary(unnamed.number);
        sys::open_read(&self.objects, &path)
            .and_then(|fd| fd.ok_or(Errno::NOENT))
            .map(File::from)
            .map_err(|error| self.error("read", &path, error))
    }
}
