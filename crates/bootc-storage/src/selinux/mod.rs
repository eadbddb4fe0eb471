//! SELinux: where an image's policy is, and what it says.

mod labels;
mod tree;

pub(crate) use labels::PolicyLabels;
pub(crate) use tree::{StoredTree, WaitingLayers};
