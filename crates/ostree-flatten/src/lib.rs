#![doc = include_str!("../README.md")]

mod commit;
pub mod composefs;
mod error;
mod forest;
mod injected;
mod label_walk;
mod layer_tree;
mod limits;
mod marker;
mod merge;
mod names;
mod relabel;
mod report;

pub use commit::{
    KEY_CONFIG, KEY_IMPORTER_VERSION, KEY_MANIFEST, KEY_MANIFEST_DIGEST, MergeCommit,
};
pub use error::Error;
pub use injected::drop_injected_files;
pub use layer_tree::{KEY_IMPLIED_DIRECTORIES, LayerTree};
pub use limits::{MAX_DEPTH, MAX_PATHS};
pub use merge::{DirectoryRule, Merged, merge};
pub use relabel::{
    FileLabel, Known, LabelError, LabelOf, MAX_CHANGES, Mislabelled, Of, Relabelled, SameContent,
    find_mislabelled, relabel,
};
pub use report::{LowerKind, Replaced, Report};
