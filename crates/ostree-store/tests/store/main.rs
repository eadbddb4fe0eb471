//! The store against the `ostree` program, and against what goes wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panic, and opens paths of the host"
)]

mod damage;
mod file_digests;
mod fs_verity;
mod modes;
mod power;
mod publish;
mod refs;
mod space;
mod stages;
mod support;
mod users;
mod verity;
