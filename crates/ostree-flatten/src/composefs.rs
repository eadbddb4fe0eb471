//! composefs images: file trees without file contents.
//!
//! An image holds names, owners, modes, attributes and links of a tree, and for each file the path of its content
//! in a directory beside it, with the fs-verity digest that the content must have. Linux mounts it as EROFS, with
//! an overlayfs over it. Everything here is a pure function of its arguments:
//!
//! | from | to | by |
//! |---|---|---|
//! | nodes | [`Tree`] | [`TreeBuilder`] |
//! | ostree commit | [`Tree`] | [`commit_tree`] |
//! | dump | [`Tree`] | [`parse_dump`] |
//! | [`Tree`] | dump | [`write_dump`] |
//! | [`Tree`] | image and its digest | [`write_image`] |
//! | image | [`Tree`] | [`read_image`] |
//! | any bytes | fs-verity digest | [`FsVerityHasher`], [`FsVerityDigest`] |

mod commit;
mod dump;
mod erofs;
mod error;
mod limits;
mod read;
mod tree;
mod write;
mod xattrs;

pub use commit::{
    CommitFile, CommitObjects, RepoObjects, commit_tree, commit_tree_within, hash_file_object,
};
pub use dump::{parse_dump, write_dump};
pub use error::Error;
pub use limits::{
    MAX_FILE_BYTES, MAX_INLINE_BYTES, MAX_NAME_BYTES, MAX_PATH_BYTES, MAX_XATTR_BYTES,
    MAX_XATTR_NAME_BYTES,
};
pub use ostree_store::{FsVerityDigest, FsVerityHasher};
pub use read::{ReadImage, read_image};
pub use tree::{DirEntry, Kind, Mtime, NodeId, Stat, Tree, TreeBuilder};
pub use write::{Format, Written, write_image};
pub use xattrs::Xattrs;
