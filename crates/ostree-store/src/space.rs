//! Free space, and the part of it that is to stay free.

use crate::{Error, MinFree, Repo};

/// Space on the repo's file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeSpace {
    /// Size of the file system.
    pub total_bytes: u64,
    /// Free for this process: for root the blocks kept for root too, as libostree counts.
    pub available_bytes: u64,
    /// To stay free by the repo's configuration.
    pub reserved_bytes: u64,
    /// Files that can still be made; `u64::MAX` where the file system has no such limit.
    pub available_inodes: u64,
}

impl FreeSpace {
    /// How many bytes may still be written.
    #[must_use]
    pub const fn usable_bytes(&self) -> u64 {
        self.available_bytes.saturating_sub(self.reserved_bytes)
    }
}

impl Repo {
    /// Space on the file system that the repo is on.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn free_space(&self) -> Result<FreeSpace, Error> {
        let vfs = rustix::fs::fstatvfs(self.dir())
            .map_err(|error| Error::io("read the free space of", ".", error))?;
        let free = if self.is_root() {
            vfs.f_bfree
        } else {
            vfs.f_bavail
        };
        let total_bytes = vfs.f_blocks.saturating_mul(vfs.f_frsize);
        let reserved_bytes = match self.min_free_space() {
            MinFree::Bytes(bytes) => bytes,
            MinFree::Percent(percent) => (total_bytes / 100).saturating_mul(percent),
        };
        Ok(FreeSpace {
            total_bytes,
            available_bytes: free.saturating_mul(vfs.f_frsize),
            reserved_bytes,
            available_inodes: if vfs.f_files == 0 {
                u64::MAX
            } else {
                vfs.f_ffree
            },
        })
    }

    /// Fails when writing `needed` bytes would touch the reserve.
    pub(crate) fn check_space(&self, needed: u64) -> Result<(), Error> {
        let FreeSpace {
            available_bytes: available,
            reserved_bytes: reserved,
            ..
        } = self.free_space()?;
        if reserved > 0 && available < reserved.saturating_add(needed) {
            return Err(Error::NoSpace {
                needed,
                available,
                reserved,
            });
        }
        Ok(())
    }
}
