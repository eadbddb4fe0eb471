//! Making a directory the physical root of an ostree host.

use std::io;

use cap_std::fs::{DirBuilder, DirBuilderExt as _};
use ostree::glib;

use super::sysroot::{libostree, unlocked};
use super::{Host, HostError, Stateroot};
use crate::storage::NO_CANCEL;
use crate::{Error, Observer};

/// Which program writes the boot loader's configuration (repository option `sysroot.bootloader`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bootloader {
    /// The boot loader reads the entries in `/boot/loader/entries` itself.
    None,
    /// libostree finds out.
    Auto,
    /// `grub2-mkconfig` is run, or its configuration written.
    Grub2,
    /// `syslinux.cfg` is written.
    Syslinux,
    /// `zipl` is run (IBM Z).
    Zipl,
    /// The Android boot loader's slots are written.
    Aboot,
}

impl Bootloader {
    /// As the repository's configuration has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Auto => "auto",
            Self::Grub2 => "grub2",
            Self::Syslinux => "syslinux",
            Self::Zipl => "zipl",
            Self::Aboot => "aboot",
        }
    }
}

/// What a host is made with.
#[derive(Debug, Clone)]
pub struct InitConfig {
    /// The stateroot.
    pub stateroot: Stateroot,
    /// Which program writes the boot loader's configuration; none keeps what the repository says.
    pub bootloader: Option<Bootloader>,
}

/// What was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Initialised {
    /// There was no repository before.
    pub repository: bool,
    /// There was no such stateroot before.
    pub stateroot: bool,
}

impl Host {
    /// Make the directory an ostree host's physical root: repository (mode `bare`), `/boot`, stateroot. What is there
    /// stays; a second run makes what a first one did not get to.
    ///
    /// Settings of a new repository: `sysroot.readonly=true`, `sysroot.bootprefix=true`,
    /// `sysroot.bootloader=none`, as bootc has them.
    ///
    /// # Errors
    /// Without root's rights, or when the file system refuses.
    pub fn init(&self, config: &InitConfig, observer: &Observer) -> Result<Initialised, Error> {
        let root = &self.dirs().root;
        let repository = !root.exists(format!("{}/config", crate::SYSROOT_REPO));
        make_boot(root).map_err(|source| HostError::Io {
            action: "make /boot",
            source,
        })?;
        unlocked(root)?
            .ensure_initialized(NO_CANCEL)
            .map_err(libostree("make the sysroot"))?;
        let host = self.lock(observer)?;
        host.configure(config, repository)?;
        let name = config.stateroot.as_str();
        let stateroot = !host.dirs.root.exists(format!("ostree/deploy/{name}/var"));
        if stateroot {
            host.sysroot
                .init_osname(name, NO_CANCEL)
                .map_err(libostree("make the stateroot"))?;
        }
        Ok(Initialised {
            repository,
            stateroot,
        })
    }
}

impl super::LockedHost {
    fn configure(&self, config: &InitConfig, is_new: bool) -> Result<(), Error> {
        let repo = &self.storage.libostree;
        let settings = repo.copy_config();
        let before = settings.to_data();
        if is_new {
            settings.set_boolean("sysroot", "readonly", true);
            settings.set_boolean("sysroot", "bootprefix", true);
        }
        let bootloader = config.bootloader.or(is_new.then_some(Bootloader::None));
        if let Some(bootloader) = bootloader {
            settings.set_string("sysroot", "bootloader", bootloader.as_str());
        }
        if settings.to_data() != before {
            write_config(repo, &settings)?;
        }
        Ok(())
    }
}

fn write_config(repo: &ostree::Repo, settings: &glib::KeyFile) -> Result<(), Error> {
    repo.write_config(settings)
        .map_err(libostree("write the repository's configuration"))
}

/// `/boot`, and in it a link to itself: entries name `/boot/…`, which a boot loader that reads them from a file system
/// of its own finds too (libostree, `sysroot.bootprefix`).
fn make_boot(root: &cap_std::fs::Dir) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.mode(0o755);
    exists_is_fine(root.create_dir_with("boot", &builder))?;
    exists_is_fine(root.symlink(".", "boot/boot"))
}

fn exists_is_fine(made: io::Result<()>) -> io::Result<()> {
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}
