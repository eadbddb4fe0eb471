#![doc = include_str!("../README.md")]

mod declaration;
mod error;
mod event;
mod failure;
mod label;
mod layers;
pub mod limits;
mod lint;
mod plan;
mod program;
mod prune;
mod pull;
mod record;
mod reference;
mod registry;
mod source;
mod spool;
mod storage;
mod stored;
mod tree;
mod unit_file;

pub use declaration::{DECLARATIONS, Declaration, Declarations, Kind};
pub use error::{DeclarationFault, Error, PullFailure, ReferenceFault, UnitFault};
pub use event::{Event, OnEvent};
pub use label::LABEL_STAMP;
pub use lint::{Lint, Oddity};
pub use plan::{Answer, ImageState, LookUp, Plan, PlannedImage};
pub use prune::{DeploymentRoots, KeepReason, PrunePlan, PrunedImages, images_in_use};
pub use pull::{PullConfig, Synced};
pub use record::{BadRecordName, LockRecord, RECORDS, RecordName};
pub use reference::BoundReference;
pub use registry::{Found, Registry};
pub use source::{Access, BadSource, BesideImage, Source};
pub use storage::{Credentials, STORAGE, Storage};
pub use stored::StoredImage;
pub use tree::{DirTree, Node, Tree, TreeError};
