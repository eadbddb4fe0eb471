//! A host: its directories, and libostree's view of them under the sysroot lock.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use ostree::gio;
use rustix::fd::AsRawFd as _;

use super::deployment::{DeploymentId, Deployments};
use super::lock_holder::lock_holder;
use super::thaw::ThawGuard;
use super::{HostDirs, HostError};
use crate::storage::NO_CANCEL;
use crate::{Error, Event, Observer, Storage};

/// How often a held lock is tried again.
const RETRY_EVERY: Duration = Duration::from_millis(100);

/// A host whose deployments can be looked at and changed. Opening one changes nothing.
#[derive(Debug)]
pub struct Host {
    dirs: HostDirs,
    patience: Duration,
}

impl Host {
    /// The host of these directories.
    #[must_use]
    pub const fn new(dirs: HostDirs) -> Self {
        Self {
            dirs,
            patience: crate::LOCK_PATIENCE,
        }
    }

    /// Wait at most `patience` for another program's locks, in place of [`LOCK_PATIENCE`](crate::LOCK_PATIENCE).
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Its directories.
    #[must_use]
    pub const fn dirs(&self) -> &HostDirs {
        &self.dirs
    }

    /// Its repository, to look at.
    ///
    /// # Errors
    /// As [`Storage::open_sysroot`].
    pub fn storage(&self) -> Result<Storage, Error> {
        Ok(Storage::open_sysroot(&self.dirs.root)?.with_patience(self.patience))
    }

    /// Take libostree's sysroot lock, and the deployments as they are under it.
    ///
    /// On a running ostree host this enters a mount namespace of our own, in which the physical root is writable, as
    /// `ostree admin` does: call it before other threads are started.
    ///
    /// # Errors
    /// [`HostError::NotAHost`]; [`HostError::NeedsRoot`]; [`HostError::Unreadable`]; [`HostError::Busy`] when another program holds the lock all the
    /// time; when libostree cannot load the sysroot.
    pub fn lock(&self, observer: &Observer) -> Result<LockedHost, Error> {
        if !self.dirs.is_host() {
            return Err(HostError::NotAHost.into());
        }
        let path = path_of(&self.dirs.root)?;
        let sysroot = ostree::Sysroot::new(Some(&gio::File::for_path(&path)));
        sysroot
            .initialize_with_mount_namespace(NO_CANCEL)
            .map_err(libostree("open the sysroot"))?;
        self.wait_for_lock(&sysroot, observer)?;
        // From here on it is unlocked when dropped.
        let mut host = LockedHost {
            storage: Storage::open_sysroot(&reopen(&path)?)?.with_patience(self.patience),
            dirs: HostDirs {
                root: reopen(&path)?,
                run: self
                    .dirs
                    .run
                    .as_ref()
                    .map(Dir::try_clone)
                    .transpose()
                    .map_err(opening)?,
            },
            sysroot,
        };
        host.load()?;
        Ok(host)
    }

    fn wait_for_lock(&self, sysroot: &ostree::Sysroot, observer: &Observer) -> Result<(), Error> {
        let deadline = Instant::now() + self.patience;
        let mut told = false;
        loop {
            if sysroot.try_lock().map_err(not_locked)? {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(HostError::Busy {
                    holder: lock_holder(&self.dirs.root),
                    waited: self.patience,
                }
                .into());
            }
            if !told {
                let holder = lock_holder(&self.dirs.root);
                observer(Event::WaitingForSysroot {
                    holder: holder.as_deref(),
                });
                told = true;
            }
            std::thread::sleep(RETRY_EVERY);
        }
    }
}

/// A host whose deployments nobody else changes; unlocked on drop.
#[derive(Debug)]
pub struct LockedHost {
    pub(super) sysroot: ostree::Sysroot,
    pub(super) storage: Storage,
    pub(super) dirs: HostDirs,
}

impl Drop for LockedHost {
    fn drop(&mut self) {
        self.sysroot.unlock();
    }
}

