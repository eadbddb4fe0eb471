//! What can go wrong with a host, by what an administrator would do about it.

use std::io;
use std::time::Duration;

use crate::{Error, Kind};

/// Every failure that only a host's deployments can have.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The system refuses.
    #[error("cannot {action}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The record of the staged deployment is not one.
    #[error("/run/ostree/staged-deployment is not what libostree writes")]
    BadStagedRecord,
    /// Another program changes the deployments.
    #[error(
        "the deployments are being changed by {}; gave up after {} s", holder.as_deref().unwrap_or("another program"), waited.as_secs()
    )]
    Busy {
        /// Who holds libostree's sysroot lock, where the system tells.
        holder: Option<String>,
        /// How long we waited.
        waited: Duration,
    },
    /// There is no sysroot here.
    #[error(
        "this is not the root of an ostree host (it has no ostree/repo); --sysroot names another one, `host init` makes it one"
    )]
    NotAHost,
    /// Only root changes deployments.
    #[error("changing what is deployed takes root's rights; run it as root")]
    NeedsRoot {
        /// libostree's message.
        #[source]
        source: ostree::glib::Error,
    },
    /// libostree reads all deployments or none, and one of them it cannot.
    #[error(
        "libostree cannot read the deployments: {}; bring back what is missing, or remove that boot entry from boot/loader/entries", broken.join(", ")
    )]
    Unreadable {
        /// What we see of it: entries that lead nowhere, deployments without a directory.
        broken: Vec<String>,
        /// libostree's message.
        #[source]
        source: ostree::glib::Error,
    },
    /// A pin is a line of the origin file.
    #[error(
        "deployment {wanted} has no origin file that can be read ({file}), where a pin is written"
    )]
    NoOrigin {
        /// What was asked for.
        wanted: String,
        /// The file, from the physical root.
        file: String,
    },
    /// No such stateroot.
    #[error(
        "there is no stateroot {name}: {}; `host init --stateroot {name}` makes it",
        known_stateroots(known)
    )]
    NoStateroot {
        /// The one asked for.
        name: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// A name that cannot be a stateroot's.
    #[error("{name:?} cannot name a stateroot: give letters, digits, '.', '_' and '-'")]
    BadStateroot {
        /// What was asked for.
        name: String,
    },
    /// Nothing is deployed that could be upgraded, switched or rolled back.
    #[error("nothing is deployed in stateroot {stateroot}: `host deploy` makes a first deployment")]
    NothingDeployed {
        /// The stateroot.
        stateroot: String,
    },
    /// The deployment did not come from a container image.
    #[error(
        "deployment {deployment} does not say which image it came from (its origin has {found}); `host switch REFERENCE` says where upgrades come from"
    )]
    NoImage {
        /// The deployment.
        deployment: String,
        /// What the origin has in place of an image.
        found: String,
    },
    /// rpm-ostree layered packages on the deployment, which we would lose.
    #[error(
        "deployment {deployment} has changes by rpm-ostree ({groups}), which a new deployment would lose; undo them first (rpm-ostree reset)"
    )]
    LocalChanges {
        /// The deployment.
        deployment: String,
        /// Groups of its origin file.
        groups: String,
    },
    /// What runs has no place among the deployments.
    #[error("the running system is none of this sysroot's deployments")]
    NotBooted,
    /// Nothing is there to go back to.
    #[error("there is no other deployment of stateroot {stateroot} to go back to")]
    NoRollback {
        /// The stateroot.
        stateroot: String,
    },
    /// Nothing is staged.
    #[error(
        "nothing has been downloaded that waits to be applied; `host upgrade --download-only` does that"
    )]
    NothingStaged,
    /// No such deployment.
    #[error("there is no deployment {wanted}: {}", known_deployments(*count))]
    NoSuchDeployment {
        /// What was asked for.
        wanted: usize,
        /// How many there are.
        count: usize,
    },
    /// No deployment has this part.
    #[error("no deployment is {role} here; `host status` shows which there are")]
    NoSuchRole {
        /// What was asked for: booted, staged, rollback.
        role: String,
    },
    /// What runs stays.
    #[error("deployment {wanted} is what runs now; boot another one, then remove it")]
    IsBooted {
        /// What was asked for.
        wanted: String,
    },
    /// A pinned deployment is not removed by accident.
    #[error("deployment {wanted} is pinned; `host unpin {wanted}` first")]
    IsPinned {
        /// What was asked for.
        wanted: String,
    },
    /// A staged deployment cannot be pinned.
    #[error("deployment {wanted} is staged and can be pinned once it has been booted")]
    IsStaged {
        /// What was asked for.
        wanted: String,
    },
    /// The image cannot boot.
    #[error("image {image} cannot be deployed: {reason}")]
    NotDeployable {
        /// The image.
        image: String,
        /// What is missing or wrong.
        reason: String,
    },
    /// `/boot` is too small.
    #[error(
        "/boot has {available_bytes} bytes free, the kernel of image {image} needs {needed_bytes}; remove what is left over (`host prune`), a deployment with another kernel (`host undeploy`) or a file of your own there"
    )]
    BootSpace {
        /// The image.
        image: String,
        /// What the kernel, the initramfs and the device tree take.
        needed_bytes: u64,
        /// What is free. What deployments that will go take there is freed only after the new one is written.
        available_bytes: u64,
    },
    /// The image's kernel arguments cannot be used.
    #[error("the kernel arguments of {image}")]
    KernelArguments {
        /// The image.
        image: String,
        /// What is wrong, with the file.
        #[source]
        source: Box<super::kargs::Error>,
    },
    /// The policy has no answer for a path of `/etc`.
    #[error("no label for {path}")]
    Label {
        /// The path on the host.
        path: String,
        /// What the policy says.
        #[source]
        source: ostree_layer::LabelError,
    },
    /// libostree calls bubblewrap to set up the policy of a deployment that takes over another one's `/etc`.
    #[error(
        "libostree needs the program bwrap to finish a deployment with an SELinux policy; install the package bubblewrap"
    )]
    NoBubblewrap {
        /// libostree's message.
        #[source]
        source: ostree::glib::Error,
    },
    /// An origin file would not be read back.
    #[error("the origin of deployment {deployment}")]
    Origin {
        /// The deployment.
        deployment: String,
        /// What is wrong, with the line.
        #[source]
        source: ostree_origin::Error,
    },
    /// A reference that cannot stand in an origin file.
    #[error("reference {reference} cannot be written to an origin file")]
    Reference {
        /// The reference.
        reference: String,
        /// Why not.
        #[source]
        source: ostree_origin::Error,
    },
    /// The order of deployments changed while we looked.
    #[error("the deployments were changed by another program meanwhile; try again")]
    Changed,
}

