//! Stages in a whole operating system: its packages, its images, the disk that our program installs it on, and the guest
//! that boots from it, over and over.

mod disk;
mod drive;
mod guest;
mod images;
mod install;
mod journey;
mod mbr;
mod mounted;
mod packages;
mod report;
mod requests;
mod table;
mod tree;

pub(super) use journey::{Journey, Tools};
pub(super) use table::STAGES;

/// How a stage gets its host, and what it does there.
#[derive(Debug)]
pub(super) struct Steps {
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
