//! Every bad input of the reliability table that concerns one layer, by its row's number: each is refused with
//! an error that names the cause, or taken in the one way that is documented. Rows about merging layers are
//! tested where layers are merged.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod archive;
mod compression;
mod entries;
mod links;
mod names;
#[path = "../support/mod.rs"]
mod support;
mod unwritable;
mod whiteouts;
mod zstd_frames;

use support::{Imported, Lab, chain};

/// Import a tar, every path kept.
fn accept(tar: &[u8]) -> Imported {
    Lab::new()
        .tar(tar)
        .unwrap_or_else(|error| panic!("{}", chain(&error)))
}

/// The error of a tar that is refused, with its causes; nothing is left of it in the repository.
fn refuse(tar: &[u8]) -> String {
    let lab = Lab::new();
    let error = lab.tar(tar).map(|layer| layer.listing()).unwrap_err();
    assert_eq!(lab.objects(), [""; 0]);
    let stages = std::fs::read_dir(lab.dir.path().join("repo/tmp")).unwrap();
    let left: Vec<_> = stages
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("stage"))
        .collect();
    assert_eq!(left, [""; 0]);
    chain(&error)
}
