//! `composefs …`: images of trees, their digests, and mounts.

mod build;
mod check;
mod digest;
mod dump;
mod mount;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use bootc_storage::composefs::{CommitTree, ImageForm};
use ostree_flatten::composefs::{ReadImage, read_image};

use super::commit_of;
use crate::args::{Global, TreeName, parse_tree};
use crate::repository;

pub(crate) use build::run as build;
pub(crate) use check::run as check;
pub(crate) use digest::run as digest;
pub(crate) use dump::run as dump;
pub(crate) use mount::run as mount;
#[cfg(test)]
pub(crate) use {
    build::View as BuildView, check::View as CheckView, digest::View as DigestView,
    dump::View as DumpView, mount::View as MountView,
};

/// What a name on the command line is of.
enum Named<'a> {
    File(&'a Path),
    Tree(TreeName),
}

impl<'a> Named<'a> {
    fn find(name: &'a str) -> anyhow::Result<Self> {
        let path = Path::new(name);
        if path.is_file() {
            return Ok(Self::File(path));
        }
        match parse_tree(name) {
            Ok(tree) => Ok(Self::Tree(tree)),
            Err(problem) => Err(anyhow!(
                "{name} is neither a file nor an image ({problem}) nor a commit"
            )),
        }
    }
}

/// The tree with all digests, which is the same everywhere.
fn stored_tree(global: &Global, name: &TreeName) -> anyhow::Result<CommitTree> {
    let storage = repository::open(global)?;
    let commit = commit_of(&storage, name)?;
    Ok(storage.composefs_tree(&commit, ImageForm::WithDigests)?)
}

/// An image that is a file, and its bytes.
fn image_file(path: &Path) -> anyhow::Result<(Vec<u8>, ReadImage)> {
    let reading = || format!("reading {}", path.display());
    let bytes = fs::read(path).with_context(reading)?;
    let image = read_image(&bytes).with_context(reading)?;
    Ok((bytes, image))
}
