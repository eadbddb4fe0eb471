//! From the stage into the repository.
//!
//! Order and durability. Content is made durable by one `syncfs`, for all stages that are published together, while it is still in the stage, so
//! no name in `objects/` ever stands for bytes that a power cut could take. Then objects are renamed
//! in, what others refer to before what refers to it: files, dirmetas, dirtrees, detached metadata,
//! commits. So whoever sees a commit sees all of it. The renames themselves:
//!
//! - On ext4 and XFS changes of metadata go through one ordered journal. The ref that is written
//!   afterwards is later in that journal, and it is synced ([`crate::Repo::sync_ref`]): a ref that
//!   survives proves that the renames did. Nothing more is done. In memory (tmpfs) nothing survives.
//! - Elsewhere each directory that was changed is synced, before commits are renamed and after.

use std::os::fd::{AsFd, OwnedFd};
use std::slice;
use std::sync::atomic::Ordering;

use ostree_objects::{ObjectName, ObjectType};
use rustix::fs::{AtFlags, Dir, RenameFlags};
use rustix::io::Errno;

use super::{Stage, bit};
use crate::{Error, sys};

/// What became part of the repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Objects that are new in it.
    pub objects: u64,
    /// Their size: content before compression, and metadata.
    pub bytes: u64,
}

/// File systems whose journal orders renames (ext2/3/4, XFS), and memory.
const ORDERED: [u64; 3] = [0xEF53, 0x5846_5342, 0x0102_1994];

/// What refers to nothing first, commits last.
const ORDER: [ObjectType; 5] = [
    ObjectType::File,
    ObjectType::DirMeta,
    ObjectType::DirTree,
    ObjectType::CommitMeta,
    ObjectType::Commit,
];

impl Stage {
    /// Makes every object of the stage part of the repository, and durable as the repo's
    /// configuration asks. An object that somebody else published meanwhile stays as it is. No ref is
    /// written.
    ///
    /// # Errors
    ///
    /// [`Error::StageFailed`] after a write that failed; [`Error::NoSpace`] when files were written
    /// and the reserve is touched; the system's errors. Some objects may be in the repository then;
    /// each is whole, and none refers to one that is not there.
    pub fn publish(self) -> Result<Published, Error> {
        let published = Self::publish_all(slice::from_ref(&self))?.pop();
        Ok(published.unwrap_or_default())
    }

    /// As [`Self::publish`] for several stages, with one sync for all that are on a file system. Their objects come into
    /// the repository in the order of the stages.
    ///
    /// # Errors
    ///
    /// As [`Self::publish`]. Some of the stages may be published then.
    pub fn publish_all(stages: &[Self]) -> Result<Vec<Published>, Error> {
        let with_digests = stages.iter().map(Self::seal);
        let with_digests: Vec<bool> = with_digests.collect::<Result<_, _>>()?;
        sync_content(stages)?;
        let stages = stages.iter().zip(with_digests);
        let published = stages.map(|(stage, with_digests)| stage.publish_synced(with_digests));
        published.collect()
    }

    fn written(&self) -> u64 {
        self.objects_written.load(Ordering::Acquire)
    }

    /// Nothing more is written; says whether digests go with the commits.
    fn seal(&self) -> Result<bool, Error> {
        if self.failed.load(Ordering::Acquire) {
            return Err(Error::StageFailed);
        }
        if self.files_written.load(Ordering::Acquire) > 0 {
            self.repo.check_space(0)?;
        }
        self.seal_file_digests()
    }

    /// The renames, once the content is on disk.
    fn publish_synced(&self, with_digests: bool) -> Result<Published, Error> {
        let written = self.written();
        if written == 0 {
            return Ok(Published::default());
        }
        let mut batch = Batch {
            stage: self,
            sync_directories: self.repo.fsync() && !self.is_ordered()?,
            touched: [false; 256],
            new_shard: false,
            with_digests: false,
            renamed: 0,
            present: 0,
            bytes_present: 0,
        };
        for object_type in ORDER {
            if object_type == ObjectType::Commit {
                batch.sync()?;
                batch.with_digests = with_digests;
            }
            batch.publish(object_type)?;
        }
        batch.sync()?;
        let (renamed, present) = (batch.renamed, batch.present);
        let bytes = self
            .bytes_written
            .load(Ordering::Acquire)
            .saturating_sub(batch.bytes_present);
        if renamed + present < written {
            return Err(Error::StageVanished {
                missing: written - renamed - present,
                written,
                path: format!("tmp/{}", self.name),
            });
        }
        Ok(Published {
            objects: renamed,
            bytes,
        })
    }

    fn is_ordered(&self) -> Result<bool, Error> {
        let found = rustix::fs::fstatfs(&self.objects)
            .map_err(|error| self.error("read the type of the file system of", ".", error))?;
        Ok(u64::try_from(found.f_type).is_ok_and(|found| ORDERED.contains(&found)))
    }
}

