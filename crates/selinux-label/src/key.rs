//! The path that rules are asked for.

use crate::error::quote;
use crate::steps::Steps;
use crate::substitution::{Line, Substitutions};
use crate::{Error, Result};
use std::borrow::Cow;

/// Cleans a path as `selabel_lookup` does: no doubled slashes, none at the end. `/proc` becomes `/mnt`.
///
/// The latter is libostree's (`ostree-sepolicy.c`): policies say `<<none>>` for `/proc`, since the kernel labels it, but the
/// directory that it is mounted on is a file like others, and gets the label of a mount point.
pub(crate) fn clean(path: &str) -> Result<Cow<'_, str>> {
    if !path.starts_with('/') || path.contains('\0') {
        return Err(Error::BadPath { path: quote(path) });
    }
    if path == "/proc" {
        return Ok(Cow::Borrowed("/mnt"));
    }
    if !path.contains("//") {
        return Ok(Cow::Borrowed(match path.strip_suffix('/') {
            Some(shorter) if !shorter.is_empty() => shorter,
            _ => path,
        }));
    }
    let mut clean = String::with_capacity(path.len());
    for character in path.chars() {
        if character != '/' || !clean.ends_with('/') {
            clean.push(character);
        }
    }
    if clean.len() > 1 && clean.ends_with('/') {
        clean.pop();
    }
    Ok(Cow::Owned(clean))
}

/// The two lists of substitutions, each with its file.
#[derive(Debug, Default)]
pub(crate) struct Aliases {
    /// In the order in which they apply: `.subs`, then `.subs_dist`.
    pub(crate) lists: Vec<(String, Substitutions)>,
}

impl Aliases {
    /// Substitutes the beginning of a cleaned path, once by each list; `note` hears of each.
    pub(crate) fn apply<'a>(
        &self,
        mut path: Cow<'a, str>,
        steps: &mut Steps,
        mut note: impl FnMut(&str, &Line),
    ) -> Cow<'a, str> {
        for (file, list) in &self.lists {
            if let Some((substituted, line)) = list.apply(&path, steps) {
                path = Cow::Owned(substituted);
                note(file, line);
            }
        }
        path
    }

    /// The file with most lines.
    pub(crate) fn longest_file(&self) -> &str {
        let longest = self.lists.iter().max_by_key(|(_, list)| list.len());
        longest.map_or("", |(file, _)| file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_are_cleaned_and_proc_is_a_mount_point() {
        let check = |path, expected| assert_eq!(clean(path).unwrap(), expected, "{path:?}");
        check("/", "/");
        check("//", "/");
        check("///", "/");
        check("/usr/bin", "/usr/bin");
        check("/usr/bin/", "/usr/bin");
        check("//usr///bin//", "/usr/bin");
        check("/proc", "/mnt");
        check("/proc/", "/proc");
        check("/proc/1", "/proc/1");
        check("/a\n", "/a\n");
    }

    #[test]
    fn what_is_no_absolute_path_is_refused() {
        for path in ["", "usr", "./usr", "/a\0"] {
            assert!(
                matches!(clean(path), Err(Error::BadPath { .. })),
                "{path:?}"
            );
        }
    }
}
