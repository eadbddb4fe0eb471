//! Whether a host's image and what it is bound to fit together, wherever each is kept.

use std::fmt;
use std::io;

use bound_images::{Plan, STORAGE};
use cap_std::fs::Dir;
use rustix::fs::{fstat, fstatvfs};

use crate::host::LockedHost;
use crate::pull::PullPlan;
use crate::size::Size;
use crate::{Error, Storage};

/// What does not fit on one file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceShortage {
    /// The image, or the tree that is bound to something.
    pub of: String,
    /// What its missing layers need at least, where the repository is on the file system.
    pub image_bytes: u64,
    /// What the bound images that are missing need at least, where their storage is.
    pub bound_bytes: u64,
    /// What podman needs at least to hold an image's layers until they are unpacked.
    pub spool_bytes: u64,
    /// What may be written there.
    pub available_bytes: u64,
    /// What the repository's configuration keeps back beside that.
    pub reserved_bytes: u64,
}

impl SpaceShortage {
    /// All of it.
    #[must_use]
    pub const fn needed_bytes(&self) -> u64 {
        self.image_bytes
            .saturating_add(self.bound_bytes)
            .saturating_add(self.spool_bytes)
    }
}

impl fmt::Display for SpaceShortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not enough space for ")?;
        if self.image_bytes > 0 {
            write!(f, "image {} and ", self.of)?;
        }
        write!(
            f,
            "the bound images of {}: at least {} are needed (",
            if self.image_bytes > 0 { "it" } else { &self.of },
            Size(self.needed_bytes())
        )?;
        let parts = [
            (self.image_bytes, "for the image's missing layers"),
            (self.bound_bytes, "for the bound images that are missing"),
            (self.spool_bytes, "to hold layers until they are unpacked"),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(bytes, _)| *bytes > 0)
            .map(|(bytes, what)| format!("{} {what}", Size(*bytes)))
            .collect();
        write!(
            f,
            "{}), {} are free on the file system that holds them",
            parts.join(", "),
            Size(self.available_bytes)
        )?;
        if self.reserved_bytes > 0 {
            write!(
                f,
                ", beside the {} that the repository keeps in reserve (core.min-free-space)",
                Size(self.reserved_bytes)
            )?;
        }
        Ok(())
    }
}

impl LockedHost {
    /// That the missing layers of an image, if one is still to be pulled, and the bound images that are missing fit, as far
    /// as their sizes are known: together where one file system holds them, apart where not.
    pub(super) fn require_space(
        &self,
        of: &str,
        image: Option<&PullPlan>,
        bound: &Plan,
    ) -> Result<(), Error> {
        let repository = Place::of_repository(&self.storage)?;
        let bound_place = Place::of(&self.bound_directory()?, 0)?;
        let spool = Place::of(&self.spool_directory()?, 0)?;
        let mut places = [repository, bound_place, spool];
        places[0].image_bytes = image.map_or(0, PullPlan::missing_bytes);
        places[1].bound_bytes = bound.bytes_to_fetch();
        places[2].spool_bytes = spool_bytes(bound, spool.device == bound_place.device);
        let mut devices: Vec<u64> = places.iter().map(|place| place.device).collect();
        devices.sort_unstable();
        devices.dedup();
        for device in devices {
            let here = places.iter().filter(|place| place.device == device);
            let mut sum = Place {
                device,
                ..Place::default()
            };
            here.for_each(|place| sum.add(place));
            sum.check(of)?;
        }
        Ok(())
    }

    /// Where the storage is or will be.
    fn bound_directory(&self) -> Result<Dir, Error> {
        self.nearest(&[STORAGE, "ostree/bootc", "ostree"])
    }

    /// Where blobs are put before they are unpacked: beside the storage.
    fn spool_directory(&self) -> Result<Dir, Error> {
        self.nearest(&["ostree/bootc", "ostree"])
    }

    fn nearest(&self, paths: &[&str]) -> Result<Dir, Error> {
        for path in paths {
            match self.dirs.root.open_dir(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                opened => return opened.map_err(Error::FreeSpace),
            }
        }
        self.dirs.root.try_clone().map_err(Error::FreeSpace)
    }
}

