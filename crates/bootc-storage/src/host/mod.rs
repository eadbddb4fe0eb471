//! Hosts: what boots next, and with which kernel arguments.

pub mod kargs;
pub mod status;
