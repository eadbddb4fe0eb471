//! Which paths of a derived layer go where.

use std::fmt;
use std::str::FromStr;

use crate::{Limits, Problem};

/// What happens to top-level paths that ostree does not know (`opt`, `boot`, `srv`, …).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NonUsr {
    /// They stay in the tree: for images whose root is an overlay or that have no ostree base.
    Keep,
    /// They are dropped and counted: a root without overlay could never show them.
    Drop,
    /// Every path stays exactly where it is, `etc` and `run` included: for reading archives that are no images.
    Verbatim,
}

/// What happens to `var`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Var {
    /// It stays in the tree; libostree 2024.3 and later seed a stateroot's empty `/var` from it.
    Keep,
    /// It moves to `usr/share/factory/var`, as ostree-ext does on older libostree.
    Factory,
}

/// How paths of a derived layer become paths of the tree.
///
/// Its text form is recorded in the layer's commit, since the same blob under another policy is another tree:
///
/// ```
/// use ostree_layer::{NonUsr, PathPolicy, Var};
/// assert_eq!(PathPolicy::new(NonUsr::Drop, Var::Keep).to_string(), "usr-only");
/// assert_eq!("all+factory-var".parse(), Ok(PathPolicy::new(NonUsr::Keep, Var::Factory)));
/// assert_eq!(PathPolicy::everything().to_string(), "everything");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PathPolicy {
    /// What happens to top-level paths that ostree does not know.
    pub nonusr: NonUsr,
    /// What happens to `var`.
    pub var: Var,
}

impl PathPolicy {
    /// A policy of both choices.
    #[must_use]
    pub fn new(nonusr: NonUsr, var: Var) -> Self {
        Self { nonusr, var }
    }

    /// No path is moved or dropped.
    #[must_use]
    pub fn everything() -> Self {
        Self::new(NonUsr::Verbatim, Var::Keep)
    }
}

/// Where the base's embedded repository is, as names.
const REPOSITORY: [&str; 3] = ["sysroot", "ostree", "repo"];
/// Mount points of the kernel's and of temporary file systems: what an image has there is never seen.
const API_DIRECTORIES: [&str; 5] = ["run", "tmp", "proc", "sys", "dev"];
/// What a whiteout's name begins with (OCI image-spec, layer.md).
pub(crate) const WHITEOUT: &str = ".wh.";
/// The marker that hides everything that lower layers have in its directory.
pub(crate) const OPAQUE: &str = ".wh..wh..opq";

/// Where a path of a layer belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// The root of the tree.
    Root,
    /// This path of the tree.
    Tree(String),
    /// This path below the embedded repository.
    Repository(String),
    /// Nowhere, by policy; counted under this top-level name.
    Dropped(String),
    /// Nowhere: below a whiteout marker.
    BelowWhiteout,
    /// Nowhere: AUFS's own.
    Aufs,
}

impl PathPolicy {
    /// Where `path` belongs; `what` it is, for the error.
    ///
    /// Leading slashes, `.` and empty names vanish. A whiteout goes where what it removes would go.
    pub(crate) fn place(
        &self,
        path: &str,
        what: &'static str,
        limits: &Limits,
    ) -> Result<Place, Problem> {
        let mut names = Vec::new();
        for name in path.split('/').filter(|name| !matches!(*name, "" | ".")) {
            check_name(name, what, limits)?;
            names.push(name);
        }
        if names.len() > limits.depth {
            return Err(Problem::TooDeep {
                limit: limits.depth,
            });
        }
        let Some((last, parents)) = names.split_last() else {
            return Ok(Place::Root);
        };
        if names.iter().any(|name| is_aufs(name)) {
            return Ok(Place::Aufs);
        }
        if parents.iter().any(|name| name.starts_with(WHITEOUT)) {
            return Ok(Place::BelowWhiteout);
        }
        if let Some(rest) = names.strip_prefix(&REPOSITORY) {
            // The directory itself too: there is no repository in the tree.
            return Ok(Place::Repository(rest.join("/")));
        }
        let place = match (self.nonusr, parents) {
            (NonUsr::Verbatim, _) | (_, []) if *last == OPAQUE => Place::Tree(names.join("/")),
            (NonUsr::Verbatim, _) => Place::Tree(names.join("/")),
            _ => self.map(&names),
        };
        match &place {
            Place::Tree(path) if path.len() > limits.path_bytes => Err(Problem::PathTooLong {
                bytes: path.len(),
                limit: limits.path_bytes,
            }),
            _ => Ok(place),
        }
    }

