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
    /// The exit code of that.
    #[serde(skip)]
    problem_code: Option<ExitCode>,
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
            problem_code: None,
        }],
        None => of_deployments(&host, args.deployment, &run)?,
    };
    let view = View {
        complete: deployments.iter().all(VerifiedView::is_complete),
        deployments,
    };
    output.result(&view, || view.human())?;
    Ok(view.exit_code())
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
        // One deployment that cannot be read stops no other.
        let verified = host.verify_bound(deployment, run);
        let (images, problem) = match verified.map_err(anyhow::Error::from) {
            Ok(images) => (views(&images), None),
            Err(error) => (Vec::new(), Some(error)),
        };
        VerifiedView {
            deployment: Some(DeploymentView::of(&deployment.id)),
            images,
            problem: problem.as_ref().map(|error| format!("{error:#}")),
            problem_code: problem.as_ref().map(exit::code_of),
        }
    });
    Ok(verified.collect())
}

fn views(images: &[BoundImage]) -> Vec<ImageView> {
    images.iter().map(ImageView::of).collect()
}

impl VerifiedView {
    fn is_complete(&self) -> bool {
        self.problem.is_none() && self.images_are_there()
    }

    /// As far as it was looked at.
    fn images_are_there(&self) -> bool {
        let mut states = self.images.iter().map(ImageView::state);
        states.all(|state| state == Some(StateView::Present))
    }
}

impl View {
    /// What is known to be missing or changed counts before what could not be looked at.
    fn exit_code(&self) -> ExitCode {
        if !self.deployments.iter().all(VerifiedView::images_are_there) {
            return ExitCode::from(exit::CORRUPT);
        }
        let problem = self.deployments.iter().find_map(|one| one.problem_code);
        problem.unwrap_or(ExitCode::SUCCESS)
    }

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
