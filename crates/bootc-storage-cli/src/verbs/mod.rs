//! One file a verb: from arguments to the library's calls to what is printed.

pub(crate) mod check;
pub(crate) mod history;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod prune;
pub(crate) mod pull;
pub(crate) mod remove;
mod role;
pub(crate) mod selinux;
