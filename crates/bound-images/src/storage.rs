//! The podman storage of a host's bound images. Place, names and invocation are bootc's, and are in podman's database.

use std::io;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use cap_std::fs::{Dir, DirBuilder, DirBuilderExt as _};
use rustix::fd::OwnedFd;
use rustix::fs::{MemfdFlags, memfd_create, syncfs};

use crate::program::{
    ALIAS, Activity, CREDENTIALS, Ended, RUN_ROOT, Setting, Watch, failed, not_run, run_in,
    run_plain,
};
use crate::spool::Place;
use crate::stored::{StoredImage, parse};
use crate::{Error, Event, OnEvent};

/// Where the storage is, relative to the physical root.
pub const STORAGE: &str = "ostree/bootc/storage";
/// Where it is made.
const STORAGE_TMP: &str = "ostree/bootc/storage.tmp";
/// What [`STORAGE`] is in.
pub(crate) const PARENT: &str = "ostree/bootc";
/// The run root, relative to `/run`.
const RUN: &str = "bootc/storage";
/// The oldest podman that is known to work.
const OLDEST_PODMAN: (u32, u32) = (4, 3);
/// A program that fetches nothing, and neither reads nor writes for so long, is ended.
pub(crate) const STALL: Duration = Duration::from_secs(300);

/// Credentials for registries.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// None. podman does not look for those of who runs it, so that a host's updates depend on nobody's login.
    None,
    /// The content of a file as of `containers-auth.json(5)`.
    File(Vec<u8>),
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::File(_) => "File(…)",
        })
    }
}

impl Credentials {
    /// A file that only who has the descriptor can read.
    pub(crate) fn file(&self) -> io::Result<OwnedFd> {
        let file = std::fs::File::from(memfd_create("auth.json", MemfdFlags::CLOEXEC)?);
        let bytes = match self {
            Self::None => b"{}",
            Self::File(bytes) => bytes.as_slice(),
        };
        io::Write::write_all(&mut &file, bytes)?;
        Ok(file.into())
    }
}

/// The storage of a host.
#[derive(Debug)]
pub struct Storage {
    /// The host's physical root.
    pub(crate) root: Dir,
    pub(crate) store: Dir,
    run: Dir,
}

/// How a program is run on the storage, beside its arguments.
pub(crate) struct Running<'a> {
    pub(crate) credentials: &'a Credentials,
    /// Where it puts what it transfers; else where it always does.
    pub(crate) place: Option<&'a Place>,
    pub(crate) watch: Watch<'a>,
}

