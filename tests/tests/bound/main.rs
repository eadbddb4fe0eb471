//! Application images that hosts are bound to: real podman, a registry on a loopback port, and hosts on disks of their own.
//! Needs root, loop devices, podman, skopeo, docker-registry and htpasswd.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod failures;
mod harness;
mod store;
mod story;
