//! The SELinux labels of a tree on disk, held against what libselinux itself says of each path (matchpathcon(8)).

use crate::run::Run;
use anyhow::{Context as _, Result, bail, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

/// Where a deployment's policy is.
const POLICY: &str = "usr/etc/selinux";

/// Paths given to one call.
const AT_ONCE: usize = 4000;

const SHOWN: usize = 20;

/// Paths of one type, each with its label.
type Labels = BTreeMap<&'static str, Vec<(String, String)>>;

/// Checks every path of `root`; how many there are. A tree without a policy has none to check.
pub(crate) fn hold(root: &Path) -> Result<usize> {
    let Some(rules) = rules(root)? else {
        return Ok(0);
    };
    let mut labels = Labels::new();
    collect(root, "", &mut labels)?;
    let mut wrong = 0;
    for (kind, paths) in &labels {
        for part in paths.chunks(AT_ONCE) {
            wrong += compare(&rules, kind, part)?;
        }
    }
    ensure!(
        wrong == 0,
        "{wrong} labels in {} are not libselinux's",
        root.display()
    );
    Ok(labels.values().map(Vec::len).sum())
}

/// The policy's `file_contexts`.
fn rules(root: &Path) -> Result<Option<PathBuf>> {
    let Ok(config) = fs::read_to_string(root.join(POLICY).join("config")) else {
        return Ok(None);
    };
    let name = config
        .lines()
        .find_map(|line| line.strip_prefix("SELINUXTYPE="))
        .context("the policy's config names none")?;
    let rules = root.join(POLICY).join(name.trim());
    Ok(Some(rules.join("contexts/files/file_contexts")))
}

fn collect(root: &Path, below: &str, labels: &mut Labels) -> Result<()> {
    let path = root.join(below);
    let kind = path.symlink_metadata()?.file_type();
    let mode = if kind.is_dir() {
        "dir"
    } else if kind.is_symlink() {
        "lnk_file"
    } else if kind.is_file() {
        "file"
    } else {
        bail!(
            "{}: a {} in a checkout",
            path.display(),
            if kind.is_fifo() { "FIFO" } else { "device" }
        );
    };
    ensure!(
        !below.contains('\n'),
        "{below:?} cannot be given to matchpathcon"
    );
    let mut value = vec![0; 4096];
    let label = match rustix::fs::lgetxattr(&path, "security.selinux", &mut value) {
        Ok(length) => String::from_utf8_lossy(&value[..length])
            .trim_end_matches('\0')
            .to_owned(),
        Err(rustix::io::Errno::NODATA) => "<<none>>".to_owned(),
        Err(error) => return Err(error.into()),
    };
    let of_kind = labels.entry(mode).or_default();
    of_kind.push((format!("/{below}"), label));
    if kind.is_dir() {
        for entry in fs::read_dir(&path)? {
            let name = entry?.file_name();
            let name = name.to_str().context("a name that is no text")?;
            let below = if below.is_empty() {
                name.to_owned()
            } else {
                format!("{below}/{name}")
            };
            collect(root, &below, labels)?;
        }
    }
    Ok(())
}

/// How many of these labels libselinux does not give.
fn compare(rules: &Path, kind: &str, paths: &[(String, String)]) -> Result<usize> {
    let asked = paths.iter().map(|(path, _)| match path.as_str() {
        // As libostree asks.
        "/proc" => "/mnt",
        path => path,
    });
    let said = Run::new("matchpathcon")
        .args(["-n", "-N", "-m", kind, "-f"])
        .arg(rules)
        .args(asked)
        .read()?;
    let said: Vec<&str> = said.lines().collect();
    ensure!(
        said.len() == paths.len(),
        "matchpathcon answered {} of {} paths",
        said.len(),
        paths.len()
    );
    let mut wrong = 0;
    for ((path, label), said) in paths.iter().zip(said) {
        if label != said {
            wrong += 1;
            if wrong <= SHOWN {
                println!("  {path} ({kind}): {label}, libselinux says {said}");
            }
        }
    }
    Ok(wrong)
}
