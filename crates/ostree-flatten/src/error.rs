//! Why a merge was refused.

/// Why layer trees could not be merged or the merge commit not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is neither a base nor a layer.
    #[error("nothing to merge: the image has neither a base nor a layer")]
    NothingToMerge,

    /// A directory's tree object could not be read.
    #[error("reading the directory /{path} of a layer or of the merged tree")]
    ReadDirectory {
        /// Path in the tree, without a leading slash; empty for the root.
        path: String,
        /// What the repository said.
        #[source]
        source: ostree_store::Error,
    },

    /// A merged directory's tree object could not be written.
    #[error("writing a merged directory")]
    WriteDirectory {
        /// What the repository said.
        #[source]
        source: ostree_store::Error,
    },

    /// A file object could not be looked at.
    #[error("reading the file object of /{path}")]
    ReadFile {
        /// Path in the tree, without a leading slash.
        path: String,
        /// What the repository said.
        #[source]
        source: ostree_store::Error,
    },

    /// A tree with more paths than [`MAX_PATHS`](crate::MAX_PATHS).
    #[error("the tree has more than {limit} paths")]
    TooManyPaths {
        /// The limit.
        limit: u64,
    },

    /// A stored object is not what its name says; its content is not taken over under another name.
    #[error("/{path} is damaged in the repository: its object {checksum} has another checksum")]
    Damaged {
        /// Path in the tree, without a leading slash.
        path: String,
        /// The object's name.
        checksum: ostree_objects::Checksum,
    },

    /// The policy has no answer.
    #[error("finding the label of /{path}")]
    Label {
        /// Path in the tree, without a leading slash; empty for the root.
        path: String,
        /// What the policy said.
        #[source]
        source: crate::LabelError,
    },

    /// An object could not be written with its new label.
    #[error("writing /{path} with its label")]
    WriteLabelled {
        /// Path in the tree, without a leading slash; empty for the root.
        path: String,
        /// What the repository said.
        #[source]
        source: ostree_store::Error,
    },

    /// A whiteout marker that names nothing, `.` or `..`.
    #[error("invalid whiteout marker {name:?} in the directory /{path}")]
    InvalidWhiteout {
        /// Directory of the marker, without a leading slash; empty for the root.
        path: String,
        /// File name of the marker.
        name: String,
    },

    /// More levels of directories than [`MAX_DEPTH`](crate::MAX_DEPTH).
    #[error("directories are nested more than {limit} levels deep, below /{path}…")]
    TooDeep {
        /// The first components of the path.
        path: String,
        /// The limit.
        limit: usize,
    },

    /// An additional metadata key of a merge commit is one that the commit has anyway.
    #[error("the metadata key {key} of a merge commit is set by its own field")]
    ReservedKey {
        /// The key.
        key: String,
    },

    /// The merge commit cannot be an object, for example because the manifest's text holds a NUL.
    #[error("the merge commit cannot be stored")]
    BadCommit {
        /// The rule that it breaks.
        #[source]
        source: ostree_objects::Error,
    },

    /// The merge commit's object could not be written.
    #[error("writing the merge commit")]
    WriteCommit {
        /// What the repository said.
        #[source]
        source: ostree_store::Error,
    },
}
