//! The command line as typed.

mod bound;
mod composefs;
mod engine;
mod host;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use oci_manifest::{ImageReference, OstreeImageReference, Platform};

pub(crate) use bound::{
    BoundCommand, BoundListArgs, BoundPlanArgs, BoundPruneArgs, BoundPullArgs, BoundSourceArgs,
    BoundVerb, BoundVerifyArgs,
};
pub(crate) use composefs::{
    BuildArgs, ComposefsCommand, ComposefsVerb, MountArgs, PathArgs, TREE_HELP, TreeName,
    TreeOrFileArgs, parse_tree,
};
pub(crate) use engine::EngineArgs;
pub(crate) use host::{
    AfterArgs, DeployArgs, HostCommand, HostPruneArgs, HostVerb, InitArgs, PlaceArgs, RollbackArgs,
    StatusArgs, SwitchArgs, UpgradeArgs, WhichArgs,
};

/// Container images in an ostree repository.
#[derive(Debug, Parser)]
#[command(name = "bootc-storage", version, about = "Container images in an ostree repository", after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Kept equal with `exit.rs` by a test.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed otherwise
  2  wrong usage
  3  not found: the image, its tag, a file, the repository
  4  not verified: digest, signature or policy
  5  stored content is damaged
  6  no space
  7  network or registry: worth another try
  8  the repository is in use by another program
  9  a program that is needed is missing, or failed
  10 access denied
  77 nothing changed; only with `image pull --unchanged-exit-77`

Try: bootc-storage image pull --repo ~/os quay.io/fedora/fedora-bootc:latest";

/// Options that stand before or after the verb.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The ostree repository (pull creates it when it is missing)
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        conflicts_with = "sysroot",
        help_heading = "Global options"
    )]
    pub(crate) repo: Option<PathBuf>,
    /// The physical root of a host; its repository is PATH/ostree/repo [default: /]
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        help_heading = "Global options"
    )]
    pub(crate) sysroot: Option<PathBuf>,
    /// How results are printed
    #[arg(long, global = true, value_enum, default_value_t = Format::Human, help_heading = "Global options")]
    pub(crate) format: Format,
    /// The same as --format json
    #[arg(
        long,
        global = true,
        conflicts_with = "format",
        help_heading = "Global options"
    )]
    pub(crate) json: bool,
    /// Print results and errors only, no progress and no warnings
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,
    /// Seconds to wait for another program that holds the repository
    #[arg(long, global = true, value_name = "SECONDS", default_value = "300", value_parser = seconds, allow_negative_numbers = true, help_heading = "Global options")]
    pub(crate) lock_timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Human,
    Json,
    Yaml,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Images in the repository
    Image(ImageCommand),
    /// Deployments of a host
    Host(HostCommand),
    /// SELinux labels of stored images
    Selinux(SelinuxCommand),
    /// composefs images of stored trees
    Composefs(ComposefsCommand),
    /// Application images that deployments are bound to
    Bound(BoundCommand),
}

