//! bootc's form of a host's status, `org.containers.bootc/v1` (format: `host-v1.schema.json` of bootc, beside its
//! documentation). Fields that bootc prints always are printed always, as null if there is nothing to say.

use super::{DeploymentState, HostState, ImageState, Unlocked};
use oci_manifest::{BootcImageReference, OstreeImageReference};
use serde::{Deserialize, Serialize};

/// What `apiVersion` says.
pub const API_VERSION: &str = "org.containers.bootc/v1";
/// What `kind` says.
pub const KIND: &str = "BootcHost";
/// What `metadata.name` says: there is one host.
pub const NAME: &str = "host";

/// The whole document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Host {
    /// [`API_VERSION`].
    pub api_version: String,
    /// [`KIND`].
    pub kind: String,
    /// How the document is named.
    pub metadata: ObjectMeta,
    /// What the host is to run.
    pub spec: HostSpec,
    /// What it has.
    pub status: HostStatus,
}

/// How the document is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectMeta {
    /// [`NAME`].
    pub name: String,
}

/// What the host is to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostSpec {
    /// The image of the staged deployment, else of the booted one; where none is booted, of the one that boots next.
    pub image: Option<BootcImageReference>,
    /// What boots next.
    pub boot_order: BootOrder,
}

/// What boots next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BootOrder {
    /// The staged deployment, else the booted one.
    Default,
    /// The rollback.
    Rollback,
}

/// What the host has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostStatus {
    /// The deployment that becomes bootable at shutdown.
    pub staged: Option<BootEntry>,
    /// The one that runs.
    pub booted: Option<BootEntry>,
    /// The one to go back to.
    pub rollback: Option<BootEntry>,
    /// All others; absent if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_deployments: Vec<BootEntry>,
    /// Whether the rollback boots next.
    pub rollback_queued: bool,
    /// Set if the booted deployment follows a container image.
    #[serde(rename = "type")]
    pub host_type: Option<HostType>,
    /// How `/usr` of the booted deployment is writable.
    pub usr_overlay: Option<FilesystemOverlay>,
    /// Whether nothing can be deployed, as on a live medium.
    pub read_only: bool,
}

/// What kind of host it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HostType {
    /// One that runs a container image.
    BootcHost,
}

/// A deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the members of bootc's schema"
)]
pub struct BootEntry {
    /// Its image; null if it is not one, or not only that.
    pub image: Option<ImageStatus>,
    /// The newer image that the last look for updates found.
    pub cached_update: Option<ImageStatus>,
    /// Whether its origin has what only rpm-ostree understands.
    pub incompatible: bool,
    /// Whether only an explicit request removes it.
    pub pinned: bool,
    /// Whether a soft reboot can lead to it.
    pub soft_reboot_capable: bool,
    /// Whether it is staged and will not become bootable at shutdown all the same.
    pub download_only: bool,
    /// How its image is stored.
    pub store: Option<Store>,
    /// Where it is.
    pub ostree: Option<BootEntryOstree>,
    /// Null: bootc's other kind of deployment is not ours.
    pub composefs: (),
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageStatus {
    /// Where it comes from.
    pub image: BootcImageReference,
    /// The version shown to people.
    pub version: Option<String>,
    /// When it was made, RFC 3339.
    pub timestamp: Option<String>,
    /// Digest of its manifest.
    pub image_digest: String,
    /// The architecture in OCI's naming.
    pub architecture: String,
}

/// How an image is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Store {
    /// As ostree commits.
    OstreeContainer,
}

/// Where a deployment is: `ostree/deploy/STATEROOT/deploy/CHECKSUM.SERIAL`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BootEntryOstree {
    /// The stateroot.
    pub stateroot: String,
    /// The commit's checksum.
    pub checksum: String,
    /// The serial.
    pub deploy_serial: u32,
}

/// An overlay over `/usr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FilesystemOverlay {
    /// How it is mounted.
    pub access_mode: AccessMode,
    /// Whether it outlives the next boot.
    pub persistence: Persistence,
}

