//! What the demo and the bench share: images made of Debian packages, a registry, a look at what came out.

use sha2::{Digest as _, Sha256};

pub(crate) mod compare;
pub(crate) mod debian;
pub(crate) mod labels;
pub(crate) mod layer;
pub(crate) mod policy_module;
pub(crate) mod recipe;
pub(crate) mod registry;
pub(crate) mod stored;
pub(crate) mod tree;
pub(crate) mod unpacked;

/// Names what was made by a recipe, in the cache.
pub(crate) fn key(recipe: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(recipe).into();
    digest[..6]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
