//! A policy's labels, as the crates below ask for them.

use ostree_layer::{LabelError, Labels};
use selinux_label::Policy;

use super::StoredTree;
use crate::Storage;

impl Storage {
    /// The policy of a tree; the one that is known, if it is the same.
    pub(crate) fn open_policy(
        &self,
        tree: &StoredTree<'_>,
        known: Option<&Policy>,
    ) -> selinux_label::Result<Option<Policy>> {
        match known {
            Some(known) => known.open_other(tree),
            None => Policy::open_with(tree, self.label_engine),
        }
    }
}

/// The labels of a policy, or of none.
#[derive(Debug, Clone)]
pub(crate) struct PolicyLabels(pub(crate) Option<Policy>);

impl PolicyLabels {
    /// The value of `security.selinux` for a path of the final tree without a leading slash.
    pub(crate) fn of(&self, path: &str, mode: u32) -> Result<Option<Vec<u8>>, LabelError> {
        let Some(policy) = &self.0 else {
            return Ok(None);
        };
        let label = policy.label(&format!("/{path}"), mode)?;
        Ok(label.map(|label| label.xattr_value()))
    }

    /// What commits say of it.
    pub(crate) fn fingerprint(&self) -> Option<String> {
        self.0
            .as_ref()
            .map(|policy| policy.fingerprint().to_string())
    }
}

impl Labels for PolicyLabels {
    fn label(&self, path: &str, mode: u32) -> Result<Option<Vec<u8>>, LabelError> {
        self.of(path, mode)
    }

    fn policy(&self) -> Option<String> {
        self.fingerprint()
    }
}
