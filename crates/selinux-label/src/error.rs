//! What can be wrong with a policy or a look-up.

use crate::TreeError;

/// Why a policy was refused, or a look-up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the policy cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file, as named in the tree.
        path: String,
        /// Why not.
        source: TreeError,
    },
}
