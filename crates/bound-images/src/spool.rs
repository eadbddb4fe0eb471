//! Where podman and skopeo put an image's blobs before they unpack them.
//!
//! Neither tells a program that is no terminal how far it is. But blobs are written as they come, unchanged, into files
//! of a directory that is ours to name: what these have grown to is what has been transferred. They are beside the
//! storage, so that an installer's own small file systems need no room for them, and what a killed pull left is found.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use cap_std::fs::{Dir, DirBuilder, DirBuilderExt as _};
use rustix::fd::OwnedFd;

use crate::Error;
use crate::storage::PARENT;

/// Its directory, in [`PARENT`].
const SPOOL: &str = "bound.tmp";

/// The directory for the blobs of the pulls that are under way.
#[derive(Debug)]
pub(crate) struct Spool {
    dir: Dir,
    count: AtomicU64,
}

impl Spool {
    /// That of the host with this physical root, emptied of what was left by pulls that were killed. One at a time.
    pub(crate) fn open(root: &Dir) -> io::Result<Self> {
        remove(root)?;
        let path = format!("{PARENT}/{SPOOL}");
        let mut private = DirBuilder::new();
        private.mode(0o700);
        root.create_dir_with(&path, &private)?;
        Ok(Self {
            dir: root.open_dir(&path)?,
            count: AtomicU64::new(0),
        })
    }

    /// A directory for one pull.
    pub(crate) fn place(&self) -> io::Result<Place> {
        let name = self.count.fetch_add(1, Ordering::Relaxed).to_string();
        self.dir.create_dir(&name)?;
        Ok(Place {
            dir: self.dir.open_dir(&name)?,
            parent: self.dir.try_clone()?,
            name,
        })
    }
}

/// Remove what killed pulls left of blobs on the host with this physical root. Only while no pull can be under way there.
///
/// # Errors
/// The system's.
pub fn sweep(root: &Dir) -> Result<(), Error> {
    remove(root).map_err(|source| Error::Io {
        action: "remove what a killed pull of bound images left",
        source,
    })
}

/// Remove the directory of a host, and all that killed pulls left in it.
pub(crate) fn remove(root: &Dir) -> io::Result<()> {
    match root.remove_dir_all(format!("{PARENT}/{SPOOL}")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The directory of one pull; it goes with this value.
#[derive(Debug)]
pub(crate) struct Place {
    parent: Dir,
    dir: Dir,
    name: String,
}

impl Place {
    /// For the program.
    pub(crate) fn file(&self) -> io::Result<OwnedFd> {
        Ok(self.dir.try_clone()?.into_std_file().into())
    }

    /// How much of the image's blobs has come. Files come and go meanwhile: what cannot be looked at counts for nothing.
    pub(crate) fn blob_bytes(&self) -> u64 {
        let Ok(entries) = self.dir.entries() else {
            return 0;
        };
        let holds_blobs = |name: &str| name.contains("storage");
        entries
            .flatten()
            .filter(|entry| entry.file_name().to_str().is_some_and(holds_blobs))
            .filter_map(|entry| entry.open_dir().ok())
            .map(|blobs| sizes_in(&blobs))
            .fold(0, u64::saturating_add)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What stays is swept by the next pull.
        let _removed = self.parent.remove_dir_all(&self.name);
    }
}

fn sizes_in(dir: &Dir) -> u64 {
    let Ok(entries) = dir.entries() else {
        return 0;
    };
    let sizes = entries
        .flatten()
        .filter_map(|entry| entry.metadata().ok())
        .filter(cap_std::fs::Metadata::is_file)
        .map(|metadata| metadata.len());
    sizes.fold(0, u64::saturating_add)
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "a test opens a directory of its own"
)]
mod tests {
    use super::*;
    use cap_std::ambient_authority;

    #[test]
    fn blobs_are_counted_and_what_was_left_goes() {
        let folder = tempfile::tempdir().unwrap();
        let root = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        let left = format!("{PARENT}/{SPOOL}/7/storage1");
        root.create_dir_all(&left).unwrap();
        root.write(format!("{left}/1"), "left").unwrap();
        let spool = Spool::open(&root).unwrap();
        assert!(!root.exists(&left));
        let place = spool.place().unwrap();
        assert_eq!(place.blob_bytes(), 0);
        // As podman 4.3 and podman 5 name them; then an archive that skopeo unpacks, which is no transfer.
        for (dir, bytes) in [
            ("storage1", 3),
            ("container_images_storage2", 4),
            ("oci9", 100),
        ] {
            place.dir.create_dir(dir).unwrap();
            place.dir.write(format!("{dir}/1"), vec![0; bytes]).unwrap();
        }
        place.dir.create_dir("storage1/more").unwrap();
        assert_eq!(place.blob_bytes(), 7);
        let other = spool.place().unwrap();
        assert_eq!(other.blob_bytes(), 0);
        drop(place);
        assert!(!root.exists(format!("{PARENT}/{SPOOL}/0")));
        assert!(root.exists(format!("{PARENT}/{SPOOL}/1")));
    }
}
