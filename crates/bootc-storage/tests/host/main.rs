//! Hosts, as far as nothing is read or written: kernel arguments, status.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod kargs;
mod kargs_directory;
mod schema;
mod status;
mod status_schema;
