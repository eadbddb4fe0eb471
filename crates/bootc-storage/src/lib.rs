#![doc = include_str!("../README.md")]

mod check;
mod checkout;
pub mod composefs;
mod error;
mod event;
mod history;
pub mod host;
mod kind;
mod libostree_version;
mod list;
mod lock;
mod path_policy;
mod prune;
mod publish;
pub mod pull;
mod reach;
mod remove;
mod selinux;
mod size;
mod storage;
mod stored;

pub use check::{CheckReport, Problem};
pub use error::{Error, Kind};
pub use event::{Event, Observer, Phase, Warning};
pub use history::HistoryEntry;
pub use list::{Listed, Unreadable};
pub use lock::LockMode;
pub use prune::{PrunePlan, Pruned, Root, RootKind, UnneededLayer};
pub use remove::{RemovePlan, Removed};
pub use selinux::{FollowedLink, ImagePolicy, LabelCheck, LabelLookup, label_text};
pub use size::Size;
pub use storage::{LOCK_PATIENCE, SYSROOT_REPO, Storage};
pub use stored::{StoredImage, StoredLayer};

/// What the importer of our commits begins with, whatever the version.
pub(crate) const IMPORTER_PREFIX: &str = "bootc-storage/";
/// What our commits say of who wrote them (metadata key `ostree.importer.version`).
pub const IMPORTER_VERSION: &str = concat!("bootc-storage/", env!("CARGO_PKG_VERSION"));
