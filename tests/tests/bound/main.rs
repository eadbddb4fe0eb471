//! Application images that hosts are bound to: real podman, a registry on a loopback port, and hosts on disks of their own.
//! Needs root, loop devices, podman, skopeo, docker-registry, htpasswd and matchpathcon.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod failures;
mod harness;
mod killed;
mod labels;
mod progress;
mod sources;
mod space;
mod store;
mod story;
