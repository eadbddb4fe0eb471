//! What an import did besides writing objects: nothing that is dropped or changed stays unsaid.

use std::collections::BTreeMap;

/// Why something of a layer is not in its tree, besides the path policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Dropped {
    /// A character or block device: ostree holds none.
    Device,
    /// A FIFO: ostree holds none.
    Fifo,
    /// A `.wh..wh.` marker that is AUFS's own (`.wh..wh.plnk`, `.wh..wh.aufs`, …), or something below one.
    AufsMetadata,
    /// Something below a whiteout marker that is a directory.
    BelowWhiteout,
    /// Something under `sysroot/ostree/repo`: the repository of the base that podman shows to a build. Its
    /// files' content counts where other paths are hard links to it.
    EmbeddedRepository,
    /// The attribute `security.selinux`: the label of the merged tree's policy applies.
    SelinuxLabel,
    /// An attribute `trusted.overlay.*` or `user.overlay.*`: overlayfs would take it for its own.
    OverlayXattr,
}

/// Something odd that did not stop the import. Paths are as in the layer, without a leading slash.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A file is in the layer twice: the last one counts.
    Duplicate {
        /// The file.
        path: String,
    },
    /// A file is replaced by a directory or the other way round, within the layer: the last one counts.
    Replaced {
        /// The path.
        path: String,
    },
    /// `etc/…` and `usr/etc/…` both name this path of the tree: the last one counts.
    EtcTwice {
        /// The path in the tree.
        path: String,
    },
    /// A device or a FIFO was dropped.
    Special {
        /// Its path.
        path: String,
    },
    /// A whiteout marker is no plain empty file: its name counts.
    OddWhiteout {
        /// The marker's path.
        path: String,
    },
    /// An entry of a type that no format defines was read as a regular file, as POSIX asks.
    UnknownType {
        /// The entry.
        path: String,
        /// The type flag.
        flag: u8,
    },
    /// A global pax header sets something about entries; it was ignored, as libarchive and Go do.
    GlobalHeader {
        /// The keyword.
        keyword: String,
    },
    /// The archive ends after its last entry's content, without padding, or without the blocks of zeros that mark its end.
    /// The digests say that nothing is missing.
    NoEndMark,
    /// There is more after the end of the archive; it was verified but not read.
    TrailingData {
        /// Bytes from the first one that is not zero.
        bytes: u64,
    },
}

/// What one import did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Bytes of the blob.
    pub blob_bytes: u64,
    /// Bytes of the uncompressed layer.
    pub bytes: u64,
    /// Entries of the archive.
    pub entries: u64,
    /// Regular files and symbolic links among them that were written or were there already.
    pub files: u64,
    /// Entries that the path policy dropped, by top-level name as in the layer (`run`, `opt`, `.wh.opt`).
    pub dropped_paths: BTreeMap<String, u64>,
    /// What else was dropped, by reason.
    pub dropped: BTreeMap<Dropped, u64>,
    /// Oddities, the first ones in the order of the archive.
    pub warnings: Vec<Warning>,
    /// Oddities that are not in [`warnings`](Self::warnings) because there were too many.
    pub more_warnings: u64,
}

impl Report {
    pub(crate) fn drop(&mut self, why: Dropped) {
        *self.dropped.entry(why).or_default() += 1;
    }

    pub(crate) fn warn(&mut self, warning: Warning, limit: usize) {
        if self.warnings.len() < limit {
            self.warnings.push(warning);
        } else {
            self.more_warnings += 1;
        }
    }
}
