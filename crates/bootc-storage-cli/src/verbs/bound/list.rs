//! `bound list`.

use std::process::ExitCode;

use bootc_storage::host::Which;
use bootc_storage::host::bound::BoundStatus;
use bound_images::{Declarations, DirTree};
use serde::Serialize;

use super::shown::ImageView;
use super::{machine_run, open_root};
use crate::args::{BoundListArgs, Global};
use crate::output::Output;
use crate::text::plain;
use crate::verbs::host::{self, shown::DeploymentView};

/// What `bound list --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "BoundList"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    trees: Vec<TreeView>,
}

/// A deployment, or a directory.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "BoundTree"))]
#[serde(rename_all = "camelCase")]
struct TreeView {
    /// The deployment; none for a directory.
    deployment: Option<DeploymentView>,
    /// As they are declared.
    declarations: Vec<DeclarationView>,
    /// Each image once, and whether it is there; none for a directory.
    images: Vec<ImageView>,
    /// What is odd about the declarations, in words.
    lints: Vec<String>,
    /// What is wrong, in words.
    problems: Vec<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename = "BoundDeclaration")
)]
#[serde(rename_all = "camelCase")]
struct DeclarationView {
    /// The link's name in /usr/lib/bootc/bound-images.d.
    name: String,
    /// The unit that it leads to, by its path from the root.
    unit: String,
    /// The image as it is written there.
    declared: String,
    /// Registry, repository, and tag or digest.
    image: String,
}

pub(super) fn run(
    global: &Global,
    args: &BoundListArgs,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let view = match &args.tree.root {
        Some(path) => {
            let root = open_root(path)?;
            let declarations =
                Declarations::read(&DirTree::new(&root)).map_err(bootc_storage::Error::from)?;
            View {
                trees: vec![TreeView::new(None, &declarations)],
            }
        }
        None => View {
            trees: of_deployments(global, args.tree.deployment)?,
        },
    };
    output.result(&view, || view.human())?;
    Ok(ExitCode::SUCCESS)
}

fn of_deployments(global: &Global, which: Option<Which>) -> anyhow::Result<Vec<TreeView>> {
    let host = host::open(global)?;
    let all = host
        .dirs()
        .deployments()
        .map_err(bootc_storage::Error::from)?;
    let chosen = match which {
        Some(which) => vec![all.get(which).map_err(bootc_storage::Error::from)?.clone()],
        None => all.list,
    };
    let is_root = rustix::process::geteuid().is_root();
    let run = if is_root { Some(machine_run()?) } else { None };
    let statuses = host.bound_status(&chosen, run.as_ref());
    Ok(chosen
        .iter()
        .zip(&statuses)
        .map(|(deployment, status)| TreeView::of(DeploymentView::of(&deployment.id), status))
        .collect())
}

impl TreeView {
    fn new(deployment: Option<DeploymentView>, declarations: &Declarations) -> Self {
        Self {
            deployment,
            declarations: declarations
                .list
                .iter()
                .map(|one| DeclarationView {
                    name: one.name.clone(),
                    unit: format!("/{}", one.unit),
                    declared: one.declared.clone(),
                    image: one.reference.to_string(),
                })
                .collect(),
            images: Vec::new(),
            lints: declarations.lints.iter().map(ToString::to_string).collect(),
            problems: Vec::new(),
        }
    }

    fn of(deployment: DeploymentView, status: &BoundStatus) -> Self {
        Self {
            images: status.images.iter().map(ImageView::of).collect(),
            problems: status.problems.clone(),
            ..Self::new(Some(deployment), &status.declarations)
        }
    }

    fn human(&self) -> String {
        let mut text = match &self.deployment {
            Some(deployment) => format!("{}\n", deployment.human()),
            None => String::new(),
        };
        if self.declarations.is_empty() && self.problems.is_empty() {
            text.push_str("  bound to nothing\n");
        }
        if self.deployment.is_none() {
            for one in &self.declarations {
                text.push_str(&format!("  {}  {}\n", one.name, one.image));
            }
        }
        for image in &self.images {
            text.push_str(&format!("  {}\n", image.human()));
        }
        for lint in &self.lints {
            text.push_str(&format!("  note: {}\n", plain(lint)));
        }
        for problem in &self.problems {
            text.push_str(&format!("  problem: {}\n", plain(problem)));
        }
        text
    }
}

impl View {
    fn human(&self) -> String {
        if self.trees.is_empty() {
            return "Nothing is deployed\n".to_owned();
        }
        self.trees.iter().map(TreeView::human).collect()
    }
}
