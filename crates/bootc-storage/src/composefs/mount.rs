//! A commit's tree, mounted: EROFS of its image, and over it an overlayfs whose file contents are the repository's
//! objects.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use cap_std::fs::Dir;
use ostree_flatten::composefs::{FsVerityDigest, Kind, NodeId, Tree};
use ostree_objects::{Checksum, RepoMode};
use rustix::fs::{AtFlags, Mode, OFlags, StatxAttributes, StatxFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, UnmountFlags, fsconfig_create,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, move_mount, unmount,
};

use super::ImageForm;
use crate::{Error, Storage};

/// What was mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mounted {
    /// fs-verity digest of the image.
    pub digest: FsVerityDigest,
    /// Bytes of the image.
    pub size: u64,
}

impl Storage {
    /// Mount a commit's tree on `target`, read-only. It stays until it is unmounted.
    ///
    /// Needs root, a repository of mode `bare` and Linux 6.12. Under `verity` Linux compares each file that is read
    /// with its digest in the image, so all its objects must have fs-verity.
    ///
    /// # Errors
    /// [`Error::MountNeedsBare`], [`Error::NoVerity`]; as [`Self::composefs_tree`]; [`Error::Mount`] for what the
    /// system refuses.
    pub fn mount_commit(
        &self,
        commit: &Checksum,
        verity: bool,
        target: &Dir,
    ) -> Result<Mounted, Error> {
        let mode = self.repo.mode();
        if mode != RepoMode::Bare {
            return Err(Error::MountNeedsBare { mode });
        }
        let objects = self.dir().open_dir("objects");
        let objects = objects.map_err(failed("open the repository's objects"))?;
        let digests = if verity {
            ImageForm::WithDigests
        } else {
            ImageForm::WithoutDigests
        };
        let tree = self.composefs_tree(commit, digests)?;
        if verity {
            require_verity(&tree.tree, objects.as_fd())?;
        }
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let image = rustix::fs::openat(self.dir(), "tmp", flags, Mode::RUSR | Mode::WUSR);
        let image = File::from(image.map_err(system("make a file for the image"))?);
        let written = tree.write_image(&image)?;
        let erofs = mount_image(&image).map_err(system("mount the image"))?;
        let overlay = overlay(erofs.as_fd(), objects.as_fd(), verity)
            .map_err(system("mount the image over the repository's objects"))?;
        move_to(&overlay, target).map_err(system("attach the mount"))?;
        Ok(Mounted {
            digest: written.digest,
            size: written.size,
        })
    }
}

/// Every file that the tree names has fs-verity.
fn require_verity(tree: &Tree, objects: BorrowedFd<'_>) -> Result<(), Error> {
    let mut waiting = vec![NodeId::ROOT];
    while let Some(directory) = waiting.pop() {
        for entry in tree.entries(directory) {
            if tree.is_directory(entry.node) {
                waiting.push(entry.node);
            }
            let Kind::Backed {
                path: Some(path), ..
            } = tree.kind(entry.node)
            else {
                continue;
            };
            let path = String::from_utf8_lossy(&path).into_owned();
            let stat =
                rustix::fs::statx(objects, &path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::TYPE);
            let stat = stat.map_err(system("look at an object"))?;
            if !stat.stx_attributes.contains(StatxAttributes::VERITY) {
                return Err(Error::NoVerity { object: path });
            }
        }
    }
    Ok(())
}

/// Mounts the image nowhere yet. Linux keeps the file for as long as the mount lives.
fn mount_image(image: &File) -> Result<OwnedFd, Errno> {
    let context = fsopen("erofs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&context, "source", shown(image.as_fd()))?;
    fsconfig_set_flag(&context, "ro")?;
    fsconfig_create(&context)?;
    detached(&context)
}

fn overlay(image: BorrowedFd<'_>, objects: BorrowedFd<'_>, verity: bool) -> Result<OwnedFd, Errno> {
    match overlay_at(Path::new(&shown(image)), objects, verity) {
        // Before 6.15, Linux takes no layer that is mounted nowhere.
        Err(Errno::INVAL) => {
            let place = tempfile::Builder::new()
                .prefix(".bootc-storage-mount-")
                .tempdir();
            let place = place.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
            move_mount(
                image,
                "",
                rustix::fs::CWD,
                place.path(),
                MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH,
            )?;
            let mounted = overlay_at(place.path(), objects, verity);
            unmount(place.path(), UnmountFlags::DETACH)?;
            mounted
        }
        mounted => mounted,
    }
}

fn overlay_at(image: &Path, objects: BorrowedFd<'_>, verity: bool) -> Result<OwnedFd, Errno> {
    let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&context, "source", "composefs")?;
    fsconfig_set_string(&context, "metacopy", "on")?;
    fsconfig_set_string(&context, "redirect_dir", "on")?;
    if verity {
        fsconfig_set_string(&context, "verity", "require")?;
    }
    fsconfig_set_string(&context, "lowerdir+", image)?;
    fsconfig_set_string(&context, "datadir+", shown(objects))?;
    fsconfig_create(&context)?;
    detached(&context)
}

fn detached(context: &OwnedFd) -> Result<OwnedFd, Errno> {
    fsmount(
        context,
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::MOUNT_ATTR_RDONLY,
    )
}

fn move_to(mount: &OwnedFd, target: &Dir) -> Result<(), Errno> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(mount, "", target, "", flags)
}

/// A descriptor as a path, for calls that take no descriptor.
fn shown(fd: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

fn failed(action: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Mount { action, source }
}

fn system(action: &'static str) -> impl FnOnce(Errno) -> Error {
    move |error| failed(action)(error.into())
}
