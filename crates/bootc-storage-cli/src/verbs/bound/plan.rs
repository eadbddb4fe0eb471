//! `bound plan`.

use std::process::ExitCode;

use bootc_storage::host::bound::{BoundPlan, BoundTree};
use serde::Serialize;

use super::config::of_bound_images;
use super::shown::ImageView;
use super::{deployment, image_of, open_root};
use crate::args::{BoundPlanArgs, Global};
use crate::output::Output;
use crate::text::{plain, size};
use crate::verbs::host;

/// What `bound plan --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "BoundPlan"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    images: Vec<PlannedView>,
    /// What the images that are missing take in transfer, as far as it is known. What the storage has already, and what
    /// several of them have, counts not at all or once.
    bytes_to_fetch: u64,
    /// What is odd about the declarations, in words.
    lints: Vec<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename = "PlannedBoundImage")
)]
#[serde(rename_all = "camelCase")]
struct PlannedView {
    /// The image as it is written in the first unit that declares it.
    declared: String,
    /// The links that declare it.
    declarations: Vec<String>,
    #[serde(flatten)]
    image: ImageView,
    /// The source that says something of it: registry, containers-storage, oci:DIR or oci-archive:FILE.
    source: Option<String>,
    /// Digest of what the registry, or that other source, has under the name.
    registry_digest: Option<String>,
    /// That is another image than the one that is here.
    moved: bool,
    /// What its pull takes in transfer: nothing for one that is here; none where it is not known.
    bytes_to_fetch: Option<u64>,
    /// Why the last source that was asked says nothing.
    registry_problem: Option<String>,
}

pub(super) fn run(
    global: &Global,
    args: &BoundPlanArgs,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let config = of_bound_images(&args.source, &args.sources)?;
    let host = host::open_locked(global, output)?;
    let plan = match &args.tree.root {
        Some(path) => host.plan_bound(BoundTree::Root(&open_root(path)?), None, &config, true)?,
        None => {
            let deployment = deployment(&host, args.tree.deployment)?;
            let tree = BoundTree::Commit(&deployment.id.commit);
            host.plan_bound(tree, image_of(&deployment).as_ref(), &config, true)?
        }
    };
    let view = View::of(&plan);
    output.result(&view, || view.human())?;
    Ok(ExitCode::SUCCESS)
}

impl View {
    fn of(plan: &BoundPlan) -> Self {
        let images: Vec<PlannedView> = plan
            .plan
            .images
            .iter()
            .map(|image| PlannedView {
                declared: image.declared.clone(),
                declarations: image.declarations.clone(),
                image: ImageView::planned(image),
                source: image
                    .answer
                    .as_ref()
                    .map(|answer| answer.source.to_string()),
                registry_digest: image.found().map(|found| found.digest.to_string()),
                moved: image.has_moved(&plan.stored),
                bytes_to_fetch: image.bytes_to_fetch(),
                registry_problem: image
                    .answer
                    .as_ref()
                    .and_then(|answer| answer.found.as_ref().err().cloned()),
            })
            .collect();
        let lints = plan.declarations.lints.iter();
        Self {
            bytes_to_fetch: plan.plan.bytes_to_fetch(),
            images,
            lints: lints.map(ToString::to_string).collect(),
        }
    }

    fn human(&self) -> String {
        if self.images.is_empty() {
            return "Bound to nothing\n".to_owned();
        }
        let mut text = String::new();
        for image in &self.images {
            text.push_str(&image.image.human());
            match image.bytes_to_fetch {
                Some(0) => {}
                Some(bytes) => text.push_str(&format!(", {} to fetch", size(bytes))),
                None => text.push_str(", size not known"),
            }
            text.push('\n');
            let source = plain(image.source.as_deref().unwrap_or("-"));
            if let (true, Some(digest)) = (image.moved, &image.registry_digest) {
                text.push_str(&format!("  moved: {source} has {digest}\n"));
            }
            if let Some(problem) = &image.registry_problem {
                text.push_str(&format!("  {source}: {}\n", plain(problem)));
            }
        }
        for lint in &self.lints {
            text.push_str(&format!("note: {}\n", plain(lint)));
        }
        text.push_str(&format!("To fetch: {}\n", size(self.bytes_to_fetch)));
        text
    }
}