    fn map(&self, names: &[&str]) -> Place {
        let (top, below) = names.split_first().unwrap_or((&"", &[]));
        let (marker, name) = match top.strip_prefix(WHITEOUT) {
            Some(name) => (WHITEOUT, name),
            None => ("", *top),
        };
        let tree = |parents: &str| {
            let mut path = format!("{parents}{marker}{name}");
            for name in below {
                path.push('/');
                path.push_str(name);
            }
            Place::Tree(path)
        };
        match name {
            "usr" => tree(""),
            "etc" => tree("usr/"),
            "var" if self.var == Var::Factory => tree("usr/share/factory/"),
            "var" => tree(""),
            _ if API_DIRECTORIES.contains(&name) => match (marker, below) {
                ("", []) => tree(""),
                _ => Place::Dropped((*top).to_owned()),
            },
            _ if self.nonusr == NonUsr::Drop => Place::Dropped((*top).to_owned()),
            _ => tree(""),
        }
    }
}

fn check_name(name: &str, what: &'static str, limits: &Limits) -> Result<(), Problem> {
    match name {
        ".." => Err(Problem::DotDot { what }),
        ".wh." | ".wh.." | ".wh..." => Err(Problem::BadWhiteout),
        _ if name.len() > limits.name_bytes => Err(Problem::NameTooLong {
            bytes: name.len(),
            limit: limits.name_bytes,
        }),
        _ => Ok(()),
    }
}

/// `.wh..wh.` and anything but the opaque marker's end: a namespace that AUFS keeps for itself.
fn is_aufs(name: &str) -> bool {
    name != OPAQUE
        && name
            .strip_prefix(WHITEOUT)
            .is_some_and(|name| name.starts_with(WHITEOUT))
}

impl fmt::Display for PathPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.nonusr {
            NonUsr::Keep => "all",
            NonUsr::Drop => "usr-only",
            NonUsr::Verbatim => "everything",
        })?;
        match self.var {
            Var::Keep => Ok(()),
            Var::Factory => f.write_str("+factory-var"),
        }
    }
}

/// A text is no path policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no path policy")]
pub struct PolicyTextError {
    /// The text.
    pub text: String,
}

impl FromStr for PathPolicy {
    type Err = PolicyTextError;

