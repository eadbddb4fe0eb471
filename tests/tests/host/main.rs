//! `bootc-storage host …` as an administrator uses it, on file systems of its own and on a system booted from one.
//!
//! What comes of each command is read from the disk: boot loader entries and where they lead, origin files, refs, and
//! what `ostree admin` says. "Booted" is a mount namespace with the deployment as root, as the initramfs leaves it.
//! Needs root, loop devices, ostree and bubblewrap.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod booted;
mod harness;
#[path = "../interop/images.rs"]
#[allow(dead_code, reason = "shared with the interop tests")]
mod images;
mod integrity;
mod killed;
mod migrate;
mod mistakes;
#[path = "../interop/programs.rs"]
#[allow(dead_code, reason = "shared with the interop tests")]
mod programs;
#[path = "../../../crates/bootc-storage/tests/host/schema.rs"]
mod schema;
mod status;
mod story;
