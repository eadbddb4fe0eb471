//! `bound verify`.

use std::process::ExitCode;

use bootc_storage::host::bound::BoundImage;
use bootc_storage::host::{Deployment, LockedHost, Which};
use cap_std::fs::Dir;
use serde::Serialize;

use super::shown::{ImageView, StateView};
use super::{machine_run, open_root};
use crate::args::{BoundVerifyArgs, Global};
use crate::exit;
use crate::output::Output;
use crate::text::plain;
use crate::verbs::host::{self, shown::DeploymentView};

/// What `bound verify --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "BoundVerify"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    deployments: Vec<VerifiedView>,
    /// Every image of every deployment is there, and is what the deployment was made with.
    complete: bool,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename = "VerifiedDeployment")
)]
#[serde(rename_all = "camelCase")]
struct VerifiedView {
    /// The deployment; none for a directory.
    deployment: Option<DeploymentView>,
    images: Vec<ImageView>,
    /// Why nothing is known, in words.
    problem: Option<String>,
}

pub(super) fn run(
    global: &Global,
    args: &BoundVerifyArgs,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let host = host::open_locked(global, output)?;
    let run = machine_run()?;
    let deployments = match &args.root {
        Some(path) => vec![VerifiedView {
            deployment: None,
            images: views(&host.verify_bound_root(&open_root(path)?, &run)?),
            problem: None,
        }],
        None => of_deployments(&host, args.deployment, &run)?,
    };
    let view = View {
        complete: deployments.iter().all(VerifiedView::is_complete),
        deployments,
    };
    output.result(&view, || view.human())?;
    Ok(if view.complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(exit::CORRUPT)
    })
}

fn of_deployments(
    host: &LockedHost,
    which: Option<Which>,
    run: &Dir,
) -> anyhow::Result<Vec<VerifiedView>> {
    let chosen: Vec<Deployment> = match which {
        Some(which) => vec![host.deployment(which)?],
        None => host.deployments()?.list,
    };
    let verified = chosen.iter().map(|deployment| {
        let (images, problem) = match host.verify_bound(deployment, run) {
            Ok(images) => (views(&images), None),
            // One deployment that cannot be read stops no other.
            Err(error) => (
                Vec::new(),
                Some(format!("{:#}", anyhow::Error::from(error))),
            ),
        };
        VerifiedView {
            deployment: Some(DeploymentView::of(&deployment.id)),
            images,
            problem,
        }
    });
    Ok(verified.collect())
}

fn views(images: &[BoundImage]) -> Vec<ImageView> {
    images.iter().map(ImageView::of).collect()
}

impl VerifiedView {
    fn is_complete(&self) -> bool {
        let mut states = self.images.iter().map(ImageView::state);
        self.problem.is_none() && states.all(|state| state == Some(StateView::Present))
    }
}

impl View {
    fn human(&self) -> String {
        let mut text = String::new();
        for one in &self.deployments {
            if let Some(deployment) = &one.deployment {
                text.push_str(&format!("{}\n", deployment.human()));
            }
            for image in &one.images {
                text.push_str(&format!("  {}\n", image.human()));
            }
            if let Some(problem) = &one.problem {
                text.push_str(&format!("  problem: {}\n", plain(problem)));
            }
        }
        let looked_at_all = self.deployments.iter().all(|one| one.problem.is_none());
        text.push_str(if self.complete {
            "All bound images are there\n"
        } else if looked_at_all {
            "Bound images are missing or changed; `bound pull` fetches what is missing\n"
        } else {
            "Not everything could be looked at\n"
        });
        text
    }
}
