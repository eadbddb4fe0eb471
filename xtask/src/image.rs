//! What the demo and the bench share: images made of Debian packages, a registry, a look at what came out.

pub(crate) mod compare;
pub(crate) mod debian;
pub(crate) mod labels;
mod layer;
mod policy_module;
pub(crate) mod recipe;
pub(crate) mod registry;
pub(crate) mod stored;
pub(crate) mod tree;
pub(crate) mod unpacked;
