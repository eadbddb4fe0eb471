#![doc = include_str!("../README.md")]

mod declaration;
mod error;
pub mod limits;
mod lint;
mod reference;
mod tree;
mod unit_file;

pub use declaration::{DECLARATIONS, Declaration, Declarations, Kind};
pub use error::{DeclarationFault, Error, PullFailure, ReferenceFault, UnitFault};
pub use lint::{Lint, Oddity};
pub use reference::BoundReference;
pub use tree::{DirTree, Node, Tree, TreeError};