impl LockedHost {
    /// Its repository.
    #[must_use]
    pub const fn storage(&self) -> &Storage {
        &self.storage
    }

    /// The deployments as they are now.
    ///
    /// # Errors
    /// As [`HostDirs::deployments`].
    pub fn deployments(&self) -> Result<Deployments, Error> {
        Ok(self.dirs.deployments()?)
    }

    pub(super) fn load(&mut self) -> Result<(), Error> {
        self.sysroot
            .load(NO_CANCEL)
            .map_err(|source| self.not_loaded(source))
    }

    /// libostree names a link; we name the boot entry or the deployment, where we see what is wrong.
    fn not_loaded(&self, source: ostree::glib::Error) -> Error {
        let found = self.dirs.deployments().unwrap_or_default();
        let entries = found.broken_entries.iter();
        let entries = entries.map(|(file, reason)| format!("boot entry {file}: {reason}"));
        let missing = found
            .list
            .iter()
            .filter(|deployment| !self.dirs.root.is_dir(deployment.id.directory()))
            .map(|deployment| format!("deployment {}: its directory is missing", deployment.id));
        let broken: Vec<String> = entries.chain(missing).collect();
        if broken.is_empty() {
            return libostree("read the deployments")(source);
        }
        HostError::Unreadable { broken, source }.into()
    }

    /// Watch while libostree syncs the boot order.
    pub(super) fn guard_boot(&self) -> Result<ThawGuard, HostError> {
        Ok(ThawGuard::over(&path_of(&self.dirs.root)?.join("boot")))
    }

    /// libostree's own object for a deployment.
    pub(super) fn libostree_deployment(
        &self,
        id: &DeploymentId,
    ) -> Result<ostree::Deployment, Error> {
        self.sysroot
            .deployments()
            .into_iter()
            .find(|deployment| id_of(deployment).as_ref() == Some(id))
            .ok_or_else(|| HostError::Changed.into())
    }

    /// The host runs from one of these deployments, so that what is new waits for the next boot.
    pub(super) fn is_booted(&self) -> bool {
        self.sysroot.booted_deployment().is_some()
    }
}

fn not_locked(source: ostree::glib::Error) -> Error {
    if source.matches(gio::IOErrorEnum::PermissionDenied) {
        return HostError::NeedsRoot { source }.into();
    }
    libostree("lock the sysroot")(source)
}

/// What we call a deployment of libostree's.
pub(super) fn id_of(deployment: &ostree::Deployment) -> Option<DeploymentId> {
    Some(DeploymentId {
        stateroot: deployment.osname().into(),
        commit: deployment.csum().parse().ok()?,
        serial: u32::try_from(deployment.deployserial()).ok()?,
    })
}

/// Where an open directory is. libostree takes a path, and after it has entered its mount namespace, what was opened
/// before still leads to the read-only mount.
fn path_of(dir: &Dir) -> Result<PathBuf, HostError> {
    let link = format!("/proc/self/fd/{}", dir.as_raw_fd());
    rustix::fs::readlink(link, Vec::new())
        .map_err(|errno| opening(errno.into()))
        .map(|path| {
            use std::os::unix::ffi::OsStringExt as _;
            std::ffi::OsString::from_vec(path.into_bytes()).into()
        })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the same directory again, seen from the mount namespace that libostree made"
)]
fn reopen(path: &std::path::Path) -> Result<Dir, HostError> {
    Dir::open_ambient_dir(path, ambient_authority()).map_err(opening)
}

/// libostree's view of a directory, without its lock and before it is loaded.
pub(super) fn unlocked(root: &Dir) -> Result<ostree::Sysroot, HostError> {
    Ok(ostree::Sysroot::new(Some(&gio::File::for_path(path_of(
        root,
    )?))))
}

fn opening(source: std::io::Error) -> HostError {
    HostError::Io {
        action: "open the sysroot",
        source,
    }
}

pub(super) fn libostree(action: &'static str) -> impl Fn(ostree::glib::Error) -> Error {
    move |source| Error::Ostree { action, source }
}
