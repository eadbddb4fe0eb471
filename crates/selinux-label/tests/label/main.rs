//! What paths get under real and made-up policies. With the feature `libselinux`, each answer is compared with its.

mod discovery;
mod limits;
mod lookups;
#[cfg(feature = "libselinux")]
mod oracle;
mod refusals;
mod support;
