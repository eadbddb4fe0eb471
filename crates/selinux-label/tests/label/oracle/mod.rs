//! The same questions, put to libselinux.

mod answers;
mod expressions;
mod random;
mod sample;

use crate::support::text;
use selinux_label::{OraclePolicy, Policy, PolicyTree};

/// A policy, and libselinux's view of it.
pub(crate) struct Pair {
    ours: Policy,
    theirs: OraclePolicy,
}

impl Pair {
    pub(crate) fn open(tree: &dyn PolicyTree) -> Self {
        Self {
            ours: Policy::open(tree).unwrap().unwrap(),
            theirs: OraclePolicy::open(tree).unwrap().unwrap(),
        }
    }

    /// Asks both; the label, if they agree.
    pub(crate) fn check(&self, path: &str, mode: u32) -> Option<String> {
        let theirs = self.theirs.label(path, mode).unwrap();
        let ours = self.ours.explain(path, mode).unwrap();
        assert_eq!(
            text(ours.label.as_ref()),
            text(theirs.as_ref()),
            "{path:?} of mode {mode:o}: {ours:#?}"
        );
        theirs.map(|label| label.to_string())
    }
}
