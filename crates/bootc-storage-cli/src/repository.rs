//! Opening the repository that the arguments name.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bootc_storage::{Kind, SYSROOT_REPO, Storage};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use ostree_objects::RepoMode;
use tempfile::TempDir;

use crate::args::Global;
use crate::interrupt;

/// Why there is no repository to work in; each says what to do.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "this machine has no ostree repository of its own (/{SYSROOT_REPO}): name one with --repo PATH, or a host's root with --sysroot PATH"
    )]
    NoHost,
    #[error("{} is not the root of an ostree host: it has no directory {SYSROOT_REPO}", .0.display())]
    NotASysroot(PathBuf),
    #[error("there is no repository at {}; `image pull` makes one there", .0.display())]
    Missing(PathBuf),
    #[error("{} is a file, a repository is a directory", .0.display())]
    IsAFile(PathBuf),
    #[error("{} is not an ostree repository: it has no file `config`", .0.display())]
    NotARepository(PathBuf),
    #[error(
        "{} is neither empty nor an ostree repository (it has no file `config`): a repository is made in a missing or empty directory", .0.display()
    )]
    NotEmpty(PathBuf),
    #[error(
        "the repository {} is of mode {}, not {}: --repo-mode is for one that does not exist yet", .path.display(), typed(.found), typed(.wanted)
    )]
    OtherMode {
        path: PathBuf,
        found: RepoMode,
        wanted: RepoMode,
    },
    #[error(
        "a repository of mode bare is written by root; as another user give --repo-mode bare-user or archive"
    )]
    BareNeedsRoot,
}

/// A mode as --repo-mode has it.
fn typed(mode: &RepoMode) -> &'static str {
    match mode {
        RepoMode::Bare => "bare",
        RepoMode::BareUser => "bare-user",
        RepoMode::Archive => "archive",
    }
}

impl Error {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::NoHost | Self::NotASysroot(_) | Self::Missing(_) | Self::NotARepository(_) => {
                Kind::NotFound
            }
            Self::IsAFile(_) | Self::NotEmpty(_) | Self::OtherMode { .. } => Kind::Invalid,
            Self::BareNeedsRoot => Kind::Denied,
        }
    }
}

/// An open repository; or one made for a plan, which goes away again.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) storage: Storage,
    scratch: Option<TempDir>,
}

impl Opened {
    /// The repository, made now if it was imagined so far. `say` is told what was made.
    pub(crate) fn or_create(
        self,
        global: &Global,
        mode: Option<RepoMode>,
        say: impl FnOnce(&str),
    ) -> anyhow::Result<Storage> {
        match (self.scratch, &global.repo) {
            (Some(scratch), Some(path)) => {
                // It may be inside the directory that becomes the repository.
                drop(scratch);
                open_or_create(global, path, mode, say)
            }
            _ => Ok(self.storage),
        }
    }
}

/// The repository, which must be there.
pub(crate) fn open(global: &Global) -> anyhow::Result<Storage> {
    let storage = match (&global.repo, &global.sysroot) {
        (Some(path), _) => open_repo(path)?,
        (None, Some(path)) => open_sysroot(path, || Error::NotASysroot(path.clone()))?,
        (None, None) => open_sysroot(Path::new("/"), || Error::NoHost)?,
    };
    Ok(storage.with_patience(global.lock_timeout))
}

/// The repository. One that is missing is made elsewhere on the same file system and goes away again: a plan changes
/// nothing.
pub(crate) fn open_or_imagine(global: &Global, mode: Option<RepoMode>) -> anyhow::Result<Opened> {
    let Some(path) = &global.repo else {
        return existing(global, Path::new("/"), mode);
    };
    match state(path)? {
        State::Repository => existing(global, path, mode),
        State::Other => Err(Error::NotEmpty(path.clone()).into()),
        State::Unmade => imagine(global, path, mode),
    }
}

fn imagine(global: &Global, path: &Path, mode: Option<RepoMode>) -> anyhow::Result<Opened> {
    let mode = mode_to_make(mode)?;
    let place = std::path::absolute(path)
        .with_context(|| format!("finding {}", path.display()))?
        .ancestors()
        .find(|path| path.is_dir())
        .map_or_else(|| PathBuf::from("/"), Path::to_owned);
    let scratch = tempfile::Builder::new()
        .prefix(SCRATCH)
        .tempdir_in(&place)
        .with_context(|| {
            format!(
                "creating a temporary directory in {}, where the repository would be",
                place.display()
            )
        })?;
    interrupt::remove_first(scratch.path());
    let storage = create(scratch.path(), mode)?.with_patience(global.lock_timeout);
    Ok(Opened {
        storage,
        scratch: Some(scratch),
    })
}

