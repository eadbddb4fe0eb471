//! `image prune`.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bootc_storage::{Event, Observer, PrunePlan, RootKind};
use serde::Serialize;

use crate::args::{Global, PruneArgs};
use crate::output::Output;
use crate::progress::Progress;
use crate::repository;
use crate::text::{count, len, plain, size, table};

/// What `image prune --dry-run --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PrunePlan"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlanView {
    /// What stays, and why.
    kept: Vec<RootView>,
    /// Layer refs that would go: no image and no deployment names them.
    layers: Vec<LayerView>,
    /// Objects that nothing would lead to.
    objects: u64,
    /// Their size on disk.
    bytes: u64,
    /// Refs that cannot be read; while there are any, no layer ref goes.
    unreadable: Vec<UnreadableView>,
    /// A broken ref or tree leads nobody knows where: while there is one, no object goes.
    objects_held_back: bool,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Kept"))]
#[serde(rename_all = "camelCase")]
struct RootView {
    /// The ref's name, or the deployment's.
    r#ref: String,
    reason: ReasonView,
    commit: String,
    /// How many layers its manifest names; null for a commit that is no image.
    layers: Option<usize>,
    /// Size on disk of all that it leads to.
    bytes: u64,
    /// Of that, what nothing else leads to: what would be freed without it.
    own_bytes: u64,
}

/// Why something stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Reason"))]
#[serde(rename_all = "kebab-case")]
enum ReasonView {
    /// A stored image.
    Image,
    /// A deployment of this host.
    Deployment,
    /// What rpm-ostree layered packages on.
    RpmOstreeBase,
    /// Kept for another tool.
    BaseImage,
    /// A layer of an image that stays.
    Layer,
    /// Any other ref.
    Other,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "UnneededLayer"))]
#[serde(rename_all = "camelCase")]
struct LayerView {
    r#ref: String,
    /// The blob's digest, where the ref's name can be read as one.
    digest: Option<String>,
    commit: String,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "UnreadableRef"))]
#[serde(rename_all = "camelCase")]
struct UnreadableView {
    r#ref: String,
    /// In words, for people.
    reason: String,
}

/// What `image prune --format json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Pruned"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct PrunedView {
    /// Layers that went.
    layers: u64,
    /// Objects that went.
    objects: u64,
    /// Their size on disk.
    freed_bytes: u64,
}

const UNNEEDED: &str = "no image and no deployment names it";