/// How an overlay is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AccessMode {
    /// Read-only.
    ReadOnly,
    /// Read and write.
    ReadWrite,
}

/// Whether an overlay outlives the next boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Persistence {
    /// It does not.
    Transient,
    /// It does.
    Persistent,
}

impl From<&HostState> for Host {
    fn from(state: &HostState) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            metadata: ObjectMeta {
                name: NAME.to_owned(),
            },
            spec: spec(state),
            status: status(state),
        }
    }
}

fn spec(state: &HostState) -> HostSpec {
    let followed = state.staged().or(state.booted).or_else(|| state.next());
    let deployment = followed.and_then(|place| state.deployments.get(place));
    let image = deployment.and_then(reference);
    HostSpec {
        image: image.as_ref().map(BootcImageReference::from),
        boot_order: if state.is_rollback_queued() {
            BootOrder::Rollback
        } else {
            BootOrder::Default
        },
    }
}

fn status(state: &HostState) -> HostStatus {
    let deployment = |place: Option<usize>| place.and_then(|place| state.deployments.get(place));
    let entry = |place| deployment(place).map(BootEntry::from);
    let booted = deployment(state.booted);
    HostStatus {
        staged: entry(state.staged()),
        booted: entry(state.booted),
        rollback: entry(state.rollback()),
        other_deployments: state
            .others()
            .filter_map(|place| entry(Some(place)))
            .collect(),
        rollback_queued: state.is_rollback_queued(),
        host_type: booted.and_then(reference).map(|_| HostType::BootcHost),
        usr_overlay: booted.and_then(|booted| overlay(booted.unlocked)),
        read_only: state.read_only,
    }
}

impl From<&DeploymentState> for BootEntry {
    fn from(deployment: &DeploymentState) -> Self {
        Self {
            image: image(deployment),
            cached_update: cached_update(deployment),
            incompatible: is_incompatible(deployment),
            pinned: deployment
                .origin
                .as_ref()
                .is_some_and(|origin| origin.is_pinned()),
            soft_reboot_capable: deployment.soft_reboot_capable,
            download_only: deployment.staged && deployment.finalization_locked,
            store: Some(Store::OstreeContainer),
            ostree: Some(BootEntryOstree {
                stateroot: deployment.stateroot.clone(),
                checksum: deployment.checksum.to_string(),
                deploy_serial: deployment.serial,
            }),
            composefs: (),
        }
    }
}

fn image(deployment: &DeploymentState) -> Option<ImageStatus> {
    image_status(deployment, deployment.image.as_ref()?)
}

fn cached_update(deployment: &DeploymentState) -> Option<ImageStatus> {
    image_status(deployment, deployment.cached_update.as_ref()?)
}

fn image_status(deployment: &DeploymentState, image: &ImageState) -> Option<ImageStatus> {
    Some(ImageStatus {
        image: BootcImageReference::from(&reference(deployment)?),
        version: image.version.clone(),
        timestamp: image.created.clone(),
        image_digest: image.manifest_digest.to_string(),
        architecture: image.architecture.clone(),
    })
}

/// The image that a deployment follows, if it follows one and is nothing more than that image.
fn reference(deployment: &DeploymentState) -> Option<OstreeImageReference> {
    let origin = deployment.origin.as_ref()?;
    if is_incompatible(deployment) {
        return None;
    }
    origin.container_image().ok().flatten()
}

fn is_incompatible(deployment: &DeploymentState) -> bool {
    let origin = deployment.origin.as_ref();
    origin.is_some_and(|origin| !origin.incompatible().is_empty())
}

const fn overlay(unlocked: Unlocked) -> Option<FilesystemOverlay> {
    let (access_mode, persistence) = match unlocked {
        Unlocked::No => return None,
        Unlocked::Development => (AccessMode::ReadWrite, Persistence::Transient),
        Unlocked::Hotfix => (AccessMode::ReadWrite, Persistence::Persistent),
        Unlocked::Transient => (AccessMode::ReadOnly, Persistence::Transient),
    };
    Some(FilesystemOverlay {
        access_mode,
        persistence,
    })
}
