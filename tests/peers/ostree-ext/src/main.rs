//! The command line of the crate ostree-ext as a program: the peer of the interop tests.

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    runtime.block_on(ostree_ext::cli::run_from_iter(std::env::args_os()))
}