pub(crate) fn run(global: &Global, args: &PruneArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let storage = repository::open(global)?;
    let progress = Progress::new(output);
    if args.dry_run {
        let plan = storage.plan_prune(&progress.observer());
        progress.finish();
        let view = PlanView::of(plan?);
        output.result(&view, || view.human())?;
        return Ok(ExitCode::SUCCESS);
    }
    let pruned = storage.apply_prune(&progress.observer());
    progress.finish();
    let pruned = pruned?;
    let view = PrunedView {
        layers: pruned.layers,
        objects: pruned.objects,
        freed_bytes: pruned.bytes,
    };
    output.result(&view, || {
        format!(
            "Freed: {} ({}, {})\n",
            size(view.freed_bytes),
            count(view.layers, "layer"),
            count(view.objects, "object")
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Whether a prune of the repository would free something; no when it cannot be told at once.
pub(crate) fn would_free(global: &Global) -> bool {
    let Ok(storage) = repository::open(global) else {
        return false;
    };
    let silent: Observer = Arc::new(|_: Event<'_>| {});
    let plan = storage.with_patience(Duration::ZERO).plan_prune(&silent);
    plan.is_ok_and(|plan| plan.objects > 0)
}

impl PlanView {
    pub(crate) fn of(plan: PrunePlan) -> Self {
        Self {
            kept: plan
                .roots
                .into_iter()
                .map(|root| RootView {
                    r#ref: root.name,
                    reason: root.kind.into(),
                    commit: root.commit.to_string(),
                    layers: root.layers,
                    bytes: root.bytes,
                    own_bytes: root.own_bytes,
                })
                .collect(),
            layers: plan
                .layers
                .into_iter()
                .map(|layer| LayerView {
                    r#ref: layer.name,
                    digest: layer.digest.map(|digest| digest.to_string()),
                    commit: layer.commit.to_string(),
                })
                .collect(),
            objects: plan.objects,
            bytes: plan.bytes,
            objects_held_back: plan.objects_held_back,
            unreadable: plan
                .unreadable
                .into_iter()
                .map(|(name, reason)| UnreadableView {
                    r#ref: name,
                    reason,
                })
                .collect(),
        }
    }

    pub(crate) fn human(&self) -> String {
        let mut text = String::new();
        let kept: Vec<Vec<String>> = self
            .kept
            .iter()
            .map(|root| {
                let layers = root
                    .layers
                    .map_or("-".to_owned(), |layers| layers.to_string());
                vec![
                    plain(&root.r#ref),
                    root.reason.text().to_owned(),
                    layers,
                    size(root.bytes),
                    size(root.own_bytes),
                ]
            })
            .collect();
        if !kept.is_empty() {
            text.push_str(&table(
                &["KEPT", "BECAUSE IT IS", "LAYERS", "SIZE", "ALONE"],
                &kept,
            ));
            text.push('\n');
        }
        let gone: Vec<Vec<String>> = self
            .layers
            .iter()
            .map(|layer| {
                vec![
                    plain(layer.digest.as_deref().unwrap_or(&layer.r#ref)),
                    UNNEEDED.to_owned(),
                ]
            })
            .collect();
        if !gone.is_empty() {
            text.push_str(&table(&["LAYER TO REMOVE", "BECAUSE"], &gone));
            text.push('\n');
        }
        for unreadable in &self.unreadable {
            text.push_str(&plain(&format!(
                "cannot be read, so no layer is removed: {}: {}",
                unreadable.r#ref, unreadable.reason
            )));
            text.push('\n');
        }
        if self.objects_held_back {
            text.push_str("no object is removed either: what these lead to is not known\n");
        }
        text.push_str(&format!(
            "Would free: {} ({}, {})\n",
            size(self.bytes),
            count(len(&self.layers), "layer"),
            count(self.objects, "object")
        ));
        text
    }
}

impl From<RootKind> for ReasonView {
    fn from(kind: RootKind) -> Self {
        match kind {
            RootKind::Image => Self::Image,
            RootKind::Deployment => Self::Deployment,
            RootKind::RpmOstreeBase => Self::RpmOstreeBase,
            RootKind::BaseImage => Self::BaseImage,
            RootKind::Layer => Self::Layer,
            RootKind::Other => Self::Other,
        }
    }
}

impl ReasonView {
    fn text(self) -> &'static str {
        match self {
            Self::Image => "a stored image",
            Self::Deployment => "a deployment",
            Self::RpmOstreeBase => "a base of rpm-ostree",
            Self::BaseImage => "a base kept by another tool",
            Self::Layer => "a layer",
            Self::Other => "a ref",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LayerView, PlanView, ReasonView, RootView, UnreadableView};

    #[test]
    fn a_plan_says_what_stays_and_what_goes() {
        let plan = PlanView {
            kept: vec![RootView {
                r#ref: "ostree/container/image/oci_3A_os".to_owned(),
                reason: ReasonView::Image,
                commit: "cd".repeat(32),
                layers: Some(5),
                bytes: 1_700_000_000,
                own_bytes: 63_500_000,
            }],
            layers: vec![LayerView {
                r#ref: "ostree/container/blob/sha256_3A_ab".to_owned(),
                digest: Some("sha256:ab".to_owned()),
                commit: "ef".repeat(32),
            }],
            objects: 237,
            bytes: 56_800_000,
            unreadable: Vec::new(),
            objects_held_back: false,
        };
        assert_eq!(
            plan.human(),
            "\
KEPT                              BECAUSE IT IS   LAYERS  SIZE    ALONE
ostree/container/image/oci_3A_os  a stored image  5       1.7 GB  63.5 MB

LAYER TO REMOVE  BECAUSE
sha256:ab        no image and no deployment names it

Would free: 56.8 MB (1 layer, 237 objects)
"
        );
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let plan = PlanView {
            kept: Vec::new(),
            layers: Vec::new(),
            objects: 0,
            bytes: 0,
            unreadable: vec![UnreadableView {
                r#ref: "ostree/container/image/x".to_owned(),
                reason: "no such commit".to_owned(),
            }],
            objects_held_back: true,
        };
        assert_eq!(
            plan.human(),
            "\
cannot be read, so no layer is removed: ostree/container/image/x: no such commit
no object is removed either: what these lead to is not known
Would free: 0 B (0 layers, 0 objects)
"
        );
    }
}
