//! `bound pull`.

use std::process::ExitCode;

use bootc_storage::host::bound::{BoundPulled, BoundTree};
use serde::Serialize;

use super::config::of_bound_images;
use super::shown::images;
use super::{deployment, image_of, open_root};
use crate::args::{BoundPullArgs, Global};
use crate::output::Output;
use crate::progress::Progress;
use crate::verbs::host;

/// What `bound pull --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "BoundPull"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    /// Every image that the tree is bound to.
    images: Vec<PresentView>,
    /// Those that were missing.
    pulled: Vec<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename = "PresentBoundImage")
)]
#[serde(rename_all = "camelCase")]
struct PresentView {
    /// Registry, repository, and tag or digest.
    image: String,
    /// Digest of its manifest.
    digest: String,
}

pub(super) fn run(
    global: &Global,
    args: &BoundPullArgs,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let config = of_bound_images(&args.source, &args.sources)?;
    let progress = Progress::new(output);
    let observer = progress.observer();
    let host = host::open(global)?.lock(&observer)?;
    let pulled = match &args.tree.root {
        Some(path) => host.pull_bound(BoundTree::Root(&open_root(path)?), None, &config, &observer),
        None => {
            let deployment = deployment(&host, args.tree.deployment)?;
            let image = image_of(&deployment);
            let tree = BoundTree::Commit(&deployment.id.commit);
            host.pull_bound(tree, image.as_ref(), &config, &observer)
        }
    };
    progress.finish();
    let view = View::of(&pulled?);
    output.result(&view, || view.human())?;
    Ok(ExitCode::SUCCESS)
}

impl View {
    fn of(pulled: &BoundPulled) -> Self {
        let images = pulled.record.images();
        Self {
            images: images
                .map(|(reference, digest)| PresentView {
                    image: reference.to_string(),
                    digest: digest.to_string(),
                })
                .collect(),
            pulled: pulled.pulled.iter().map(ToString::to_string).collect(),
        }
    }

    fn human(&self) -> String {
        if self.images.is_empty() {
            return "Bound to nothing\n".to_owned();
        }
        let mut text: String = self
            .pulled
            .iter()
            .map(|image| format!("Pulled: {image}\n"))
            .collect();
        text.push_str(&format!("All there: {}\n", images(self.images.len())));
        text
    }
}
