#![doc = include_str!("../README.md")]

mod blocks;
mod hasher;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use hasher::{Sha256, update_both};
