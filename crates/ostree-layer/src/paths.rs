//! Which paths of a derived layer go where.

use std::fmt;
use std::str::FromStr;

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
            _ => Err(PolicyTextError { text: text.to_owned() }),
        }
    }
}
