//! What a layer may cost: the one table of limits.

/// Upper bounds for one layer. What exceeds one is refused by name, never cut.
///
/// The defaults are far above what real images hold (a 20 GB image with a million files passes), and low enough
/// that a hostile layer cannot take the host's memory or a disk's worth of zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the uncompressed layer. Default 256 GiB.
    pub layer_bytes: u64,
    /// How many times larger than its blob a layer may be, once it is over [`ratio_floor`](Self::ratio_floor).
    /// Default 1100: deflate cannot exceed 1032, so that only zstd and nested tricks get here.
    pub ratio: u64,
    /// Uncompressed bytes below which the ratio does not count. Default 256 MiB.
    pub ratio_floor: u64,
    /// Bytes of one file, the holes of a sparse one included. Default 64 GiB.
    pub file_bytes: u64,
    /// Bytes of all files' holes together: they cost nothing in the layer, but are hashed. Default 64 GiB.
    pub hole_bytes: u64,
    /// Entries of one layer, and files and directories of its tree, those it only implies included. Each costs
    /// about 60 bytes of memory and its name. Default 2 million.
    pub entries: u64,
    /// Bytes of all names together. Default 128 MiB; a million entries have about 20.
    pub all_names_bytes: usize,
    /// Bytes of a path. Default 4096, Linux's `PATH_MAX`.
    pub path_bytes: usize,
    /// Bytes of one name in a path. Default 255, Linux's `NAME_MAX`.
    pub name_bytes: usize,
    /// Bytes of a symbolic link's target. Default 4095, the most that `symlink(2)` takes.
    pub link_bytes: usize,
    /// Names in a path. Default 1000.
    pub depth: usize,
    /// Bytes of one extended header (pax `x`, `g`, `X`; GNU `L`, `K`). Default 1 MiB, as libarchive.
    pub extended_header_bytes: u64,
    /// Extended headers in front of one entry. Default 32, as libarchive.
    pub extended_headers: usize,
    /// Extended attributes of one entry. Default 128.
    pub xattrs: usize,
    /// Bytes of one attribute's value. Default 64 KiB, Linux's `XATTR_SIZE_MAX`.
    pub xattr_bytes: usize,
    /// Bytes of one attribute's name. Default 255, Linux's `XATTR_NAME_MAX`.
    pub xattr_name_bytes: usize,
    /// Bytes of distinct combinations of owner, mode and attributes that are kept in memory for directories, and
    /// for files that wait for their labels. Files beyond it are written before their label is known, and again with
    /// it. Default 64 MiB.
    pub owner_bytes: usize,
    /// Data extents of one sparse file. Default 262,144 (4 MiB of map).
    pub sparse_extents: usize,
    /// Bytes of the list of implied directories in a layer's commit. Default 8 MiB, below what libostree
    /// reads as one metadata object.
    pub implied_bytes: usize,
    /// Bytes of one metadata object in an encapsulated layer. Default 10 MiB, as ostree-ext.
    pub metadata_object_bytes: u64,
    /// Bytes of one attribute record in an encapsulated layer. Default 1 MiB, as ostree-ext.
    pub xattr_record_bytes: u64,
    /// Largest window of a zstd frame. Default 128 MiB, what `zstd -d` takes without being asked.
    pub zstd_window_bytes: u64,
    /// Warnings that are kept; further ones are only counted. Default 1000.
    pub warnings: usize,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        const GIB: u64 = 1024 * MIB;
        Self {
            layer_bytes: 256 * GIB,
            ratio: 1100,
            ratio_floor: 256 * MIB,
            file_bytes: 64 * GIB,
            hole_bytes: 64 * GIB,
            entries: 2_000_000,
            all_names_bytes: 128 * 1024 * 1024,
            path_bytes: 4096,
            name_bytes: 255,
            link_bytes: 4095,
            depth: 1000,
            extended_header_bytes: MIB,
            extended_headers: 32,
            xattrs: 128,
            xattr_bytes: 64 * 1024,
            xattr_name_bytes: 255,
            owner_bytes: 64 * 1024 * 1024,
            sparse_extents: 262_144,
            implied_bytes: 8 * 1024 * 1024,
            metadata_object_bytes: 10 * MIB,
            xattr_record_bytes: MIB,
            zstd_window_bytes: 128 * MIB,
            warnings: 1000,
        }
    }
}
