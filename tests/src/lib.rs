//! What the tests of the whole program share: it is run as a user runs it, against temporary repositories, and
//! `ostree` and other tools say what came of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test fails by panic"
)]

mod disk;
mod listing;
mod place;
mod program;
mod repo;
mod tree;

pub use disk::snapshot;
pub use listing::EVERY_KIND;
pub use place::Place;
pub use program::{Run, as_nobody, program, run, tool};
pub use repo::{Mode, Repo};
pub use tree::{Listed, Tree};
