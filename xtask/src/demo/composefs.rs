//! The image that a host boots with, held against those of libostree and of libcomposefs, for a whole operating system.

use super::host::{Host, RepoMode, is_root, timed};
use crate::reference;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::Path;

impl Host {
    /// The image's composefs image is, byte for byte, the one that libostree makes of the commit and mkcomposefs of its
    /// dump, and the commit names its digest. An archive's objects are no files, so that libostree makes none of it; and the
    /// programs to compare with are unpacked as root.
    pub(crate) fn composefs(&self, reference: &str) -> Result<()> {
        if self.mode() == RepoMode::Archive || !is_root() {
            return Ok(());
        }
        let at = |name: &str| self.folder().join(name);
        let (ours, theirs, dump) = (at("ours.cfs"), at("theirs.cfs"), at("image.dump"));
        let path = |file: &Path| file.display().to_string();
        timed(&self.composefs_verb(["build", reference, "-o", &path(&ours)]))?;
        timed(&self.composefs_verb(["digest", reference]))?;
        let image = fs::read(&ours)?;

        let checkout = reference::program("ostree")?.args(["checkout", "--composefs"]);
        timed(
            &checkout
                .arg(self.option())
                .arg(self.merge_ref()?)
                .arg(&theirs),
        )?;
        same(&image, &theirs, "libostree's")?;
        fs::remove_file(&theirs)?;

        fs::write(&dump, self.composefs_verb(["dump", reference]).read()?)?;
        let mkcomposefs = reference::program("mkcomposefs")?.arg("--from-file");
        timed(&mkcomposefs.arg(&dump).arg(&theirs))?;
        same(&image, &theirs, "mkcomposefs's")?;
        for file in [ours, theirs, dump] {
            fs::remove_file(file)?;
        }
        println!(
            "  composefs: {} bytes, those of libostree and of mkcomposefs",
            image.len()
        );
        Ok(())
    }
}

fn same(ours: &[u8], theirs: &Path, whose: &str) -> Result<()> {
    let theirs = fs::read(theirs).with_context(|| format!("{whose} image"))?;
    if ours != theirs {
        bail!("the composefs image is not {whose}");
    }
    Ok(())
}
