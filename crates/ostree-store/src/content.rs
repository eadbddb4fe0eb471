//! Reading file objects, in each mode.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use flate2::bufread::DeflateDecoder;
use ostree_objects::{
    Checksum, FileHeader, HEADER_PREFIX_BYTES, ObjectName, RepoMode, S_IFLNK, S_IFMT, Xattrs,
    header_length,
};

use rustix::fs::Stat;
use rustix::io::Errno;

use crate::repo::shown;
use crate::stage::staged;
use crate::xattr::{Place, link_path};
use crate::{Error, Repo, Stage, sys};

/// Longest symbolic link target that Linux knows, in bytes.
const MAX_TARGET_BYTES: u64 = 4096;

/// A file object that is open.
pub struct FileObject {
    /// Owner, mode, target, attributes.
    pub header: FileHeader,
    /// Bytes of content; 0 for a symbolic link.
    pub size: u64,
    /// The content. In an archive repo it is inflated while it is read, and an end before or after
    /// `size` is an error.
    pub content: Box<dyn Read + Send>,
}

impl fmt::Debug for FileObject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("FileObject")
            .field("header", &self.header)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// What a file object is, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStat {
    /// Owner, mode, target, attributes.
    pub header: FileHeader,
    /// Bytes of content; 0 for a symbolic link.
    pub size: u64,
}

impl Repo {
    /// Opens a file object. Its content is not hashed; see [`Repo::verify`].
    ///
    /// # Errors
    ///
    /// [`Error::Missing`]; a header that is damaged; the system's errors.
    pub fn open_file(&self, checksum: &Checksum) -> Result<FileObject, Error> {
        At::published(self, checksum).open_object()
    }

    /// Header and size of a file object.
    ///
    /// # Errors
    ///
    /// As [`Self::open_file`].
    pub fn file_stat(&self, checksum: &Checksum) -> Result<FileStat, Error> {
        At::published(self, checksum).stat_object()
    }

    /// Mode (with the file type) of a file object and one of its attributes, by as few system calls as the
    /// repo's mode allows: for walks over every file of a tree.
    ///
    /// # Errors
    ///
    /// As [`Self::open_file`].
    pub fn file_attribute(
        &self,
        checksum: &Checksum,
        name: &[u8],
    ) -> Result<(u32, Option<Vec<u8>>), Error> {
        if self.mode() == RepoMode::Bare {
            return At::published(self, checksum).bare_attribute(name);
        }
        let header = self.file_stat(checksum)?.header;
        Ok((header.mode, header.xattrs.get(name).map(<[u8]>::to_vec)))
    }
}

impl Stage {
    /// Header and size of a file object of the stage or the repository.
    ///
    /// # Errors
    ///
    /// As [`Repo::open_file`].
    pub fn file_stat(&self, checksum: &Checksum) -> Result<FileStat, Error> {
        match self.staged_file(checksum)? {
            Some(at) => at.stat_object(),
            None => self.repo().file_stat(checksum),
        }
    }

    /// Opens a file object of the stage or the repository.
    ///
    /// # Errors
    ///
    /// As [`Repo::open_file`].
    pub fn open_file(&self, checksum: &Checksum) -> Result<FileObject, Error> {
        match self.staged_file(checksum)? {
            Some(at) => at.open_object(),
            None => self.repo().open_file(checksum),
        }
    }

    fn staged_file(&self, checksum: &Checksum) -> Result<Option<At<'_>>, Error> {
        let name = ObjectName::file(*checksum);
        if !self.has_staged(&name)? {
            return Ok(None);
        }
        let path = staged(&name);
        Ok(Some(At {
            repo: self.repo(),
            dir: self.objects().as_fd(),
            shown: self.shown(&path),
            path,
            name,
        }))
    }
}

/// A file object in the repository or in a stage.
struct At<'a> {
    repo: &'a Repo,
    dir: BorrowedFd<'a>,
    /// Below `dir`.
    path: String,
    shown: String,
    name: ObjectName,
}

impl<'a> At<'a> {
    fn published(repo: &'a Repo, checksum: &Checksum) -> Self {
        let name = ObjectName::file(*checksum);
        Self {
            repo,
            dir: repo.objects().as_fd(),
            path: name.loose_path(repo.mode()),
            shown: shown(&name, repo.mode()),
            name,
        }
    }

    fn open_object(&self) -> Result<FileObject, Error> {
        match self.repo.mode() {
            RepoMode::Bare => self.bare(),
            RepoMode::BareUser => self.bare_user(),
            RepoMode::Archive => self.archive(),
        }
    }

    /// Without opening the file where the mode allows it.
    fn stat_object(&self) -> Result<FileStat, Error> {
        if self.repo.mode() == RepoMode::Bare {
            return self.bare_stat(&self.stat()?);
        }
        let FileObject { header, size, .. } = self.open_object()?;
        Ok(FileStat { header, size })
    }

    fn failed(&self, error: impl Into<io::Error>) -> Error {
        Error::io("read", self.shown.as_str(), error)
    }

    fn malformed(&self, source: ostree_objects::Error) -> Error {
        Error::Malformed {
            name: self.name,
            source,
        }
    }

    fn open(&self) -> Result<OwnedFd, Error> {
        sys::open_read(self.dir, &self.path)
            .map_err(|error| self.failed(error))?
            .ok_or(Error::Missing { name: self.name })
    }

    fn stat(&self) -> Result<Stat, Error> {
        let found = sys::stat(self.dir, &self.path).map_err(|error| self.failed(error))?;
        found.ok_or(Error::Missing { name: self.name })
    }

