//! Writing file objects into a stage, in the form of the repo's mode.

use std::io::{Read, Write as _};
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use ostree_objects::{Checksum, FileHeader, ObjectName, ObjectType, RepoMode, S_IFLNK};
use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::sink::Sink;
use super::{SPACE_INTERVAL, Stage, Written, staged};
use crate::{ContentHasher, Error, FsVerityDigest, sys};

/// Content up to this size is hashed in memory, and written only when it is new.
pub(super) const SMALL: u64 = 128 * 1024;
/// Larger content is read in parts of this size.
const PART: usize = 128 * 1024;

impl Stage {
    /// Writes a regular file or symbolic link. Exactly `size` bytes are read from `content`; of a
    /// link none.
    ///
    /// # Errors
    ///
    /// A header that [`FileHeader::check`] or the repo's mode refuses; content that ends early or
    /// cannot be read; [`Error::NoSpace`]; the system's errors.
    pub fn write_file(
        &self,
        header: &FileHeader,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<Checksum, Error> {
        Ok(self.put_file(None, header, size, content)?.0)
    }

    /// Writes a regular file or symbolic link whose checksum is known. Where the stage or the repo
    /// has it, `content` is not read at all.
    ///
    /// # Errors
    ///
    /// As [`Self::write_file`]; [`Error::ChecksumMismatch`], after which nothing is left of it.
    pub fn write_file_expecting(
        &self,
        expected: &Checksum,
        header: &FileHeader,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<Written, Error> {
        if self.contains(&ObjectName::file(*expected))? {
            return Ok(Written::Present);
        }
        Ok(self.put_file(Some(expected), header, size, content)?.1)
    }

    fn put_file(
        &self,
        expected: Option<&Checksum>,
        header: &FileHeader,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(Checksum, Written), Error> {
        self.check_header(header)?;
        if size > SMALL && !header.is_symlink() {
            let hasher = self.hasher(header);
            return self.put_large(expected, header, size, content, hasher);
        }
        let bytes = small_content(header, size, content)?;
        let (name, digest) = self.name_small(expected, header, &bytes)?;
        let written = self.write_small(&name, digest, header, &bytes)?;
        Ok((name.checksum, written))
    }

    pub(super) fn check_header(&self, header: &FileHeader) -> Result<(), Error> {
        header.check().map_err(|source| Error::Invalid { source })?;
        let mode = self.repo.mode();
        let unstorable = |reason| Err(Error::Unstorable { mode, reason });
        match mode {
            RepoMode::Bare if !header.xattrs.is_canonical() => {
                unstorable("its attributes are not sorted, or one is there twice")
            }
            RepoMode::Bare if header.is_symlink() && header.mode != S_IFLNK | 0o777 => {
                unstorable("it is a symbolic link of a mode other than 0777")
            }
            _ => Ok(()),
        }
    }

    /// The name of a file that is in memory, and its digest if that is wanted.
    pub(super) fn name_small(
        &self,
        expected: Option<&Checksum>,
        header: &FileHeader,
        bytes: &[u8],
    ) -> Result<(ObjectName, Option<FsVerityDigest>), Error> {
        let mut hasher = self.hasher(header);
        hasher.update(bytes);
        named(hasher, expected)
    }

    /// A file that is in memory and whose name is known becomes an object.
    pub(super) fn write_small(
        &self,
        name: &ObjectName,
        digest: Option<FsVerityDigest>,
        header: &FileHeader,
        bytes: &[u8],
    ) -> Result<Written, Error> {
        let collect = || self.collect(name, header, bytes.len() as u64, digest);
        if self.repo.has(name)? {
            // It may be from a layer without digests.
            collect()?;
            return Ok(Written::Present);
        }
        self.expect(name)?;
        let path = staged(name);
        let written = match (self.repo.mode(), &header.symlink_target) {
            (RepoMode::Bare, Some(target)) => self.put_link(&path, target, header)?,
            (mode, target) => match self.create(&path)? {
                None => Written::Present,
                Some(fd) => {
                    self.fill(mode, fd, header, target.as_deref(), bytes, &path)
                        .inspect_err(|_| self.fail(&path))?;
                    Written::New
                }
            },
        };
        if written == Written::New {
            self.count(ObjectType::File, bytes.len() as u64)?;
            collect()?;
        }
        Ok(written)
    }

    fn fill(
        &self,
        mode: RepoMode,
        fd: OwnedFd,
        header: &FileHeader,
        target: Option<&str>,
        bytes: &[u8],
        path: &str,
    ) -> Result<(), Error> {
        match (mode, target) {
            (RepoMode::Archive, _) => {
                let mut out = header.archive_header(bytes.len() as u64);
                if target.is_none() {
                    let level = Compression::new(self.repo.config().zlib_level());
                    let mut encoder = DeflateEncoder::new(out, level);
                    // Into memory: neither can fail.
                    out = encoder
                        .write_all(bytes)
                        .and_then(|()| encoder.finish())
                        .map_err(|error| Error::io("compress", self.shown(path), error))?;
                }
                self.write_all(&fd, &out, path)?;
            }
            // A link in a bare-user repo is a file; libostree stores the NUL that ends the text.
            (_, Some(target)) => {
                let mut text = target.as_bytes().to_vec();
                text.push(0);
                self.write_all(&fd, &text, path)?;
            }
            (_, None) => self.write_all(&fd, bytes, path)?,
        }
        self.finish(mode, fd, header, path)
    }

    fn put_large(
        &self,
        expected: Option<&Checksum>,
        header: &FileHeader,
        size: u64,
        content: &mut dyn Read,
        hasher: ContentHasher,
    ) -> Result<(Checksum, Written), Error> {
        if size >= SPACE_INTERVAL {
            self.repo.check_space(size)?;
        }
        let (_, path, fd) = self.create_temporary()?;
        let result = self.stream(expected, header, size, content, hasher, fd, &path);
        if !matches!(result, Ok((_, Written::New))) {
            self.remove_temporary(&path);
        }
        result
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the rest of put_large, which cleans up after it"
    )]
    fn stream(
        &self,
        expected: Option<&Checksum>,
        header: &FileHeader,
        size: u64,
        content: &mut dyn Read,
        mut hasher: ContentHasher,
        fd: OwnedFd,
        path: &str,
    ) -> Result<(Checksum, Written), Error> {
        let mut sink = Sink::new(self, &fd, header, size, path)?;
        each_part(size, content, |bytes| {
            hasher.update(bytes);
            sink.write(bytes)?;
            self.spend(bytes.len() as u64)
        })?;
        sink.finish()?;
        let (name, digest) = named(hasher, expected)?;
        self.collect(&name, header, size, digest)?;
        let written = self.adopt(&name, fd, header, size, path)?;
        Ok((name.checksum, written))
    }

    /// Makes the object `name` of a file of the stage whose content is whole and accounted for. Where it is
    /// [`Written::Present`] already the file stays what it was.
    pub(super) fn adopt(
        &self,
        name: &ObjectName,
        fd: OwnedFd,
        header: &FileHeader,
        size: u64,
        path: &str,
    ) -> Result<Written, Error> {
        if self.repo.has(name)? {
            return Ok(Written::Present);
        }
        self.finish(self.repo.mode(), fd, header, path)?;
        self.expect(name)?;
        let failed = |error| self.error("rename", path, error);
        if !super::publish::rename_new(&self.objects, path, &self.objects, &staged(name))
            .map_err(failed)?
        {
            return Ok(Written::Present);
        }
        self.count(ObjectType::File, 0)?;
        self.bytes_written.fetch_add(size, Ordering::Relaxed);
        Ok(Written::New)
    }

    /// A new file that is not finished: its number, path and descriptor.
    pub(super) fn create_temporary(&self) -> Result<(u64, String, OwnedFd), Error> {
        let number = self.temporary.fetch_add(1, Ordering::Relaxed);
        let path = temporary(number);
        match self.create(&path)? {
            Some(fd) => Ok((number, path, fd)),
            None => Err(self.error("write", &path, Errno::EXIST)),
        }
    }

    /// Best effort: what is left goes with the stage.
    pub(super) fn remove_temporary(&self, path: &str) {
        let _ = rustix::fs::unlinkat(&self.objects, path, AtFlags::empty());
    }
}

/// The content of a file of at most [`SMALL`] bytes; a symbolic link has none.
pub(super) fn small_content(
    header: &FileHeader,
    size: u64,
    content: &mut dyn Read,
) -> Result<Vec<u8>, Error> {
    if header.is_symlink() {
        return Ok(Vec::new());
    }
    // It fits: at most `SMALL`.
    let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
    let found = sys::read_exactly(content, &mut bytes)?;
    if found < bytes.len() {
        return Err(Error::ContentCut {
            expected: size,
            found: found as u64,
        });
    }
    Ok(bytes)
}

/// Where a file that is not finished is in a stage.
pub(super) fn temporary(number: u64) -> String {
    format!("tmp-{number}")
}

/// Reads exactly `size` bytes and hands them on in parts.
pub(super) fn each_part(
    size: u64,
    content: &mut dyn Read,
    mut take: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let at_most_a_part = |left: u64| usize::try_from(left).unwrap_or(usize::MAX).min(PART);
    let mut buffer = vec![0; at_most_a_part(size)];
    let mut left = size;
    while left > 0 {
        let part = at_most_a_part(left);
        let found = sys::read_exactly(content, &mut buffer[..part])?;
        left -= found as u64;
        take(&buffer[..found])?;
        if found < part {
            return Err(Error::ContentCut {
                expected: size,
                found: size - left,
            });
        }
    }
    Ok(())
}

/// The name that a hasher gives, when it is the one that was expected, and the content's digest if it was wanted.
pub(super) fn named(
    hasher: ContentHasher,
    expected: Option<&Checksum>,
) -> Result<(ObjectName, Option<FsVerityDigest>), Error> {
    let (found, digest) = hasher.finish();
    match expected {
        Some(expected) if *expected != found => Err(Error::ChecksumMismatch {
            expected: ObjectName::file(*expected),
            found,
        }),
        _ => Ok((ObjectName::file(found), digest)),
    }
}
