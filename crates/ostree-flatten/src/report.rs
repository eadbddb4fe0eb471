//! What a merge did.

/// What a merge did, for people and tests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Files and symlinks that the layers brought (markers not counted). Subtrees that were equal in
    /// layer and lower tree are not looked into, and not counted.
    pub layer_files: u64,
    /// Directories of layers that were looked at or taken as a whole.
    pub layer_directories: u64,
    /// Directory objects read, of layers and of lower trees.
    pub directories_read: u64,
    /// Directory objects written: merged directories that differ from every stored one they came from.
    pub directories_written: u64,
    /// Whiteouts and opaque markers that removed something.
    pub whiteouts_applied: u64,
    /// Whiteouts and opaque markers that found nothing to remove. Harmless; image builders leave them.
    pub whiteouts_missed: u64,
    /// Files or links of lower layers that a directory of an upper layer replaced.
    pub replaced: Vec<Replaced>,
    /// The merged tree has content in both `etc` and `usr/etc`. ostree refuses to deploy such a tree.
    pub both_etc_populated: bool,
    /// Paths that [`drop_injected_files`](crate::drop_injected_files) removed.
    pub injected_removed: Vec<String>,
}

/// A lower layer's file or link that a directory of an upper layer replaced, as overlayfs shows it.
///
/// When the layer never listed the directory (`implied`), it is usually a mistake of the image: `lib64/foo.so`
/// over a base where `lib64` is a link to `usr/lib64` hides everything that the link led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// Path in the merged tree, without a leading slash.
    pub path: String,
    /// What was there before.
    pub lower: LowerKind,
    /// Whether the directory was only implied by a path below it; `None` when the layer does not say.
    pub implied: Option<bool>,
}

/// What a directory replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LowerKind {
    /// A regular file.
    File,
    /// A symbolic link.
    Symlink {
        /// Where it led.
        target: String,
    },
}