    fn bare_attribute(&self, name: &[u8]) -> Result<(u32, Option<Vec<u8>>), Error> {
        let mode = self.stat()?.st_mode;
        if self.repo.config().disable_xattrs() {
            return Ok((mode, None));
        }
        // A path serves for files as well, and saves opening them.
        let path = link_path(self.dir, &self.path);
        match Place::<BorrowedFd<'_>>::Link(&path).get(name) {
            Ok(value) => Ok((mode, Some(value))),
            Err(Errno::NODATA | Errno::NOTSUP) => Ok((mode, None)),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// A path serves for files as well as for links, and saves opening them.
    fn bare_stat(&self, stat: &Stat) -> Result<FileStat, Error> {
        let xattrs = if self.repo.config().disable_xattrs() {
            Xattrs::new()
        } else {
            let path = link_path(self.dir, &self.path);
            let place = Place::<BorrowedFd<'_>>::Link(&path);
            place.read().map_err(|error| self.failed(error))?
        };
        let (uid, gid, mode) = (stat.st_uid, stat.st_gid, stat.st_mode);
        let is_link = mode & S_IFMT == S_IFLNK;
        let symlink_target = is_link.then(|| self.bare_target()).transpose()?;
        let header = FileHeader {
            uid,
            gid,
            mode,
            symlink_target,
            xattrs,
        };
        header.check().map_err(|error| self.malformed(error))?;
        let size = if is_link { 0 } else { sys::size_of(stat) };
        Ok(FileStat { header, size })
    }

    fn bare_target(&self) -> Result<String, Error> {
        let target = rustix::fs::readlinkat(self.dir, &self.path, Vec::new())
            .map_err(|error| self.failed(error))?;
        target.into_string().map_err(|_| self.target_not_text())
    }

    fn bare(&self) -> Result<FileObject, Error> {
        let stat = self.stat()?;
        let FileStat { header, size } = self.bare_stat(&stat)?;
        let content: Box<dyn Read + Send> = if header.is_symlink() {
            Box::new(io::empty())
        } else {
            Box::new(File::from(self.open()?))
        };
        Ok(FileObject {
            header,
            size,
            content,
        })
    }

    fn bare_user(&self) -> Result<FileObject, Error> {
        let fd = self.open()?;
        let meta = match Place::File(&fd).get(b"user.ostreemeta") {
            Err(Errno::NODATA) => return Err(Error::NoHeader { name: self.name }),
            meta => meta.map_err(|error| self.failed(error))?,
        };
        let mut header = FileHeader::parse_ostreemeta(&meta).map_err(|e| self.malformed(e))?;
        if header.is_symlink() {
            let target = sys::read_bounded(fd, MAX_TARGET_BYTES).map_err(|e| self.failed(e))?;
            let mut target = target.ok_or_else(|| self.target_not_text())?;
            // libostree stores the NUL that ends the text.
            if target.last() == Some(&0) {
                target.pop();
            }
            header.symlink_target =
                Some(String::from_utf8(target).map_err(|_| self.target_not_text())?);
            return self.whole(header, 0, Box::new(io::empty()));
        }
        let file = File::from(fd);
        let size = file.metadata().map_err(|error| self.failed(error))?.len();
        self.whole(header, size, Box::new(file))
    }

    fn archive(&self) -> Result<FileObject, Error> {
        let mut file = File::from(self.open()?);
        let mut prefix = [0; HEADER_PREFIX_BYTES];
        file.read_exact(&mut prefix)
            .map_err(|error| self.failed(error))?;
        let length = header_length(prefix).map_err(|error| self.malformed(error))?;
        let available = file.metadata().map_err(|error| self.failed(error))?.len();
        if length as u64 > available {
            let needed = length as u64;
            return Err(self.malformed(ostree_objects::Error::Cut {
                what: "file header",
                needed,
                available,
            }));
        }
        let mut header = prefix.to_vec();
        header.resize(HEADER_PREFIX_BYTES + length, 0);
        file.read_exact(&mut header[HEADER_PREFIX_BYTES..])
            .map_err(|e| self.failed(e))?;
        let (header, size, _) =
            FileHeader::parse_archive(&header).map_err(|error| self.malformed(error))?;
        if header.is_symlink() {
            return self.whole(header, 0, Box::new(io::empty()));
        }
        let inflated = DeflateDecoder::new(BufReader::with_capacity(32 * 1024, file));
        self.whole(
            header,
            size,
            Box::new(Sized {
                inner: inflated,
                left: size,
            }),
        )
    }

    fn whole(
        &self,
        header: FileHeader,
        size: u64,
        content: Box<dyn Read + Send>,
    ) -> Result<FileObject, Error> {
        header.check().map_err(|error| self.malformed(error))?;
        Ok(FileObject {
            header,
            size,
            content,
        })
    }

    fn target_not_text(&self) -> Error {
        self.malformed(ostree_objects::Error::Variant {
            what: "symlink target",
            problem: "it is not UTF-8, or over 4096 bytes",
            offset: 0,
        })
    }
}

/// Content that must have the size its header says.
struct Sized<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Sized<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = self.inner.read(buffer)?;
        match (count, self.left.checked_sub(count as u64)) {
            (0, _) if self.left > 0 => Err(io::ErrorKind::UnexpectedEof.into()),
            (_, Some(left)) => {
                self.left = left;
                Ok(count)
            }
            (_, None) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "there is more content than the header says",
            )),
        }
    }
}
