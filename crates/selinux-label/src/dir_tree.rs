//! A policy in a directory of the host.

use crate::limits::MAX_LINKS;
use crate::tree::too_large;
use crate::{PolicyTree, TreeError};
use cap_std::fs::{Dir, FileType};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

/// A directory, which is never left: absolute symlinks begin at it, and `..` ends there.
#[derive(Debug, Clone, Copy)]
pub struct DirTree<'a>(&'a Dir);

impl<'a> DirTree<'a> {
    /// The root of the tree.
    #[must_use]
    pub fn new(root: &'a Dir) -> Self {
        Self(root)
    }

    /// Follows the symlinks of a path; what is there at the end, and where. `None` if nothing is.
    fn resolve(&self, path: &str) -> io::Result<Option<(PathBuf, FileType)>> {
        let mut resolved = PathBuf::new();
        let mut file_type = self.0.dir_metadata()?.file_type();
        // What is still to go, the next name last.
        let mut ahead = names_of(Path::new(path));
        let mut links = 0;
        while let Some(name) = ahead.pop() {
            if name == ".." {
                resolved.pop();
                continue;
            }
            let next = resolved.join(name);
            file_type = match self.0.symlink_metadata(&next) {
                Ok(metadata) => metadata.file_type(),
                Err(error) if is_absent(&error) => return Ok(None),
                Err(error) => return Err(error),
            };
            if !file_type.is_symlink() {
                resolved = next;
                continue;
            }
            links += 1;
            if links > MAX_LINKS {
                return Err(io::Error::other(format!("more than {MAX_LINKS} symlinks")));
            }
            let target = self.0.read_link_contents(&next)?;
            if target.is_absolute() {
                resolved.clear();
            }
            ahead.extend(names_of(&target));
        }
        // A path that ends in `..` ends in a directory.
        if !resolved.as_os_str().is_empty() {
            file_type = self.0.symlink_metadata(&resolved)?.file_type();
        }
        Ok(Some((resolved, file_type)))
    }
}

/// The names of a path, the last one first.
fn names_of(path: &Path) -> Vec<String> {
    let name = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        Component::ParentDir => Some("..".to_owned()),
        _ => None,
    };
    path.components().rev().filter_map(name).collect()
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

impl PolicyTree for DirTree<'_> {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TreeError> {
        let Some((path, file_type)) = self.resolve(path)? else {
            return Ok(None);
        };
        // Opening a pipe could wait for ever.
        if !file_type.is_file() {
            return Err("not a regular file".into());
        }
        let mut bytes = Vec::new();
        let file = self.0.open(&path)?;
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(too_large(limit));
        }
        Ok(Some(bytes))
    }

    fn names(&self, path: &str) -> Result<Option<Vec<String>>, TreeError> {
        let Some((path, file_type)) = self.resolve(path)? else {
            return Ok(None);
        };
        if !file_type.is_dir() {
            return Ok(None);
        }
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            &path
        };
        let mut names = Vec::new();
        for entry in self.0.read_dir(path)? {
            // No file of a policy has a name that is no text.
            names.extend(entry?.file_name().into_string());
        }
        Ok(Some(names))
    }
}
