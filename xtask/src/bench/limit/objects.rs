//! The second thread: files of a tar as ostree objects on disk.

use anyhow::{Context as _, Result};
use ostree_objects::{Checksum, FileHasher, FileHeader, Xattrs};
use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid, XattrFlags, openat};
use rustix::io::Errno;
use std::io::Read;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use tar::{Archive, Entry, EntryType};

const LABEL: &str = "security.selinux";

pub(super) struct Objects {
    path: PathBuf,
    folder: OwnedFd,
    label: Vec<u8>,
    xattrs: Xattrs,
    buffer: Vec<u8>,
    pub(super) files: u64,
    pub(super) links: u64,
    pub(super) bytes: u64,
}

/// What the two kinds of objects have in common.
struct Facts {
    uid: u32,
    gid: u32,
    mode: u32,
}

impl Objects {
    /// The folder with one below it for each first byte of a checksum.
    pub(super) fn create(path: &Path, label: &str) -> Result<Self> {
        std::fs::create_dir(path).with_context(|| path.display().to_string())?;
        for first in 0..=u8::MAX {
            std::fs::create_dir(path.join(format!("{first:02x}")))?;
        }
        let mut label = label.as_bytes().to_vec();
        let mut xattrs = Xattrs::new();
        if !label.is_empty() {
            label.push(0);
            xattrs = Xattrs::from_pairs(vec![(LABEL.as_bytes().to_vec(), label.clone())])?;
        }
        Ok(Self {
            path: path.to_owned(),
            folder: std::fs::File::open(path)?.into(),
            label,
            xattrs,
            buffer: vec![0; 1 << 17],
            files: 0,
            links: 0,
            bytes: 0,
        })
    }

    pub(super) fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// All files and links of a tar, and what stands behind its end.
    pub(super) fn store(&mut self, tar: &mut impl Read) -> Result<()> {
        let mut archive = Archive::new(&mut *tar);
        for entry in archive.entries()? {
            let mut entry = entry?;
            let facts = Facts {
                uid: u32::try_from(entry.header().uid()?)?,
                gid: u32::try_from(entry.header().gid()?)?,
                mode: entry.header().mode()?,
            };
            match entry.header().entry_type() {
                EntryType::Regular => self.file(&facts, &mut entry)?,
                EntryType::Symlink => self.link(&facts, &entry)?,
                // Directories and hard links are names in trees: not this program's affair.
                _ => (),
            }
        }
        std::io::copy(tar, &mut std::io::sink())?;
        Ok(())
    }

    fn file(&mut self, facts: &Facts, content: &mut impl Read) -> Result<()> {
        let header = FileHeader::regular(facts.uid, facts.gid, facts.mode, self.xattrs.clone());
        let mut hasher = FileHasher::new(&header);
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = openat(&self.folder, ".", flags, Mode::from_raw_mode(0o600))?;
        loop {
            let count = content.read(&mut self.buffer)?;
            let Some(bytes) = self.buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
                break;
            };
            hasher.update(bytes);
            self.bytes += count as u64;
            let mut rest = bytes;
            while !rest.is_empty() {
                let written = rustix::io::write(&file, rest)?;
                rest = rest.get(written..).unwrap_or_default();
            }
        }
        let owner = (Uid::from_raw(facts.uid), Gid::from_raw(facts.gid));
        rustix::fs::fchown(&file, Some(owner.0), Some(owner.1))?;
        if !self.label.is_empty() {
            rustix::fs::fsetxattr(&file, LABEL, &self.label, XattrFlags::empty())?;
        }
        rustix::fs::fchmod(&file, Mode::from_raw_mode(facts.mode & 0o7777))?;
        let name = name_of(&hasher.finish());
        match rustix::fs::linkat(&file, "", &self.folder, name, AtFlags::EMPTY_PATH) {
            // There already: the file just written goes.
            Ok(()) | Err(Errno::EXIST) => (),
            Err(error) => return Err(error.into()),
        }
        self.files += 1;
        Ok(())
    }

    fn link(&mut self, facts: &Facts, entry: &Entry<'_, impl Read>) -> Result<()> {
        let target = entry.link_name_bytes().context("a link to nowhere")?;
        let target = String::from_utf8(target.into_owned())?;
        let header = FileHeader::symlink(facts.uid, facts.gid, target.clone(), self.xattrs.clone());
        let name = name_of(&FileHasher::new(&header).finish());
        match rustix::fs::symlinkat(&target, &self.folder, &name) {
            Ok(()) => {
                let owner = (Uid::from_raw(facts.uid), Gid::from_raw(facts.gid));
                let flags = AtFlags::SYMLINK_NOFOLLOW;
                rustix::fs::chownat(&self.folder, &name, Some(owner.0), Some(owner.1), flags)?;
                if !self.label.is_empty() {
                    let path = self.path.join(&name);
                    rustix::fs::lsetxattr(&path, LABEL, &self.label, XattrFlags::empty())?;
                }
            }
            Err(Errno::EXIST) => (),
            Err(error) => return Err(error.into()),
        }
        self.links += 1;
        Ok(())
    }
}

fn name_of(checksum: &Checksum) -> String {
    let hex = checksum.to_string();
    let (first, rest) = hex.split_at(2);
    format!("{first}/{rest}.file")
}