/// The least that podman must hold packed. Where it does so on the storage's own file system, all that comes before the
/// last image is unpacked there when that one is packed still; so it is counted with the smallest. Elsewhere with the
/// largest.
fn spool_bytes(bound: &Plan, is_shared: bool) -> u64 {
    let sizes = bound
        .images
        .iter()
        .filter(|image| image.state.is_missing())
        .filter_map(bound_images::PlannedImage::bytes_to_fetch);
    let bytes = if is_shared { sizes.min() } else { sizes.max() };
    bytes.unwrap_or(0)
}

/// A file system, and what is to be written on it.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    device: u64,
    available_bytes: u64,
    reserved_bytes: u64,
    image_bytes: u64,
    bound_bytes: u64,
    spool_bytes: u64,
}

impl Place {
    fn of(dir: &Dir, reserved_bytes: u64) -> Result<Self, Error> {
        let asking = |errno: rustix::io::Errno| Error::FreeSpace(errno.into());
        let free = fstatvfs(dir).map_err(asking)?;
        Ok(Self {
            device: fstat(dir).map_err(asking)?.st_dev,
            available_bytes: free.f_bavail.saturating_mul(free.f_frsize),
            reserved_bytes,
            ..Self::default()
        })
    }

    fn of_repository(storage: &Storage) -> Result<Self, Error> {
        let space = storage.repo.free_space().map_err(|source| Error::Store {
            action: "ask for free space",
            source,
        })?;
        Self::of(storage.repo.dir(), space.reserved_bytes)
    }

    fn add(&mut self, other: &Self) {
        self.available_bytes = other.available_bytes;
        self.reserved_bytes = self.reserved_bytes.max(other.reserved_bytes);
        self.image_bytes += other.image_bytes;
        self.bound_bytes += other.bound_bytes;
        self.spool_bytes += other.spool_bytes;
    }

    fn check(&self, of: &str) -> Result<(), Error> {
        let shortage = SpaceShortage {
            of: of.to_owned(),
            image_bytes: self.image_bytes,
            bound_bytes: self.bound_bytes,
            spool_bytes: self.spool_bytes,
            available_bytes: self.available_bytes.saturating_sub(self.reserved_bytes),
            reserved_bytes: self.reserved_bytes,
        };
        // Too large an image alone is the pull's own error, and a full disk is none for who writes nothing.
        let is_bound = shortage.bound_bytes > 0 || shortage.spool_bytes > 0;
        if is_bound && shortage.needed_bytes() > shortage.available_bytes {
            return Err(Error::SpaceForAll(Box::new(shortage)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1_000_000;

    fn place(device: u64, available: u64) -> Place {
        Place {
            device,
            available_bytes: available * MB,
            ..Place::default()
        }
    }

    #[test]
    fn what_is_on_one_file_system_is_added_up_and_the_error_has_the_numbers() {
        let mut repository = Place {
            reserved_bytes: 10 * MB,
            image_bytes: 30 * MB,
            ..place(1, 60)
        };
        let bound = Place {
            bound_bytes: 15 * MB,
            ..place(1, 60)
        };
        repository.check("x").unwrap();
        bound.check("x").unwrap();
        repository.add(&bound);
        repository.check("x").unwrap();
        repository.add(&Place {
            spool_bytes: 6 * MB,
            ..place(1, 60)
        });
        let error = repository.check("quay.io/os:1").unwrap_err().to_string();
        assert_eq!(
            error,
            "not enough space for image quay.io/os:1 and the bound images of it: at least 51.0 MB are needed (30.0 MB for \
             the image's missing layers, 15.0 MB for the bound images that are missing, 6.0 MB to hold layers until they \
             are unpacked), 50.0 MB are free on the file system that holds them, beside the 10.0 MB that the repository \
             keeps in reserve (core.min-free-space)"
        );
    }

    #[test]
    fn an_image_alone_is_the_pulls_business() {
        let full = Place {
            image_bytes: 2 * MB,
            ..place(1, 1)
        };
        full.check("x").unwrap();
    }
}
