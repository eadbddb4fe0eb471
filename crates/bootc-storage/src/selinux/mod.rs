//! SELinux: where an image's policy is, and what it says.

mod labels;
mod shown;
mod tree;

pub(crate) use labels::PolicyLabels;
pub use shown::{ImagePolicy, LabelCheck, LabelLookup, label_text};
pub(crate) use tree::{StoredTree, WaitingLayers};
