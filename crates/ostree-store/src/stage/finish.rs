//! What is written becomes an object's file, in the form of the repo's mode.

use std::os::fd::OwnedFd;

use ostree_objects::{FileHeader, RepoMode, S_IFLNK, S_IFMT, Xattrs};
use rustix::fs::{AtFlags, Gid, Mode, Timespec, Timestamps, UTIME_OMIT, Uid};
use rustix::io::Errno;

use super::{Stage, Written};
use crate::xattr::{Place, link_path, not_set};
use crate::{Error, sys};

impl Stage {
    /// Whole content becomes an object's file: fs-verity where it is wanted; owner, mode, attributes and time, as
    /// libostree sets them in that mode.
    pub(super) fn finish(
        &self,
        mode: RepoMode,
        mut fd: OwnedFd,
        header: &FileHeader,
        path: &str,
    ) -> Result<(), Error> {
        if self.repo.wants_verity() && !header.is_symlink() {
            fd = self.with_verity(fd, path)?;
        }
        let fd = &fd;
        let chmod = |mode: u32| {
            rustix::fs::fchmod(fd, Mode::from_bits_retain(mode))
                .map_err(|error| self.error("set the mode of", path, error))
        };
        match mode {
            RepoMode::Archive => return chmod(0o644),
            RepoMode::Bare => {
                // The owner first: a change of it clears setuid bits and capabilities.
                if self.owner != (header.uid, header.gid) {
                    let (uid, gid) = (Uid::from_raw(header.uid), Gid::from_raw(header.gid));
                    rustix::fs::fchown(fd, Some(uid), Some(gid))
                        .map_err(|error| self.privileged("set the owner", path, error))?;
                }
                chmod(header.mode & 0o7777)?;
                self.set_xattrs(&Place::File(fd), &header.xattrs, path)?;
            }
            RepoMode::BareUser => {
                // Before the mode, which may take the right to write from its owner.
                let meta = header.to_ostreemeta();
                Place::File(fd)
                    .set(b"user.ostreemeta", &meta)
                    .map_err(|e| not_set(&self.shown(path), b"user.ostreemeta", &meta, e))?;
                let link = header.mode & S_IFMT == S_IFLNK;
                chmod(if link {
                    0o644
                } else {
                    (header.mode & 0o775) | 0o400
                })?;
            }
        }
        rustix::fs::futimens(fd, &epoch()).map_err(|e| self.error("set the time of", path, e))
    }

    /// Linux wants nobody to have the file open for writing; and its owner is allowed to write it, which the mode may
    /// forbid later.
    fn with_verity(&self, written: OwnedFd, path: &str) -> Result<OwnedFd, Error> {
        drop(written);
        let fd = sys::open_read(&self.objects, path)
            .and_then(|fd| fd.ok_or(Errno::NOENT))
            .map_err(|error| self.error("read", path, error))?;
        self.repo.enable_wanted_verity(&fd, &self.shown(path))?;
        Ok(fd)
    }

    fn set_xattrs(
        &self,
        place: &Place<'_, &OwnedFd>,
        xattrs: &Xattrs,
        path: &str,
    ) -> Result<(), Error> {
        for (name, value) in xattrs.iter() {
            place.set(name, value).map_err(|error| match error {
                Errno::PERM | Errno::ACCESS => self.privileged("set the attributes", path, error),
                _ => not_set(&self.shown(path), name, value, error),
            })?;
        }
        Ok(())
    }

    fn privileged(&self, action: &'static str, path: &str, error: Errno) -> Error {
        if error == Errno::PERM && !self.repo.is_root() {
            return Error::NeedsRoot {
                action,
                path: self.shown(path),
            };
        }
        self.error(action, path, error)
    }

    /// A symbolic link in a bare repo; links carry no mode, and libostree leaves their time.
    pub(super) fn put_link(
        &self,
        path: &str,
        target: &str,
        header: &FileHeader,
    ) -> Result<Written, Error> {
        match rustix::fs::symlinkat(target, &self.objects, path) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Ok(Written::Present),
            Err(error) => return Err(self.error("make the symbolic link", path, error)),
        }
        self.finish_link(path, header)
            .inspect_err(|_| self.fail(path))?;
        Ok(Written::New)
    }

    fn finish_link(&self, path: &str, header: &FileHeader) -> Result<(), Error> {
        if self.owner != (header.uid, header.gid) {
            let (uid, gid) = (Uid::from_raw(header.uid), Gid::from_raw(header.gid));
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::chownat(&self.objects, path, Some(uid), Some(gid), flags)
                .map_err(|error| self.privileged("set the owner", path, error))?;
        }
        if header.xattrs.is_empty() {
            return Ok(());
        }
        self.set_xattrs(
            &Place::Link(&link_path(&self.objects, path)),
            &header.xattrs,
            path,
        )
    }
}

/// Every file of a bare repo is from 1970, so that programs that compare times of files find none
/// newer than the other.
const fn epoch() -> Timestamps {
    Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        },
    }
}