impl From<HostError> for Error {
    fn from(error: HostError) -> Self {
        Self::Host(Box::new(error))
    }
}

fn known_stateroots(known: &[String]) -> String {
    if known.is_empty() {
        "there is none yet".to_owned()
    } else {
        format!("there is {}", known.join(", "))
    }
}

fn known_deployments(count: usize) -> String {
    match count {
        0 => "nothing is deployed; `host deploy` makes a first deployment".to_owned(),
        1 => "there is only 0".to_owned(),
        _ => format!("`host status` numbers them from 0 to {}", count - 1),
    }
}

impl HostError {
    /// What a caller would do about it.
    #[must_use]
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Kind::Denied,
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Kind::NoSpace,
                _ => Kind::Io,
            },
            Self::Busy { .. } | Self::Changed => Kind::Busy,
            Self::BadStagedRecord | Self::Unreadable { .. } | Self::NoOrigin { .. } => {
                Kind::Corrupt
            }
            Self::NoStateroot { .. }
            | Self::NothingDeployed { .. }
            | Self::NoRollback { .. }
            | Self::NothingStaged
            | Self::NotAHost
            | Self::NoSuchDeployment { .. }
            | Self::NoSuchRole { .. } => Kind::NotFound,
            Self::NeedsRoot { .. } => Kind::Denied,
            Self::BootSpace { .. } => Kind::NoSpace,
            Self::NoBubblewrap { .. } => Kind::Tool,
            Self::BadStateroot { .. }
            | Self::NoImage { .. }
            | Self::LocalChanges { .. }
            | Self::NotBooted
            | Self::IsBooted { .. }
            | Self::IsPinned { .. }
            | Self::IsStaged { .. }
            | Self::NotDeployable { .. }
            | Self::KernelArguments { .. }
            | Self::Origin { .. }
            | Self::Label { .. }
            | Self::Reference { .. } => Kind::Invalid,
        }
    }
}
