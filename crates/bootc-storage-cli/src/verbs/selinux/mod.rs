//! `selinux …`: labels of stored images, and where they come from.

mod check;
mod lookup;

use bootc_storage::{Error, ImagePolicy, Storage, StoredImage};
use oci_manifest::ImageReference;

pub(crate) use check::run as check;
pub(crate) use lookup::run as lookup;
#[cfg(test)]
pub(crate) use {check::View as CheckView, lookup::View as LookupView};

/// A stored image and its policy; without one there is nothing to look at.
fn image_with_policy(
    storage: &Storage,
    name: &ImageReference,
) -> anyhow::Result<(StoredImage, ImagePolicy)> {
    let image = storage.inspect(name)?;
    let policy = storage.image_policy(&image)?;
    let policy = policy.ok_or_else(|| Error::NoPolicy {
        reference: name.to_string(),
    })?;
    Ok((image, policy))
}

/// A policy as both verbs name it.
fn policy_line(policy: &ImagePolicy) -> String {
    let layer = match policy.layer {
        Some(layer) => format!("of layer {layer}"),
        None => "of no layer that is stored".to_owned(),
    };
    format!("Policy: {} ({layer})", policy.policy.name())
}
