//! The same questions, put to libselinux.

mod answers;
mod expressions;
mod random;
mod sample;

use crate::support::{FILE, text, tree};
use selinux_label::{OraclePolicy, Policy, PolicyTree};

/// Whether this libselinux is one from before 3.8, whose answers we give however odd the rules are. Newer ones go their own
/// way there (see the README), so that only real paths are compared with them.
pub(crate) fn is_classic() -> bool {
    let tree = tree(&[("file_contexts", "/a x\n")]);
    let theirs = OraclePolicy::open(&tree).unwrap().unwrap();
    theirs.label("/a\n", FILE).unwrap().is_some()
}

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
