//! Opening the repository that the arguments name.

use std::path::Path;

use anyhow::{Context as _, bail};
use bootc_storage::Storage;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use ostree_objects::RepoMode;

use crate::args::Global;

/// The repository, which must be there.
pub(crate) fn open(global: &Global) -> anyhow::Result<Storage> {
    let storage = match (&global.repo, &global.sysroot) {
        (Some(path), _) => Storage::open_repo(open_dir(path)?)
            .with_context(|| format!("opening {}", path.display()))?,
        (None, Some(path)) => open_sysroot(path)?,
        (None, None) => open_sysroot(Path::new("/"))
            .context("neither --repo nor --sysroot was given, and this machine")?,
    };
    Ok(storage.with_patience(global.lock_timeout))
}

/// The repository, made with `mode` if `--repo` names an empty or missing directory.
pub(crate) fn open_or_create(global: &Global, mode: RepoMode) -> anyhow::Result<Storage> {
    let Some(path) = &global.repo else {
        return open(global);
    };
    match std::fs::create_dir_all(path) {
        Ok(()) => {}
        Err(error) => return Err(error).with_context(|| format!("creating {}", path.display())),
    }
    let dir = open_dir(path)?;
    if dir
        .entries()
        .with_context(|| format!("reading {}", path.display()))?
        .next()
        .is_some()
    {
        return open(global);
    }
    let storage = Storage::create_repo(dir, mode)
        .with_context(|| format!("creating a repository in {}", path.display()))?;
    Ok(storage.with_patience(global.lock_timeout))
}

fn open_sysroot(path: &Path) -> anyhow::Result<Storage> {
    let root = open_dir(path)?;
    match Storage::open_sysroot(&root) {
        Ok(storage) => Ok(storage),
        Err(error) => Err(error).with_context(|| format!("opening sysroot {}", path.display())),
    }
}

fn open_dir(path: &Path) -> anyhow::Result<Dir> {
    if path.is_file() {
        bail!("{} is a file, not a directory", path.display());
    }
    Dir::open_ambient_dir(path, ambient_authority())
        .with_context(|| format!("opening {}", path.display()))
}
