//! composefs images: what others published, what the reference writes, what commits become, what is refused.
//!
//! Needs root, for the owners and attributes of what is committed, and the reference's programs: see `reference.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod commits;
mod corners;
mod malformed;
mod mkcomposefs;
mod published;
mod random_dump;
mod reference;
mod trees;
