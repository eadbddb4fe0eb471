#![doc = include_str!("../README.md")]

mod blob;
mod content;
mod decompress;
mod derived;
mod encapsulated;
mod error;
mod import;
mod labels;
mod limits;
mod paths;
mod pipe;
mod problem;
mod report;
mod show;
mod tar;
mod unlabelled;
mod writer;

pub use error::Error;
pub use import::{Encoding, Import, ImportedLayer, LayerInput, StagedLayer, import};
pub use labels::{AsTheyCome, LabelError, Labelling, Labels, LayerFiles, SeekLabels};
pub use limits::Limits;
pub use paths::{NonUsr, PathPolicy, PolicyTextError, Var};
pub use problem::Problem;
pub use report::{Dropped, Report, Warning};
pub use unlabelled::UnlabelledLayer;

/// Commit metadata key (type `s`) of who wrote a derived layer's commit, as ostree-ext calls it.
pub const IMPORTER_KEY: &str = "ostree.importer.version";
/// Commit metadata key (type `s`) of the diff_id that was verified when a derived layer was imported.
pub const DIFF_ID_KEY: &str = "bootc-storage.diff-id";
/// Commit metadata key (type `s`) of the path policy of a derived layer, in [`PathPolicy`]'s text form.
pub const PATH_POLICY_KEY: &str = "bootc-storage.path-policy";
/// Commit metadata key (type `as`) of the directories that a derived layer's tar never listed: sorted paths
/// in tree form (`usr/lib`), the root as the empty string.
pub const IMPLIED_DIRECTORIES_KEY: &str = "bootc-storage.implied-directories";
/// Commit metadata key (type `s`) of the SELinux policy that labelled a derived layer, as a fingerprint
/// ([`Labels::policy`]); absent where there was none.
pub const LABEL_POLICY_KEY: &str = "bootc-storage.selinux-policy";
