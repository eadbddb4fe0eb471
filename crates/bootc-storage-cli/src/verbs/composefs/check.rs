//! `composefs check`.

use std::path::{Path, absolute};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use bootc_storage::composefs::{DEPLOYED_IMAGE, ImageForm};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use ostree_flatten::composefs::{FsVerityDigest, write_image};
use serde::Serialize;

use super::image_file;
use crate::args::{Global, PathArgs};
use crate::exit;
use crate::output::Output;
use crate::repository;
use crate::text::plain;

/// What `composefs check --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename = "ComposefsCheck")
)]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    /// The image that was checked.
    file: String,
    /// The deployment's commit; null for an image that is no deployment's.
    commit: Option<String>,
    /// Its fs-verity digest; null when a deployment has no image.
    digest: Option<String>,
    /// A deployment's image names the fs-verity digest of each file; null when it is not the commit's.
    file_digests: Option<bool>,
    /// What is wrong; null when nothing is.
    problem: Option<String>,
}

/// Exit code 5 when something is wrong, in either format.
pub(crate) fn run(global: &Global, args: &PathArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let path = args.path.as_path();
    let view = if path.is_dir() {
        deployment(global, path)?
    } else {
        image(path)?
    };
    output.result(&view, || view.human())?;
    Ok(if view.problem.is_none() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(exit::CORRUPT)
    })
}

/// An image is right when its tree gives its bytes again.
fn image(path: &Path) -> anyhow::Result<View> {
    let file = path.display().to_string();
    // Who names a stored image here learns what is checked.
    let bytes = std::fs::read(path)
        .with_context(|| format!("reading {file}, the file of a composefs image"))?;
    let digest = FsVerityDigest::of(&bytes);
    drop(bytes);
    let problem = match image_file(path) {
        Ok((bytes, image)) => {
            let mut again = Vec::with_capacity(bytes.len());
            write_image(&image.tree, image.format..=image.format, &mut again)?;
            (again != bytes).then(|| "its tree gives other bytes than these".to_owned())
        }
        Err(error) => Some(error.root_cause().to_string()),
    };
    Ok(View {
        file,
        commit: None,
        digest: Some(digest.to_string()),
        file_digests: None,
        problem,
    })
}

fn deployment(global: &Global, path: &Path) -> anyhow::Result<View> {
    let full = absolute(path).with_context(|| format!("finding {}", path.display()))?;
    let Some(name) = full.file_name().and_then(|name| name.to_str()) else {
        bail!("{} is no deployment", path.display());
    };
    let dir = Dir::open_ambient_dir(path, ambient_authority())
        .with_context(|| format!("opening {}", path.display()))?;
    let storage = repository::open(global)?;
    let check = storage.check_deployment(name, &dir)?;
    let digests = check.digests();
    let problem = match (check.found, digests) {
        (None, _) => Some("the deployment has no image".to_owned()),
        (Some(_), None) => Some(format!(
            "it is not the image of commit {}: that has the digest {}, or {} without file digests",
            check.commit, check.right.all, check.right.none
        )),
        _ if !check.is_as_expected() => Some(format!(
            "the metadata of commit {} names another digest than its tree gives, {}",
            check.commit, check.right.all
        )),
        _ => None,
    };
    Ok(View {
        file: path.join(DEPLOYED_IMAGE).display().to_string(),
        commit: Some(check.commit.to_string()),
        digest: check.found.map(|digest| digest.to_string()),
        file_digests: digests.map(|digests| digests == ImageForm::WithDigests),
        problem,
    })
}

impl View {
    fn human(&self) -> String {
        let mut text = match (&self.problem, &self.commit) {
            (Some(problem), _) => format!("{}: {problem}", self.file),
            (None, Some(commit)) => format!("{}: the image of commit {commit}", self.file),
            (None, None) => format!("{}: a composefs image", self.file),
        };
        match self.file_digests {
            Some(true) => text.push_str(", with file digests"),
            Some(false) => text.push_str(", without file digests"),
            None => {}
        }
        if let Some(digest) = &self.digest {
            text = format!("{text}, digest {digest}");
        }
        format!("{}\n", plain(&text))
    }
}
