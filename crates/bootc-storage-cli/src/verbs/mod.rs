//! One file a verb: from arguments to the library's calls to what is printed.

pub(crate) mod bound;
pub(crate) mod check;
pub(crate) mod checkout;
pub(crate) mod composefs;
pub(crate) mod history;
pub(crate) mod host;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod prune;
pub(crate) mod pull;
pub(crate) mod remove;
mod role;
pub(crate) mod selinux;

use bootc_storage::Storage;
use ostree_objects::Checksum;

use crate::args::TreeName;

/// The commit of a tree's name.
fn commit_of(storage: &Storage, name: &TreeName) -> Result<Checksum, bootc_storage::Error> {
    match name {
        TreeName::Commit(commit) => Ok(*commit),
        TreeName::Image(name) => Ok(storage.inspect(name)?.merge_commit),
    }
}
