//! The policy of a tree.

use crate::{Explanation, Fingerprint, Label, PolicyTree, Result};
use std::sync::Arc;

/// The policy of a tree: which label its paths get. Cheap to clone, and to be asked by several threads.
#[derive(Debug, Clone)]
pub struct Policy {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: String,
    fingerprint: Fingerprint,
}

impl Policy {
    /// Reads the policy of a tree; `None` if it has none.
    ///
    /// # Errors
    ///
    /// There is one, and it is bad.
    pub fn open(tree: &dyn PolicyTree) -> Result<Option<Self>> {
        let _ = tree;
        Ok(None)
    }

    /// The name, which `SELINUXTYPE` in `config` says: `default`, `targeted`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// What tells this policy from others that label differently.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.inner.fingerprint
    }

    /// The label of an absolute path in the final tree, for a mode with the file type (`st_mode`).
    ///
    /// `None` if the policy says `<<none>>`, or nothing.
    ///
    /// # Errors
    ///
    /// The path is not absolute, or has a NUL byte.
    pub fn label(&self, path: &str, mode: u32) -> Result<Option<Label>> {
        Ok(self.explain(path, mode)?.label)
    }

    /// The label, and where it comes from.
    ///
    /// # Errors
    ///
    /// As [`label`](Self::label).
    pub fn explain(&self, path: &str, _mode: u32) -> Result<Explanation> {
        Ok(Explanation {
            label: Some(Label::new("")),
            rule: None,
            looked_up: path.to_owned(),
            substitutions: Vec::new(),
        })
    }
}
