//! The library against real repositories in mode `bare-user`, fed from OCI layouts: no root, no network, no program.

#![allow(
    clippy::disallowed_methods,
    reason = "tests open the directories that the library is handed"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod bases;
mod check;
mod composefs;
mod deploy;
mod events;
mod host;
mod labelling;
mod locks;
mod lookup;
mod plan;
mod prune;
mod refusals;
mod reuse;
mod same_bytes;
mod selinux;
mod shown;
