//! Packages of a newer Debian, in a folder of the cache: nothing of them is installed.

use crate::image::recipe::{Source, proxy};
use crate::run::Run;
use crate::setup::cache;
use anyhow::{Context as _, Result};
use std::fs;
use std::path::Path;

/// What is wanted, as mmdebstrap(1) has it.
#[derive(Debug)]
pub(crate) struct Packages {
    pub(crate) suite: &'static str,
    /// `extract` unpacks them alone, `minbase` makes a root file system with them.
    pub(crate) variant: &'static str,
    pub(crate) include: &'static str,
    /// Further options of mmdebstrap.
    pub(crate) options: &'static [&'static str],
}

impl Packages {
    /// What decides the result, apart from what Debian has at the time.
    pub(crate) fn text(&self) -> String {
        format!(
            "{} {} {}\n{}",
            self.suite,
            self.variant,
            self.include,
            self.options.join("\n")
        )
    }

    /// Makes `folder`, which is there when all of it is.
    pub(crate) fn put_into(&self, folder: &Path) -> Result<()> {
        let source = Source::find(None, None)?;
        let unfinished = folder.with_extension("new");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        fs::create_dir_all(cache())?;
        let mut command = Run::new("mmdebstrap")
            .arg(format!("--variant={}", self.variant))
            .args([
                "--format=directory",
                "--components=main",
                "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg",
                "--aptopt=Acquire::Languages \"none\"",
                // Some mirrors stand still. What they have is signed all the same.
                "--aptopt=Acquire::Check-Valid-Until \"false\"",
            ]);
        if let Some(proxy) = proxy() {
            command = command.arg(format!("--aptopt=Acquire::http::Proxy \"{proxy}\""));
        }
        command
            .args(self.options)
            .arg(format!("--include={}", self.include))
            .arg(self.suite)
            .arg(&unfinished)
            .arg(&source.mirror)
            .run()?;
        fs::rename(&unfinished, folder).context("putting the packages into place")
    }
}
