//! The rules of this repository that no other tool knows. All faults are listed, not the first.

mod crates;
mod files;
mod invariants;
mod metadata;

use anyhow::{Context as _, Result, bail};
pub(crate) use metadata::Metadata;
use std::path::PathBuf;

/// What tidy found: faults fail, remarks do not.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    faults: Vec<String>,
    remarks: Vec<String>,
}

impl Findings {
    fn fault(&mut self, text: impl Into<String>) {
        self.faults.push(text.into());
    }

    fn remark(&mut self, text: impl Into<String>) {
        self.remarks.push(text.into());
    }
}

/// Checks everything and prints what it found; an error if there is a fault.
pub(crate) fn run() -> Result<()> {
    let mut findings = Findings::default();
    let metadata = metadata()?;
    let files = files::list()?;
    crates::check(&metadata, &mut findings);
    files::check(&files, &mut findings)?;
    invariants::check(&files, &mut findings)?;
    for remark in &findings.remarks {
        println!("remark: {remark}");
    }
    for fault in &findings.faults {
        println!("fault: {fault}");
    }
    match findings.faults.len() {
        0 => println!(
            "tidy: {} files, {} crates, no fault",
            files.len(),
            metadata.own().count()
        ),
        count => bail!("{count} faults"),
    }
    Ok(())
}

/// What cargo knows of the workspace.
pub(crate) fn metadata() -> Result<Metadata> {
    let command = crate::setup::cargo().args(["metadata", "--format-version=1", "--locked"]);
    serde_json::from_str(&command.read()?).context("reading cargo's metadata")
}

/// The manifests of the peers, which stand outside the workspace.
pub(crate) fn peers() -> Result<Vec<PathBuf>> {
    let mut manifests: Vec<_> = files::list()?
        .into_iter()
        .filter(|path| path.starts_with("tests/peers") && path.ends_with("Cargo.toml"))
        .collect();
    manifests.sort();
    Ok(manifests)
}