/// The repository at `path`, which is made if another pull has not made it meanwhile.
fn open_or_create(
    global: &Global,
    path: &Path,
    mode: Option<RepoMode>,
    say: impl FnOnce(&str),
) -> anyhow::Result<Storage> {
    match state(path)? {
        State::Repository => Ok(existing(global, path, mode)?.storage),
        State::Other => Err(Error::NotEmpty(path.to_owned()).into()),
        State::Unmade => {
            let mode = mode_to_make(mode)?;
            std::fs::create_dir_all(path)
                .with_context(|| format!("creating {}", path.display()))?;
            let storage = create(path, mode)?.with_patience(global.lock_timeout);
            say(&format!(
                "made the repository {}, of mode {}",
                path.display(),
                typed(&mode)
            ));
            Ok(storage)
        }
    }
}

fn existing(global: &Global, path: &Path, mode: Option<RepoMode>) -> anyhow::Result<Opened> {
    let storage = open(global)?;
    let found = storage.repo().mode();
    if let Some(wanted) = mode.filter(|wanted| *wanted != found) {
        let path = path.to_owned();
        return Err(Error::OtherMode {
            path,
            found,
            wanted,
        }
        .into());
    }
    Ok(Opened {
        storage,
        scratch: None,
    })
}

fn create(path: &Path, mode: RepoMode) -> anyhow::Result<Storage> {
    Storage::create_repo(open_dir(path)?, mode)
        .with_context(|| format!("creating a repository in {}", path.display()))
}

fn mode_to_make(mode: Option<RepoMode>) -> Result<RepoMode, Error> {
    let mode = mode.unwrap_or(RepoMode::BareUser);
    if mode == RepoMode::Bare && !rustix::process::geteuid().is_root() {
        return Err(Error::BareNeedsRoot);
    }
    Ok(mode)
}

/// What is there, where a repository may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing, or what another pull has made of a repository so far.
    Unmade,
    Repository,
    Other,
}

/// What is made before `objects`, which comes last.
const MADE_BEFORE: [&str; 7] = [
    ".attribute-test",
    "config",
    "config.new",
    "extensions",
    "refs",
    "state",
    "tmp",
];

/// How the directory of an imagined repository begins, in whatever directory it is.
const SCRATCH: &str = ".bootc-storage-plan-";

fn state(path: &Path) -> anyhow::Result<State> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::Unmade),
        Err(_) if path.is_file() => return Err(Error::IsAFile(path.to_owned()).into()),
        Err(error) => return Err(error).with_context(|| format!("opening {}", path.display())),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("reading {}", path.display()))?;
        names.push(entry.file_name());
    }
    let has = |name: &str| names.iter().any(|there| there == name);
    Ok(if has("config") && has("objects") {
        State::Repository
    } else if names.iter().all(|there| {
        MADE_BEFORE.iter().any(|made| there == made)
            || there.as_encoded_bytes().starts_with(SCRATCH.as_bytes())
    }) {
        State::Unmade
    } else {
        State::Other
    })
}

fn open_repo(path: &Path) -> anyhow::Result<Storage> {
    if !path.try_exists().unwrap_or(true) {
        return Err(Error::Missing(path.to_owned()).into());
    }
    let dir = open_dir(path)?;
    match dir.metadata("config") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::NotARepository(path.to_owned()).into());
        }
        found => found.with_context(|| format!("opening {}", path.display()))?,
    };
    Storage::open_repo(dir).with_context(|| format!("opening {}", path.display()))
}

fn open_sysroot(path: &Path, none: impl FnOnce() -> Error) -> anyhow::Result<Storage> {
    let root = open_dir(path)?;
    if !root.is_dir(SYSROOT_REPO) {
        return Err(none().into());
    }
    Storage::open_sysroot(&root)
        .with_context(|| format!("opening {}", path.join(SYSROOT_REPO).display()))
}

fn open_dir(path: &Path) -> anyhow::Result<Dir> {
    match Dir::open_ambient_dir(path, ambient_authority()) {
        Ok(dir) => Ok(dir),
        Err(_) if path.is_file() => Err(Error::IsAFile(path.to_owned()).into()),
        Err(error) => Err(error).with_context(|| format!("opening {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::{State, state};

    #[test]
    fn a_repository_is_made_in_nothing_and_where_one_was_begun() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        assert_eq!(state(&at("missing")).unwrap(), State::Unmade);
        for (name, entries, expected) in [
            ("empty", &[][..], State::Unmade),
            ("begun", &["config", "tmp", "refs"][..], State::Unmade),
            ("planned", &[".bootc-storage-plan-x1"][..], State::Unmade),
            ("home", &["config", "photographs"][..], State::Other),
            (
                "repo",
                &["config", "objects", "notes"][..],
                State::Repository,
            ),
        ] {
            for entry in entries {
                std::fs::create_dir_all(at(name).join(entry)).unwrap();
            }
            std::fs::create_dir_all(at(name)).unwrap();
            assert_eq!(state(&at(name)).unwrap(), expected, "{name}");
        }
        std::fs::write(at("file"), "").unwrap();
        let error = state(&at("file")).unwrap_err();
        assert!(error.to_string().contains("is a file"), "{error}");
    }
}
