//! `host`: what is deployed on a machine.

use bootc_storage::host::{Bootloader, Stateroot, Which};
use clap::{Args, Subcommand, ValueEnum};
use oci_manifest::{OstreeImageReference, SignatureSource, Transport};

use super::bound::BoundSourceArgs;
use super::{REFERENCE_HELP, SourceArgs, parse_reference};

#[derive(Debug, Args)]
pub(crate) struct HostCommand {
    #[command(subcommand)]
    pub(crate) verb: HostVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HostVerb {
    /// Show what runs, what boots next, and what can be gone back to
    Status(StatusArgs),
    /// Make a mounted file system the root of an ostree host: repository, /boot, stateroot
    Init(InitArgs),
    /// Pull an image and make a deployment of it: the first, or another one
    Deploy(Box<DeployArgs>),
    /// Pull what is new of the deployed image and deploy it
    #[command(alias = "update")]
    Upgrade(Box<UpgradeArgs>),
    /// Follow another image from now on
    Switch(Box<SwitchArgs>),
    /// Boot the deployment before this one, or undo that
    Rollback(RollbackArgs),
    /// Keep a deployment whatever is deployed later
    Pin(WhichArgs),
    /// Let a pinned deployment go when newer ones come
    Unpin(WhichArgs),
    /// Take a deployment out of the boot order and remove it
    Undeploy(WhichArgs),
    /// Remove what no deployment needs: left-over files, layers, objects
    Prune(HostPruneArgs),
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Tell all that is known of each deployment
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// Exit with 77 when a deployment waits for the next boot
    #[arg(long)]
    pub(crate) pending_exit_77: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The stateroot: whose /etc and /var deployments have
    #[arg(long, value_name = "NAME", default_value_t, value_parser = parse_stateroot)]
    pub(crate) stateroot: Stateroot,
    /// Which boot loader's configuration libostree writes [default for a new repository: none, which is for boot
    /// loaders that read /boot/loader/entries]
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) bootloader: Option<BootloaderArg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BootloaderArg {
    None,
    Auto,
    Grub2,
    Syslinux,
    Zipl,
    Aboot,
}

impl From<BootloaderArg> for Bootloader {
    fn from(bootloader: BootloaderArg) -> Self {
        match bootloader {
            BootloaderArg::None => Self::None,
            BootloaderArg::Auto => Self::Auto,
            BootloaderArg::Grub2 => Self::Grub2,
            BootloaderArg::Syslinux => Self::Syslinux,
            BootloaderArg::Zipl => Self::Zipl,
            BootloaderArg::Aboot => Self::Aboot,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct DeployArgs {
    #[arg(value_name = "REFERENCE", value_parser = parse_reference, help = REFERENCE_HELP)]
    pub(crate) reference: OstreeImageReference,
    /// Where upgrades come from, when that is not REFERENCE
    #[arg(long, alias = "target-imgref", value_name = "REFERENCE", value_parser = parse_reference)]
    pub(crate) target: Option<OstreeImageReference>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// A kernel argument beside those of the image and of the deployment before; may be given several times
    #[arg(long = "karg", value_name = "ARGUMENT")]
    pub(crate) kernel_arguments: Vec<String>,
    #[command(flatten)]
    pub(crate) bound: BoundSourceArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

/// Where a deployment goes.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// The stateroot [default: that of what runs or boots first, else default]
    #[arg(long, value_name = "NAME", value_parser = parse_stateroot)]
    pub(crate) stateroot: Option<Stateroot>,
}

#[derive(Debug, Args)]
pub(crate) struct UpgradeArgs {
    /// Only say whether there is something new
    #[arg(long, conflicts_with_all = ["download_only", "from_downloaded", "apply"])]
    pub(crate) check: bool,
    /// Pull and stage, but let nothing change at the next boot before --from-downloaded says so
    #[arg(long, conflicts_with_all = ["from_downloaded", "apply"])]
    pub(crate) download_only: bool,
    /// Use what --download-only brought; nothing is fetched
    #[arg(long)]
    pub(crate) from_downloaded: bool,
    #[command(flatten)]
    pub(crate) after: AfterArgs,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) bound: BoundSourceArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

/// What follows when something changed, or nothing did.
#[derive(Debug, Args)]
pub(crate) struct AfterArgs {
    /// Reboot when something changed
    #[arg(long)]
    pub(crate) apply: bool,
    /// Exit with 77 when nothing changed
    #[arg(long)]
    pub(crate) unchanged_exit_77: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SwitchArgs {
    /// The image to follow: as for `image pull`, or a name for --transport
    #[arg(value_name = "REFERENCE")]
    pub(crate) reference: String,
    /// REFERENCE is a name for this transport: registry, oci, oci-archive, containers-storage, …
    #[arg(long, value_name = "NAME")]
    pub(crate) transport: Option<Transport>,
    /// Let the containers policy decide about the image now and at each upgrade
    #[arg(long, conflicts_with = "ostree_remote")]
    pub(crate) enforce_container_sigpolicy: bool,
    /// Let the keys of this ostree remote vouch for the image's base commit
    #[arg(long, value_name = "REMOTE")]
    pub(crate) ostree_remote: Option<String>,
    /// Keep the image that was followed so far, even when no deployment has it any more
    #[arg(long)]
    pub(crate) retain: bool,
    #[command(flatten)]
    pub(crate) after: AfterArgs,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) bound: BoundSourceArgs,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

impl SwitchArgs {
    /// The image, with who vouches for it as the options say.
    pub(crate) fn target(&self) -> Result<OstreeImageReference, oci_manifest::Error> {
        let typed = match self.transport {
            None => self.reference.clone(),
            Some(transport) => format!("{}{}", transport.prefix(), self.reference),
        };
        let mut target = OstreeImageReference::parse_lenient(&typed)?;
        if self.enforce_container_sigpolicy {
            target.sigverify = SignatureSource::ContainerPolicy;
        } else if let Some(remote) = &self.ostree_remote {
            target.sigverify = SignatureSource::OstreeRemote(remote.clone());
        }
        Ok(target)
    }
}

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// Keep a staged deployment: it becomes one that can be booted, behind the one gone back to
    #[arg(long)]
    pub(crate) keep_staged: bool,
    /// Reboot afterwards
    #[arg(long)]
    pub(crate) apply: bool,
    /// Say what would happen and change nothing
    #[arg(long, conflicts_with = "apply")]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WhichArgs {
    /// Its number in `host status`, or booted, staged, rollback
    #[arg(value_name = "DEPLOYMENT", value_parser = parse_which)]
    pub(crate) which: Which,
}

#[derive(Debug, Args)]
pub(crate) struct HostPruneArgs {
    /// Say what would go and what stays for which reason, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Remove also stored images that no deployment takes upgrades from
    #[arg(long)]
    pub(crate) unused_images: bool,
}

fn parse_stateroot(text: &str) -> Result<Stateroot, String> {
    text.parse()
        .map_err(|_| "a stateroot's name has letters, digits, '.', '_' and '-'".to_owned())
}

pub(super) fn parse_which(text: &str) -> Result<Which, String> {
    match text {
        "booted" => Ok(Which::Booted),
        "staged" => Ok(Which::Staged),
        "rollback" => Ok(Which::Rollback),
        number => match number.parse() {
            Ok(index) => Ok(Which::Index(index)),
            Err(_) => {
                Err("give its number in `host status`, or booted, staged, rollback".to_owned())
            }
        },
    }
}