fn sync_content(stages: &[Stage]) -> Result<(), Error> {
    let written = stages.iter().filter(|stage| stage.written() > 0);
    let mut wanted: Vec<&Stage> = written.filter(|stage| stage.repo.fsync()).collect();
    // A descriptor is told of what could not be written since it was opened: the oldest one of what the others are told.
    wanted.sort_by_key(|stage| (stage.device, stage.since));
    wanted.dedup_by_key(|stage| stage.device);
    for stage in wanted {
        rustix::fs::syncfs(&stage.objects).map_err(|error| stage.error("sync", ".", error))?;
    }
    Ok(())
}

struct Batch<'a> {
    stage: &'a Stage,
    sync_directories: bool,
    touched: [bool; 256],
    new_shard: bool,
    /// What is renamed next are commits, with which digests are kept.
    with_digests: bool,
    renamed: u64,
    present: u64,
    bytes_present: u64,
}

impl Batch<'_> {
    /// Renames every object of one type.
    fn publish(&mut self, object_type: ObjectType) -> Result<(), Error> {
        if self.stage.made.load(Ordering::Acquire) & bit(object_type) == 0 {
            return Ok(());
        }
        let kind = object_type.as_str();
        let failed = |error| self.stage.error("list", kind, error);
        let from = sys::open_dir(&self.stage.objects, kind)
            .and_then(|found| found.ok_or(Errno::NOENT))
            .map_err(failed)?;
        for entry in Dir::read_from(&from).map_err(failed)? {
            let entry = entry.map_err(|error| self.stage.error("list", kind, error))?;
            // All others are `.` and `..`.
            let checksum = entry
                .file_name()
                .to_str()
                .ok()
                .and_then(|name| name.parse().ok());
            if let Some(checksum) = checksum {
                self.rename(&ObjectName::new(checksum, object_type), &from)?;
            }
        }
        Ok(())
    }

    fn rename(&mut self, name: &ObjectName, from: &OwnedFd) -> Result<(), Error> {
        if self.with_digests {
            self.stage.publish_file_digests(&name.checksum)?;
        }
        let objects = self.stage.repo.objects();
        let to = name.loose_path(self.stage.repo.mode());
        let file = name.checksum.to_string();
        let failed = |error| Error::io("publish", format!("objects/{to}"), error);
        let rename = || match name.object_type {
            ObjectType::CommitMeta => {
                rustix::fs::renameat(from, &file, objects, &to).map(|()| true)
            }
            _ => rename_new(from, &file, objects, &to),
        };
        let renamed = match rename() {
            Err(Errno::NOENT) => {
                sys::mkdir(objects, &to[..2], 0o777).map_err(failed)?;
                self.new_shard = true;
                rename()
            }
            result => result,
        };
        if renamed.map_err(failed)? {
            self.renamed += 1;
        } else {
            let ours = sys::stat(from, &file).map_err(failed)?;
            self.bytes_present += ours.map_or(0, |ours| sys::size_of(&ours));
            rustix::fs::unlinkat(from, &file, AtFlags::empty()).map_err(failed)?;
            self.present += 1;
        }
        self.touched[usize::from(name.checksum.as_bytes()[0])] = true;
        if name.object_type == ObjectType::Commit {
            remove_tombstone(objects, &to).map_err(failed)?;
        }
        Ok(())
    }

    /// See the module's text.
    fn sync(&mut self) -> Result<(), Error> {
        if !self.sync_directories {
            return Ok(());
        }
        let objects = self.stage.repo.objects();
        for (shard, touched) in self.touched.iter_mut().enumerate() {
            if !std::mem::take(touched) {
                continue;
            }
            let path = format!("{shard:02x}");
            let failed = |error| Error::io("sync", format!("objects/{path}"), error);
            if let Some(dir) = sys::open_dir(objects, &path).map_err(failed)? {
                rustix::fs::fsync(dir).map_err(failed)?;
            }
        }
        if std::mem::take(&mut self.new_shard) {
            let all = sys::open_dir(objects, ".").map_err(|e| Error::io("sync", "objects", e))?;
            if let Some(all) = all {
                rustix::fs::fsync(all).map_err(|e| Error::io("sync", "objects", e))?;
            }
        }
        Ok(())
    }
}

/// A commit that comes back is deleted no longer.
fn remove_tombstone(objects: impl AsFd, commit: &str) -> Result<(), Errno> {
    let path = format!("{commit}-tombstone");
    sys::absent(rustix::fs::unlinkat(objects, &path, AtFlags::empty())).map(drop)
}

/// Renames without replacing; false when the new name is taken, and the old one stays.
pub(super) fn rename_new(
    old_dir: impl AsFd,
    old: &str,
    new_dir: impl AsFd,
    new: &str,
) -> Result<bool, Errno> {
    let (old_dir, new_dir) = (old_dir.as_fd(), new_dir.as_fd());
    match rustix::fs::renameat_with(old_dir, old, new_dir, new, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        // A file system that cannot: a link is never made over a name either.
        Err(Errno::INVAL | Errno::NOSYS) => {
            match rustix::fs::linkat(old_dir, old, new_dir, new, AtFlags::empty()) {
                Ok(()) => rustix::fs::unlinkat(old_dir, old, AtFlags::empty()).map(|()| true),
                Err(Errno::EXIST) => Ok(false),
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}
