//! Stages in a whole operating system: its packages, its images, the disk that our program installs it on, and the guest
//! that boots from it, over and over.

mod disk;
mod drive;
mod guest;
mod host;
mod images;
mod install;
mod journey;
mod mbr;
mod mounted;
mod packages;
mod power;
mod report;
mod requests;
mod table;
mod tree;

pub(super) use host::{Host, Tools};
pub(super) use journey::lead;
pub(super) use packages::alone;
pub(super) use power::cut;
pub(super) use table::STAGES;

/// Who puts the first version on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InstalledBy {
    Us,
    /// `ostree admin`, which knows nothing of images.
    Ostree,
}

/// How a stage gets its host, and what it does there.
#[derive(Debug)]
pub(super) struct Steps {
    pub(super) installed_by: InstalledBy,
    /// Stages that must have run on the same host before.
    pub(super) after: &'static [&'static str],
    /// One after another. After each the machine starts anew if the script asked for it.
    pub(super) parts: &'static [Part],
}

/// A script for the guest.
#[derive(Debug)]
pub(super) struct Part {
    script: &'static str,
    /// How long it may take, a restart of the machine before it included. Software emulation on a busy machine.
    seconds: u64,
}
