//! What paths get under real and made-up policies. With the feature `libselinux`, each answer is compared with its.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panic, and opens what it made"
)]

mod discovery;
mod limits;
mod lookups;
#[cfg(feature = "libselinux")]
mod oracle;
mod properties;
mod refusals;
mod support;