    fn from_str(text: &str) -> Result<Self, PolicyTextError> {
        let (nonusr, var) = match text.strip_suffix("+factory-var") {
            Some(nonusr) => (nonusr, Var::Factory),
            None => (text, Var::Keep),
        };
        match nonusr {
            "all" => Ok(Self::new(NonUsr::Keep, var)),
            "usr-only" => Ok(Self::new(NonUsr::Drop, var)),
            "everything" if var == Var::Keep => Ok(Self::everything()),
            _ => Err(PolicyTextError {
                text: text.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NonUsr, PathPolicy, Place, Var};
    use crate::{Limits, Problem};

    const ALL: PathPolicy = PathPolicy {
        nonusr: NonUsr::Keep,
        var: Var::Keep,
    };
    const USR: PathPolicy = PathPolicy {
        nonusr: NonUsr::Drop,
        var: Var::Keep,
    };
    const OLD: PathPolicy = PathPolicy {
        nonusr: NonUsr::Drop,
        var: Var::Factory,
    };

    fn place(policy: PathPolicy, path: &str) -> Result<Place, Problem> {
        policy.place(path, "name", &Limits::default())
    }

    #[test]
    fn mapped_paths() {
        let everything = PathPolicy::everything();
        for (policy, path, expected) in [
            (USR, "./etc/foo", "usr/etc/foo"),
            (USR, "/usr/bin//./sh/", "usr/bin/sh"),
            (USR, "var/lib/x", "var/lib/x"),
            (OLD, "var/lib/x", "usr/share/factory/var/lib/x"),
            (OLD, "var", "usr/share/factory/var"),
            (OLD, ".wh.var", "usr/share/factory/.wh.var"),
            (USR, "run/", "run"),
            (USR, "tmp", "tmp"),
            (USR, "etc/.wh.bar", "usr/etc/.wh.bar"),
            (USR, ".wh.etc", "usr/.wh.etc"),
            (USR, ".wh.usr", ".wh.usr"),
            (USR, ".wh..wh..opq", ".wh..wh..opq"),
            (USR, "etc/.wh..wh..opq", "usr/etc/.wh..wh..opq"),
            (USR, "usr/etcetera", "usr/etcetera"),
            (ALL, "opt/x", "opt/x"),
            (ALL, "etcetera", "etcetera"),
            (ALL, "sysroot/ostree", "sysroot/ostree"),
            (ALL, ".wh.opt", ".wh.opt"),
            (everything, "etc/a", "etc/a"),
            (everything, "run/a", "run/a"),
            (everything, "/a/./b", "a/b"),
        ] {
            assert_eq!(
                place(policy, path),
                Ok(Place::Tree(expected.to_owned())),
                "{policy} {path}"
            );
        }
    }

    #[test]
    fn paths_that_are_dropped_or_elsewhere() {
        let dropped = |top: &str| Place::Dropped(top.to_owned());
        for (policy, path, expected) in [
            (USR, ".", Place::Root),
            (USR, "/", Place::Root),
            (USR, "opt/x", dropped("opt")),
            (USR, "boot/vmlinuz", dropped("boot")),
            (USR, "./.wh.opt", dropped(".wh.opt")),
            (ALL, "run/lock/a", dropped("run")),
            (ALL, "dev/.wh..wh..opq", dropped("dev")),
            (ALL, ".wh.run", dropped(".wh.run")),
            (USR, "sysroot", dropped("sysroot")),
            (ALL, "sysroot/ostree/repo", Place::Repository(String::new())),
            (
                USR,
                "/sysroot/ostree/repo/objects/aa/b",
                Place::Repository("objects/aa/b".to_owned()),
            ),
            (ALL, ".wh..wh.plnk", Place::Aufs),
            (ALL, ".wh..wh.plnk/a.b", Place::Aufs),
            (ALL, "usr/.wh.x/a", Place::BelowWhiteout),
            (ALL, "usr/.wh..wh..opq/a", Place::BelowWhiteout),
        ] {
            assert_eq!(place(policy, path), Ok(expected), "{policy} {path}");
        }
    }

    #[test]
    fn refused_paths() {
        let long = "n".repeat(256);
        let deep = "d/".repeat(1001);
        let wide = format!("{}x", "dddddddddd/".repeat(380));
        for (path, problem) in [
            ("usr/../etc", Problem::DotDot { what: "name" }),
            ("..", Problem::DotDot { what: "name" }),
            ("usr/.wh.", Problem::BadWhiteout),
            ("usr/.wh..", Problem::BadWhiteout),
            ("usr/.wh...", Problem::BadWhiteout),
            (
                &long,
                Problem::NameTooLong {
                    bytes: 256,
                    limit: 255,
                },
            ),
            (&deep, Problem::TooDeep { limit: 1000 }),
            (
                &wide,
                Problem::PathTooLong {
                    bytes: 4181,
                    limit: 4096,
                },
            ),
        ] {
            assert_eq!(place(ALL, path), Err(problem), "{path}");
        }
        assert!(place(ALL, &"d/".repeat(1000)).is_ok());
        assert!(place(ALL, &"n".repeat(255)).is_ok());
        assert!(place(ALL, "usr/.wh....").is_ok());
    }

    #[test]
    fn text_form() {
        for policy in [ALL, USR, OLD, PathPolicy::everything()] {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        for text in [
            "",
            "usr",
            "everything+factory-var",
            "all+",
            "all+factory-var+factory-var",
        ] {
            assert!(text.parse::<PathPolicy>().is_err(), "{text}");
        }
    }
}