impl Storage {
    /// The storage of the host with this physical root; `None` if it has none yet. `run` is `/run` of the machine that
    /// this program runs on.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(root: &Dir, run: &Dir) -> Result<Option<Self>, Error> {
        match root.open_dir(STORAGE) {
            Ok(store) => Ok(Some(Self {
                root: root.try_clone().map_err(opening)?,
                store,
                run: run_root(run).map_err(opening)?,
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(opening(error)),
        }
    }

    /// The storage, made if there is none: podman sets it up beside its place, and it is renamed when it is whole. Synced
    /// then.
    ///
    /// # Errors
    /// [`Error::ProgramMissing`], [`Error::ProgramTooOld`]; when it cannot be made.
    pub fn ensure(root: &Dir, run: &Dir, on_event: OnEvent<'_>) -> Result<Self, Error> {
        Self::require_podman()?;
        if let Some(storage) = Self::open(root, run)? {
            return Ok(storage);
        }
        let making = |source| Error::Io {
            action: "make the storage of bound images",
            source,
        };
        match root.remove_dir_all(STORAGE_TMP) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(making(error)),
            _ => {}
        }
        root.create_dir_all(PARENT).map_err(making)?;
        let mut private = DirBuilder::new();
        private.mode(0o700);
        root.create_dir_with(STORAGE_TMP, &private)
            .map_err(making)?;
        let storage = Self {
            root: root.try_clone().map_err(opening)?,
            store: root.open_dir(STORAGE_TMP).map_err(opening)?,
            run: run_root(run).map_err(opening)?,
        };
        storage.images()?;
        sync_storage(&storage.store).map_err(making)?;
        root.rename(STORAGE_TMP, root, STORAGE).map_err(making)?;
        sync_dir(root, PARENT).map_err(making)?;
        on_event(&Event::Created);
        Ok(storage)
    }

    /// That podman is there and new enough.
    ///
    /// # Errors
    /// [`Error::ProgramMissing`], [`Error::ProgramTooOld`].
    pub fn require_podman() -> Result<(), Error> {
        let mut command = Command::new("podman");
        command.arg("--version");
        let ended = run_plain(command, None, STALL)
            .map_err(|error| not_run("podman", NEEDED_FOR, error))?;
        let text = String::from_utf8_lossy(&ended.stdout).trim().to_owned();
        if !ended.success {
            return Err(failed("podman", &["--version"], &ended));
        }
        if version_of(&text).is_some_and(|version| version < OLDEST_PODMAN) {
            return Err(Error::ProgramTooOld {
                found: text,
                needed: "podman 4.3",
            });
        }
        Ok(())
    }

    /// The images in it.
    ///
    /// # Errors
    /// When podman fails.
    pub fn images(&self) -> Result<Vec<StoredImage>, Error> {
        const LIST: [&str; 4] = ["image", "list", "--format", "json"];
        let ended = self.ask_podman(&LIST)?;
        if !ended.success {
            return Err(failed("podman", &LIST, &ended));
        }
        let mut images = parse(&ended.stdout).map_err(|source| Error::Answer {
            program: "podman",
            arguments: LIST.join(" "),
            source,
        })?;
        let mut layers = self.layers_of_images();
        for image in &mut images {
            image.layers = layers.remove(&image.id).unwrap_or_default();
        }
        Ok(images)
    }

    /// Run podman on the storage, for something that fetches nothing.
    pub(crate) fn ask_podman(&self, arguments: &[&str]) -> Result<Ended, Error> {
        let activity = Activity::new();
        let running = Running {
            credentials: &Credentials::None,
            place: None,
            watch: Watch {
                stall: STALL,
                activity: &activity,
                look: &|| {},
            },
        };
        self.podman(arguments, &running)
    }

    /// Run podman on the storage.
    pub(crate) fn podman(&self, arguments: &[&str], running: &Running<'_>) -> Result<Ended, Error> {
        let mut command = Command::new("podman");
        command.args(["--root", ALIAS, "--runroot", RUN_ROOT]);
        command.args(arguments);
        self.run("podman", command, running)
    }

    /// Run a program that finds the storage where podman does.
    pub(crate) fn run(
        &self,
        program: &'static str,
        mut command: Command,
        running: &Running<'_>,
    ) -> Result<Ended, Error> {
        let handing = |source| Error::Io {
            action: "hand on credentials and a place for blobs",
            source,
        };
        let credentials = running.credentials.file().map_err(handing)?;
        let spool = running.place.map(Place::file).transpose();
        command.env("REGISTRY_AUTH_FILE", CREDENTIALS.1);
        let setting = Setting {
            store: &self.store,
            run: &self.run,
            credentials: Some(Arc::new(credentials)),
            spool: spool.map_err(handing)?.map(Arc::new),
        };
        run_in(&setting, command, running.watch)
            .map_err(|error| not_run(program, NEEDED_FOR, error))
    }
}

const NEEDED_FOR: &str = "this image is bound to application images, which it pulls and keeps";

/// The first two numbers of `podman version 4.3.1`; none for a text that is not understood, which stops nobody.
fn version_of(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().last()?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn run_root(run: &Dir) -> io::Result<Dir> {
    run.create_dir_all(RUN)?;
    run.open_dir(RUN)
}

/// Bring a directory's names to disk.
pub(crate) fn sync_dir(root: &Dir, path: &str) -> io::Result<()> {
    // A `Dir` only names a place; to sync it needs an open file.
    root.open(path)?.sync_all()
}

/// Bring the whole file system of a directory to disk.
pub(crate) fn sync_storage(store: &Dir) -> io::Result<()> {
    Ok(syncfs(store.open(".")?)?)
}

fn opening(source: io::Error) -> Error {
    Error::Io {
        action: "open the storage of bound images",
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn podmans_version_is_read() {
        assert_eq!(version_of("podman version 4.3.1"), Some((4, 3)));
        assert_eq!(version_of("podman version 5.10.0-rc1"), Some((5, 10)));
        assert_eq!(version_of("podman"), None);
        assert!(version_of("podman version 3.4.4") < Some(OLDEST_PODMAN));
    }

    #[test]
    fn without_credentials_podman_gets_an_empty_file() {
        let read = |credentials: Credentials| {
            use rustix::fd::AsRawFd as _;
            let file = credentials.file().unwrap();
            std::fs::read_to_string(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap()
        };
        assert_eq!(read(Credentials::None), "{}");
        assert_eq!(
            read(Credentials::File(b"{\"auths\": {}}".to_vec())),
            "{\"auths\": {}}"
        );
    }
}
