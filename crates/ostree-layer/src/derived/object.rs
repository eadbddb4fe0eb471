//! The object of a file or symbolic link: written, or waiting for its label.

use ostree_objects::Checksum;
use ostree_store::Unnamed;

use super::arena::TextAt;

/// One object of the tree; hard links share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Object {
    /// It is in the stage or the repository, with the label of the path that it came with.
    Written(Checksum),
    /// It is in the stage or the repository, with another path's label or with none.
    Mislabelled(Checksum),
    /// Its content has come. `owner`: index of owner, mode and attributes.
    Waiting { content: Content, owner: u32 },
}

/// What waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// A regular file's bytes.
    File(Unnamed),
    /// None: a whiteout marker's.
    Empty,
    /// A symbolic link's target.
    Link { target: TextAt, length: u16 },
}
