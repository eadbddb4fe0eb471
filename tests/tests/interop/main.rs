//! Interop with ostree-ext 0.15.3 and the `ostree` program, both ways.
//!
//! The peer's own command line (`tests/peers/ostree-ext`) is built on first use. It reads derived layers
//! through a bare repository only, which takes root to write: these tests fail for other users, and say so.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod compat;
#[allow(dead_code, reason = "shared with the tests of hosts")]
mod images;
mod labels;
mod peer_alone;
mod programs;
mod pulled_by_peer;
mod pulled_by_us;
