//! SELinux: where an image's policy is, and what it says.

mod labels;
mod real_path;
mod shown;
mod tree;

pub(crate) use labels::PolicyLabels;
pub use real_path::FollowedLink;
pub use shown::{ImagePolicy, LabelCheck, LabelLookup, label_text};
pub(crate) use tree::{StoredTree, WaitingLayers};

/// The attribute that holds a label.
pub(crate) const SELINUX: &[u8] = b"security.selinux";
