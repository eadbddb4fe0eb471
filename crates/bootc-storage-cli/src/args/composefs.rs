//! `composefs …` as typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use oci_manifest::ImageReference;
use ostree_flatten::composefs;
use ostree_objects::Checksum;

use super::parse_name;

#[derive(Debug, Args)]
pub(crate) struct ComposefsCommand {
    #[command(subcommand)]
    pub(crate) verb: ComposefsVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ComposefsVerb {
    /// Write the composefs image of an image's tree, as libostree makes it, or of a dump
    Build(BuildArgs),
    /// Print the fs-verity digest of an image's composefs image, or of a file
    Digest(TreeOrFileArgs),
    /// Print a composefs image as text, one line a file (format: composefs-dump(5))
    Dump(TreeOrFileArgs),
    /// Mount an image's tree, read-only: file contents are the repository's objects. Needs root
    Mount(MountArgs),
    /// Check a composefs image, or that of a deployment's directory against the deployment's commit
    Check(PathArgs),
}

/// A tree of the repository.
#[derive(Debug, Clone)]
pub(crate) enum TreeName {
    Image(ImageReference),
    Commit(Checksum),
}

pub(crate) const TREE_HELP: &str =
    "A stored image, as `image list` shows it, or the checksum of a commit of the repository";

#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    #[arg(
        value_name = "IMAGE|COMMIT",
        value_parser = parse_tree,
        required_unless_present = "from_dump",
        help = TREE_HELP
    )]
    pub(crate) tree: Option<TreeName>,
    /// Build from a dump, as `composefs dump` prints it; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "tree")]
    pub(crate) from_dump: Option<PathBuf>,
    /// Lowest version of the format
    #[arg(long, value_name = "N", requires = "from_dump", value_parser = parse_format)]
    pub(crate) min_version: Option<composefs::Format>,
    /// Highest version of the format, used where the tree needs it
    #[arg(long, value_name = "N", requires = "from_dump", value_parser = parse_format)]
    pub(crate) max_version: Option<composefs::Format>,
    /// The file to write; one that is there is replaced
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Enable fs-verity on the file, so that Linux knows its digest and keeps it as it is
    #[arg(long)]
    pub(crate) verity: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TreeOrFileArgs {
    /// A file, if there is one of that name; else a stored image, as `image list` shows it, or the checksum of a commit
    #[arg(value_name = "IMAGE|COMMIT|FILE")]
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct MountArgs {
    #[arg(value_name = "IMAGE|COMMIT", value_parser = parse_tree, help = TREE_HELP)]
    pub(crate) tree: TreeName,
    /// Where; `umount DIR` ends it
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// Have each file that is read verified; all objects must have fs-verity
    #[arg(long)]
    pub(crate) verity: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PathArgs {
    /// A composefs image, or the directory of a deployment, whose commit the repository has
    #[arg(value_name = "FILE|DIR")]
    pub(crate) path: PathBuf,
}

/// A commit, or else an image.
pub(crate) fn parse_tree(text: &str) -> Result<TreeName, String> {
    match text.parse() {
        Ok(commit) => Ok(TreeName::Commit(commit)),
        Err(_) => parse_name(text).map(TreeName::Image),
    }
}

fn parse_format(text: &str) -> Result<composefs::Format, String> {
    let format = text.parse().ok().and_then(composefs::Format::from_number);
    format.ok_or_else(|| "the versions are 0 and 1".to_owned())
}
