//! `bound`: application images that deployments are bound to.

use std::path::PathBuf;

use bootc_storage::host::Which;
use bootc_storage::host::bound::BoundSource;
use clap::{Args, Subcommand};

use super::SourceArgs;
use super::host::parse_which;

#[derive(Debug, Args)]
pub(crate) struct BoundCommand {
    #[command(subcommand)]
    pub(crate) verb: BoundVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BoundVerb {
    /// Show which images deployments are bound to, and what of them is there (as root)
    #[command(alias = "ls")]
    List(BoundListArgs),
    /// Compare what a deployment is bound to with what is there and with what registries have
    Plan(Box<BoundPlanArgs>),
    /// Pull what is missing
    Pull(Box<BoundPullArgs>),
    /// See that everything is there that deployments were made with
    Verify(BoundVerifyArgs),
    /// Remove images that no deployment is bound to
    Prune(BoundPruneArgs),
}

/// Whose declarations.
#[derive(Debug, Args)]
pub(crate) struct TreeArgs {
    /// A deployment: its number in `host status`, or booted, staged, rollback
    #[arg(long, value_name = "DEPLOYMENT", value_parser = parse_which)]
    pub(crate) deployment: Option<Which>,
    /// A directory with an operating system
    #[arg(long, value_name = "DIR", conflicts_with = "deployment")]
    pub(crate) root: Option<PathBuf>,
}

/// Where bound images come from.
#[derive(Debug, Args)]
pub(crate) struct BoundSourceArgs {
    /// Where bound images are taken from, the first that has one: beside (the oci: or oci-archive: that the host's own
    /// image is read from), registry, containers-storage (podman's own), oci:DIR, oci-archive:FILE [default:
    /// beside,registry; for a host's image from containers-storage: containers-storage,registry]
    #[arg(long = "bound-from", value_name = "SOURCE,…", value_delimiter = ',')]
    pub(crate) bound_from: Vec<BoundSource>,
}

impl BoundSourceArgs {
    /// The sources, if any are named.
    pub(crate) fn named(&self) -> Option<Vec<BoundSource>> {
        (!self.bound_from.is_empty()).then(|| self.bound_from.clone())
    }
}

#[derive(Debug, Args)]
pub(crate) struct BoundListArgs {
    #[command(flatten)]
    pub(crate) tree: TreeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BoundPlanArgs {
    #[command(flatten)]
    pub(crate) tree: TreeArgs,
    #[command(flatten)]
    pub(crate) sources: BoundSourceArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BoundPullArgs {
    #[command(flatten)]
    pub(crate) tree: TreeArgs,
    #[command(flatten)]
    pub(crate) sources: BoundSourceArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BoundVerifyArgs {
    /// A deployment: its number in `host status`, or booted, staged, rollback [default: all]
    #[arg(long, value_name = "DEPLOYMENT", value_parser = parse_which)]
    pub(crate) deployment: Option<Which>,
    /// A directory with an operating system
    #[arg(long, value_name = "DIR", conflicts_with = "deployment")]
    pub(crate) root: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct BoundPruneArgs {
    /// Say what would go and what stays for which reason, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
