//! Views that several verbs share.

use bootc_storage::host::{CleanedUp, DeploymentId};
use serde::Serialize;

use crate::text::{count, size};

/// A deployment's name.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Deployment"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeploymentView {
    /// Whose /etc and /var it has.
    stateroot: String,
    /// Its commit.
    checksum: String,
    /// Counts deployments of one commit in one stateroot.
    deploy_serial: u32,
}

impl DeploymentView {
    pub(crate) fn of(id: &DeploymentId) -> Self {
        Self {
            stateroot: id.stateroot.clone(),
            checksum: id.commit.to_string(),
            deploy_serial: id.serial,
        }
    }

    pub(crate) fn human(&self) -> String {
        let short: String = self.checksum.chars().take(12).collect();
        format!("{} {short}….{}", self.stateroot, self.deploy_serial)
    }
}

/// What went because nothing needs it any more.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "CleanedUp"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct CleanedUpView {
    /// Names of images.
    images: Vec<String>,
    /// Layers.
    layers: u64,
    /// Objects.
    objects: u64,
    /// Their size on disk.
    freed_bytes: u64,
}

impl CleanedUpView {
    pub(crate) fn of(cleaned: &CleanedUp) -> Self {
        Self {
            images: cleaned.images.clone(),
            layers: cleaned.pruned.layers,
            objects: cleaned.pruned.objects,
            freed_bytes: cleaned.pruned.bytes,
        }
    }

    pub(crate) fn human(&self) -> String {
        let mut text = String::new();
        for image in &self.images {
            text.push_str(&format!("Removed: {}\n", crate::text::plain(image)));
        }
        if self.objects > 0 || self.layers > 0 {
            text.push_str(&format!(
                "Freed: {} ({}, {})\n",
                size(self.freed_bytes),
                count(self.layers, "layer"),
                count(self.objects, "object")
            ));
        }
        text
    }
}
