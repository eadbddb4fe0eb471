//! Disks, hosts on them, the images that they run, and systems booted from them.

mod boot;
mod disk;
mod entries;
mod host;
mod images;
mod policy;

pub(crate) use boot::Boot;
pub(crate) use disk::Disk;
pub(crate) use entries::Deployed;
pub(crate) use host::Host;
pub(crate) use images::{Os, Shelf};
pub(crate) use policy::policy;