#[derive(Debug, Args)]
pub(crate) struct SelinuxCommand {
    #[command(subcommand)]
    pub(crate) verb: SelinuxVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SelinuxVerb {
    /// Hold every label of an image against the image's own policy
    Check(LabelCheckArgs),
    /// Show which label paths get, and from which rule of which file
    Lookup(LookupArgs),
}

#[derive(Debug, Args)]
pub(crate) struct LookupArgs {
    /// A stored image, as `image list` shows it
    #[arg(value_name = "IMAGE", value_parser = parse_name)]
    pub(crate) image: ImageReference,
    /// Paths from the root, as they are on a running host: /etc/passwd; links of directories are followed as the image has
    /// them
    #[arg(value_name = "PATH", required = true, value_parser = parse_path)]
    pub(crate) paths: Vec<String>,
    /// What a path is that the image does not have [default: file, or directory with a slash at the end]
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    pub(crate) file_type: Option<TypeArg>,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LabelCheckArgs {
    #[command(flatten)]
    pub(crate) name: NameArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
}

/// The types that a policy tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TypeArg {
    File,
    Directory,
    Symlink,
    CharDevice,
    BlockDevice,
    Fifo,
    Socket,
}

#[derive(Debug, Args)]
pub(crate) struct ImageCommand {
    #[command(subcommand)]
    pub(crate) verb: ImageVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImageVerb {
    /// Bring an image into the repository, or up to date
    Pull(Box<PullArgs>),
    /// List stored images
    #[command(alias = "ls")]
    List,
    /// Show all that is stored about an image
    Inspect(NameArgs),
    /// Show how an image was built
    History(NameArgs),
    /// Remove images, and the layers and objects that nothing needs any more
    #[command(alias = "rm")]
    Remove(RemoveArgs),
    /// Remove layers and objects that no image and no deployment needs
    Prune(PruneArgs),
    /// Read everything an image consists of and compare it with its checksums
    #[command(alias = "fsck")]
    Check(CheckArgs),
    /// Make a directory of an image's files: hard links to the repository's objects where that is possible
    Checkout(CheckoutArgs),
}

const REFERENCE_HELP: &str = "\
The image: quay.io/os/image:tag, docker://…, oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE, dir:DIR, \
containers-storage:IMAGE, docker-daemon:IMAGE, or one of these behind ostree-unverified-image:, ostree-image-signed:, \
ostree-remote-image:REMOTE:";

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub(crate) struct PullArgs {
    #[arg(value_name = "REFERENCE", value_parser = parse_reference, help = REFERENCE_HELP)]
    pub(crate) reference: OstreeImageReference,
    /// Only say whether there is something new
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) check: bool,
    /// Print the plan, layer by layer, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Exit with 77 when nothing is new
    #[arg(long)]
    pub(crate) unchanged_exit_77: bool,
    /// Whose merge rules hold; "ostree-ext" gives the same tree as that program
    #[arg(long, value_enum, default_value_t = CompatArg::None)]
    pub(crate) compat: CompatArg,
    /// Give files no SELinux labels, for hosts that run without; a base keeps those that it has
    #[arg(long, conflicts_with = "selinux_engine")]
    pub(crate) disable_selinux: bool,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    /// Do not name the composefs image in the merge commit, for hosts that do not verify what they boot: less CPU time
    #[arg(long)]
    pub(crate) no_composefs_digest: bool,
    /// How many layers are fetched and imported at once [default: by processors, 4 to 8]
    #[arg(long, short, value_name = "N", value_parser = from_one, allow_negative_numbers = true)]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// The mode of a repository that is created: bare-user needs no root, bare is what hosts have, archive is for
    /// serving [default: bare-user]
    #[arg(long, value_enum, value_name = "MODE")]
    pub(crate) repo_mode: Option<ModeArg>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

/// How the image's source is opened.
#[derive(Debug, Args)]
#[command(next_help_heading = "Source options")]
pub(crate) struct SourceArgs {
    /// Which image of an index to take, as os/architecture[/variant] [default: this machine's]
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) platform: Option<Platform>,
    /// Credentials (format: containers-auth.json(5))
    #[arg(long, value_name = "FILE")]
    pub(crate) authfile: Option<PathBuf>,
    /// Use no credentials
    #[arg(long, conflicts_with = "authfile")]
    pub(crate) auth_anonymous: bool,
    /// Certificates for the registry (format: containers-certs.d(5))
    #[arg(long, value_name = "DIR")]
    pub(crate) cert_dir: Option<PathBuf>,
    /// Accept plain HTTP and any certificate
    #[arg(long)]
    pub(crate) insecure_skip_tls_verification: bool,
    /// The containers policy that ostree-image-signed: enforces
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// How often a failed transfer is tried again
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = from_zero, allow_negative_numbers = true)]
    pub(crate) retries: u32,
    /// Seconds without a byte after which a transfer has stalled
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds_from_one, allow_negative_numbers = true)]
    pub(crate) stall_timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompatArg {
    None,
    OstreeExt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeArg {
    Bare,
    BareUser,
    Archive,
}

#[derive(Debug, Args)]
pub(crate) struct NameArgs {
    /// A stored image, as `image list` shows it
    #[arg(value_name = "IMAGE", value_parser = parse_name)]
    pub(crate) image: ImageReference,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// Stored images, as `image list` shows them
    #[arg(value_name = "IMAGE", required = true, value_parser = parse_name)]
    pub(crate) images: Vec<ImageReference>,
    /// Say what would go and what stays for which reason, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    /// Say what would go and what stays for which reason, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Stored images [default: all]
    #[arg(value_name = "IMAGE", value_parser = parse_name)]
    pub(crate) images: Vec<ImageReference>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckoutArgs {
    #[arg(value_name = "IMAGE|COMMIT", value_parser = parse_tree, help = TREE_HELP)]
    pub(crate) tree: TreeName,
    /// The directory to make
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
}

/// What is wrong with a name, without the name: clap quotes it.
fn parse_reference(text: &str) -> Result<OstreeImageReference, String> {
    OstreeImageReference::parse_lenient(text).map_err(|error| match error {
        oci_manifest::Error::InvalidName { reason, .. } => reason.to_owned(),
        other => other.to_string(),
    })
}

/// A stored image has no signature source; one that was typed is ignored.
fn parse_name(text: &str) -> Result<ImageReference, String> {
    parse_reference(text).map(|reference| reference.imgref)
}

/// A policy knows no other names for a path than its own.
fn parse_path(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("give a path".to_owned());
    }
    if text.split('/').any(|name| matches!(name, "." | "..")) {
        return Err("give the path itself, without . and ..".to_owned());
    }
    Ok(text.to_owned())
}

impl From<ModeArg> for ostree_objects::RepoMode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Bare => Self::Bare,
            ModeArg::BareUser => Self::BareUser,
            ModeArg::Archive => Self::Archive,
        }
    }
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    match text.parse() {
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(_) => Err("give whole seconds"),
    }
}

/// Without any patience nothing would ever arrive.
fn seconds_from_one(text: &str) -> Result<Duration, &'static str> {
    match seconds(text) {
        Ok(Duration::ZERO) | Err(_) => Err("give whole seconds, from 1"),
        seconds => seconds,
    }
}

fn from_one(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().map_err(|_| "give a whole number from 1")
}

fn from_zero(text: &str) -> Result<u32, &'static str> {
    text.parse().map_err(|_| "give a whole number, 0 for none")
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_wrong_name_is_quoted_once() {
        let error = Cli::try_parse_from(["bootc-storage", "image", "pull", "ocii:/tmp/x:v1"]);
        let text = error.unwrap_err().to_string();
        assert_eq!(text.matches("ocii:/tmp/x:v1").count(), 1, "{text}");
    }
}
