//! One file or symbolic link of a layer becomes an object: written at once, soon, or once its label is known.

use std::io::BufRead;

use ostree_objects::{Checksum, FileHeader, S_IFLNK, S_IFREG, Xattrs};
use ostree_store::Hashed;

use super::object::{Content, Object};
use super::owner::Owner;
use super::{Derived, object, store, xattrs};
use crate::tar::{Archive, Entry, Kind};
use crate::{Error, Report};

impl Derived<'_> {
    /// Take in a file or symbolic link; `path`: where it is in the tree, if that is known.
    pub(super) fn take_file<R: BufRead>(
        &mut self,
        mut entry: Entry,
        path: Option<&str>,
        archive: &mut Archive<'_, R>,
        report: &mut Report,
    ) -> Result<Object, Error> {
        report.files += 1;
        let xattrs = xattrs::kept(std::mem::take(&mut entry.xattrs), report);
        match (self.labels, path) {
            (None, _) => self.keep_file(entry, xattrs, archive),
            (Some(labels), Some(path)) => {
                let mode = entry_mode(&entry);
                let xattrs = xattrs::labelled(xattrs, labels, path, mode)?;
                self.write_soon(entry, xattrs, archive).map(Object::Written)
            }
            (Some(_), None) => {
                let xattrs = Xattrs::from_pairs(xattrs).map_err(object)?;
                self.write_file(entry, xattrs, archive)
                    .map(Object::Mislabelled)
            }
        }
    }

    /// Hash the object, and see to it that it is written.
    fn write_soon<R: BufRead>(
        &mut self,
        mut entry: Entry,
        xattrs: Xattrs,
        archive: &mut Archive<'_, R>,
    ) -> Result<Checksum, Error> {
        let (path, size) = (std::mem::take(&mut entry.path), entry.size);
        let header = header(entry, xattrs);
        let hashed = self.stage.hash_file(header, size, &mut archive.content());
        match hashed.map_err(|error| archive.take_failure().unwrap_or_else(|| store(error)))? {
            Hashed::Stored(checksum) => Ok(checksum),
            Hashed::InMemory(file) => {
                let checksum = *file.checksum();
                self.writer.write(file, path.into())?;
                Ok(checksum)
            }
        }
    }

    /// Write the object.
    fn write_file<R: BufRead>(
        &self,
        entry: Entry,
        xattrs: Xattrs,
        archive: &mut Archive<'_, R>,
    ) -> Result<Checksum, Error> {
        let size = entry.size;
        let header = header(entry, xattrs);
        let written = self.stage.write_file(&header, size, &mut archive.content());
        written.map_err(|error| archive.take_failure().unwrap_or_else(|| store(error)))
    }

    /// Keep the content until the label is known.
    fn keep_file<R: BufRead>(
        &mut self,
        entry: Entry,
        xattrs: Vec<(Vec<u8>, Vec<u8>)>,
        archive: &mut Archive<'_, R>,
    ) -> Result<Object, Error> {
        let xattrs = Xattrs::from_pairs(xattrs).map_err(object)?;
        let owner = Owner {
            uid: entry.uid,
            gid: entry.gid,
            mode: entry_mode(&entry),
            xattrs: xattrs.clone(),
        };
        let Some(owner) = self.owners.add(owner, self.import.limits.owner_bytes) else {
            let written = self.write_file(entry, xattrs, archive);
            return written.map(Object::Mislabelled);
        };
        let content = match &entry.kind {
            Kind::Symlink(target) => match self.tree.add_text(target) {
                Ok(at) => Content::Link {
                    // The archive's reader keeps it to `PATH_MAX`.
                    length: u16::try_from(target.len()).unwrap_or(u16::MAX),
                    target: at,
                },
                // Whether a layer is accepted does not depend on what is known of its labels.
                Err(_) => {
                    let written = self.write_file(entry, xattrs, archive);
                    return written.map(Object::Mislabelled);
                }
            },
            _ => {
                let kept = self.stage.write_unnamed(entry.size, &mut archive.content());
                let kept =
                    kept.map_err(|error| archive.take_failure().unwrap_or_else(|| store(error)))?;
                Content::File(kept)
            }
        };
        Ok(Object::Waiting { content, owner })
    }
}

fn header(entry: Entry, xattrs: Xattrs) -> FileHeader {
    match entry.kind {
        Kind::Symlink(target) => FileHeader::symlink(entry.uid, entry.gid, target, xattrs),
        _ => FileHeader::regular(entry.uid, entry.gid, entry.mode, xattrs),
    }
}

/// Mode with the file type, of a file or symbolic link.
fn entry_mode(entry: &Entry) -> u32 {
    match entry.kind {
        Kind::Symlink(_) => S_IFLNK | 0o777,
        _ => S_IFREG | (entry.mode & 0o7777),
    }
}
