//! The plan of a pull, as it is printed.

use std::fmt::Write as _;

use bootc_storage::pull::{ExpectedPolicy, LayerPlan, LayerState, PullPlan, SpaceNeed};
use serde::Serialize;

use crate::text::{plain, size, table};
use crate::verbs::role::RoleView;

/// What `--dry-run` and `--check` print.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PullPlan"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlanView {
    /// The image's name, without how it is to be verified.
    image: String,
    /// The ref that the image would have.
    r#ref: String,
    /// Digest of the manifest at the source.
    manifest_digest: String,
    /// Digest of what is stored under this name now; null when nothing is.
    stored_digest: Option<String>,
    /// Version of the image at the source, from its labels.
    version: Option<String>,
    /// Version of what is stored now.
    stored_version: Option<String>,
    /// A pull would change nothing.
    unchanged: bool,
    /// In the order of the manifest.
    layers: Vec<LayerView>,
    /// Transfer size of the missing layers.
    missing_bytes: u64,
    /// What the missing layers need on disk.
    space: SpaceView,
    /// Which paths of derived layers are kept: `all`, or `usr-only` where the base configures no overlay as root; either
    /// with `+factory-var` where /var goes to /usr/share/factory/var. Null while the base that decides is not stored,
    /// and when there is nothing to do.
    path_policy: Option<String>,
    /// Where the SELinux labels are expected to come from; null when there is nothing to do. The policy in the image's
    /// own tree decides in the end.
    policy: Option<PolicyView>,
}

/// Where labels are expected to come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename = "ExpectedPolicy")
)]
#[serde(rename_all = "camelCase")]
struct PolicyView {
    from: PolicyFrom,
    /// The policy's name, where it is known.
    name: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
enum PolicyFrom {
    /// The image's ostree base.
    Base,
    /// The version of the image that is stored now.
    Stored,
    /// The layers, once they are read.
    Layers,
    /// Nowhere, as far as can be told: the image does not say that it boots.
    None,
    /// Nowhere: none are wanted.
    Off,
}

impl PolicyView {
    fn of(expected: &ExpectedPolicy) -> Self {
        let (from, name) = match expected {
            ExpectedPolicy::Base(name) => (PolicyFrom::Base, Some(name)),
            ExpectedPolicy::FetchedBase => (PolicyFrom::Base, None),
            ExpectedPolicy::Previous(name) => (PolicyFrom::Stored, Some(name)),
            ExpectedPolicy::Layers => (PolicyFrom::Layers, None),
            ExpectedPolicy::None => (PolicyFrom::None, None),
            ExpectedPolicy::Off => (PolicyFrom::Off, None),
        };
        Self {
            from,
            name: name.cloned(),
        }
    }

    fn text(&self) -> String {
        let from = match self.from {
            PolicyFrom::Base => "of the base",
            PolicyFrom::Stored => "of the version that is stored now",
            PolicyFrom::Layers => "of the layers, if they have one",
            PolicyFrom::None => return "of whatever policy the layers turn out to have".to_owned(),
            PolicyFrom::Off => return "none".to_owned(),
        };
        match &self.name {
            Some(name) => format!("of policy {}, that {from}", plain(name)),
            None => format!("of the policy {from}"),
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PlannedLayer"))]
#[serde(rename_all = "camelCase")]
struct LayerView {
    /// The blob's digest.
    digest: String,
    /// The digest of the uncompressed tar.
    diff_id: String,
    role: RoleView,
    /// Transfer size.
    size_bytes: u64,
    state: StateView,
    /// The stored layer's commit; null when it is missing.
    commit: Option<String>,
}

/// Whether a layer is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "LayerState"))]
#[serde(rename_all = "kebab-case")]
enum StateView {
    /// Stored under this digest.
    Present,
    /// Stored under another digest, with the same content, which was verified when it was stored.
    SameContent,
    /// To be transferred.
    Missing,
}

impl StateView {
    fn text(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::SameContent => "same-content",
            Self::Missing => "missing",
        }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Space"))]
#[serde(rename_all = "camelCase")]
struct SpaceView {
    /// The missing layers' transfer size: what is needed at least.
    at_least_bytes: u64,
    /// What they take unpacked, as far as that can be told beforehand.
    estimated_bytes: u64,
    /// Free without the blocks that are kept for root, as `df` shows it.
    free_bytes: u64,
    /// What may be written of that, beside the reserve.
    available_bytes: u64,
    /// What the repository keeps free (core.min-free-space).
    reserved_bytes: u64,
    /// False when `atLeastBytes` is more than `availableBytes`: a pull would be refused.
    fits: bool,
}

impl SpaceView {
    fn of(space: &SpaceNeed) -> Self {
        Self {
            at_least_bytes: space.at_least_bytes,
            estimated_bytes: space.estimated_bytes,
            free_bytes: space.free_bytes,
            available_bytes: space.available_bytes,
            reserved_bytes: space.reserved_bytes,
            fits: !space.is_short(),
        }
    }

    fn text(&self) -> String {
        format!(
            "about {} needed, {} free, {} of which are kept in reserve",
            size(self.estimated_bytes),
            size(self.free_bytes),
            size(self.reserved_bytes)
        )
    }
}

impl PlanView {
    pub(super) fn of(plan: &PullPlan) -> Self {
        let previous = plan.previous.as_ref();
        Self {
            image: plan.reference.imgref.canonical().to_string(),
            r#ref: plan.ref_name.to_string(),
            manifest_digest: plan.manifest_digest.to_string(),
            stored_digest: previous.map(|image| image.manifest_digest.to_string()),
            version: plan.config.version().map(str::to_owned),
            stored_version: previous
                .and_then(|image| image.config.version())
                .map(str::to_owned),
            unchanged: plan.is_unchanged(),
            layers: plan.layers.iter().map(LayerView::of).collect(),
            missing_bytes: plan.missing_bytes(),
            space: SpaceView::of(&plan.space),
            path_policy: plan.path_policy.map(|policy| policy.to_string()),
            policy: (!plan.is_unchanged()).then(|| PolicyView::of(&plan.policy)),
        }
    }

    pub(super) fn verdict(&self) -> String {
        if self.unchanged {
            return format!(
                "No changes in {} ({})\n",
                plain(&self.image),
                self.manifest_digest
            );
        }
        let missing = self
            .layers
            .iter()
            .filter(|layer| layer.state == StateView::Missing)
            .count();
        let mut text = format!("{} available: {}\n", self.news(), plain(&self.image));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "Digest: {}", self.manifest_digest);
        if let Some(version) = &self.version {
            let _ = writeln!(text, "Version: {}", plain(version));
        }
        let _ = writeln!(
            text,
            "layers already present: {}; layers needed: {missing} ({})",
            self.layers.len() - missing,
            size(self.missing_bytes)
        );
        text
    }

    fn news(&self) -> &'static str {
        if self.stored_digest.is_some() {
            "Update"
        } else {
            "Image"
        }
    }

    pub(super) fn human(&self) -> String {
        let mut text = self.verdict();
        let rows: Vec<Vec<String>> = self
            .layers
            .iter()
            .enumerate()
            .map(|(index, layer)| layer.row(index))
            .collect();
        text.push_str(&table(&["LAYER", "DIGEST", "ROLE", "SIZE", "STATE"], &rows));
        if !self.unchanged {
            let _ = writeln!(
                text,
                "Paths of derived layers: {}",
                policy_text(self.path_policy.as_deref())
            );
            if let Some(policy) = &self.policy {
                let _ = writeln!(text, "Labels: {}", policy.text());
            }
            let _ = writeln!(text, "Space: {}", self.space.text());
        }
        text
    }
}

fn policy_text(policy: Option<&str>) -> &str {
    match policy {
        None => "the base decides, once it is stored",
        Some("all") => "all are kept",
        Some("all+factory-var") => "all are kept, /var as /usr/share/factory/var",
        Some("usr-only") => "only what an ostree host has a place for is kept: /usr, /etc, /var",
        Some("usr-only+factory-var") => {
            "only what an ostree host has a place for is kept: /usr, /etc, /var (as /usr/share/factory/var)"
        }
        Some(other) => other,
    }
}

impl LayerView {
    fn of(plan: &LayerPlan) -> Self {
        let (state, commit) = match &plan.state {
            LayerState::Present { commit } => (StateView::Present, Some(commit)),
            LayerState::SameContent { commit, .. } => (StateView::SameContent, Some(commit)),
            LayerState::Missing => (StateView::Missing, None),
        };
        Self {
            digest: plan.layer.descriptor.digest.to_string(),
            diff_id: plan.layer.diff_id.to_string(),
            role: plan.layer.role.into(),
            size_bytes: plan.layer.descriptor.size,
            state,
            commit: commit.map(ToString::to_string),
        }
    }

    fn row(&self, index: usize) -> Vec<String> {
        vec![
            index.to_string(),
            self.digest.clone(),
            self.role.text().to_owned(),
            size(self.size_bytes),
            self.state.text().to_owned(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::{LayerView, PlanView, PolicyFrom, PolicyView, SpaceView, StateView};
    use crate::verbs::role::RoleView;

    fn plan(state: StateView) -> PlanView {
        let unchanged = state == StateView::Present;
        PlanView {
            image: "oci:/os:v2".to_owned(),
            r#ref: "ostree/container/image/oci_3A__2F_os_3A_v2".to_owned(),
            manifest_digest: "sha256:cd".to_owned(),
            stored_digest: Some("sha256:ab".to_owned()),
            version: Some("2".to_owned()),
            stored_version: Some("1".to_owned()),
            unchanged,
            layers: vec![LayerView {
                digest: "sha256:ef".to_owned(),
                diff_id: "sha256:01".to_owned(),
                role: RoleView::Derived,
                size_bytes: 3_100_000,
                state,
                commit: None,
            }],
            missing_bytes: 3_100_000,
            space: SpaceView {
                at_least_bytes: 3_100_000,
                estimated_bytes: 8_000_000,
                free_bytes: 61_100_000_000,
                available_bytes: 53_000_000_000,
                reserved_bytes: 8_100_000_000,
                fits: true,
            },
            path_policy: (!unchanged).then(|| "all".to_owned()),
            policy: (!unchanged).then(|| PolicyView {
                from: PolicyFrom::Stored,
                name: Some("targeted".to_owned()),
            }),
        }
    }

    #[test]
    fn a_plan_is_readable() {
        assert_eq!(
            plan(StateView::Missing).human(),
            "\
Update available: oci:/os:v2
Digest: sha256:cd
Version: 2
layers already present: 0; layers needed: 1 (3.1 MB)
LAYER  DIGEST     ROLE     SIZE    STATE
0      sha256:ef  derived  3.1 MB  missing
Paths of derived layers: all are kept
Labels: of policy targeted, that of the version that is stored now
Space: about 8.0 MB needed, 61.1 GB free, 8.1 GB of which are kept in reserve
"
        );
    }

    #[test]
    fn nothing_new_is_said_without_a_plan_of_nothing() {
        assert_eq!(
            plan(StateView::Present).human(),
            "\
No changes in oci:/os:v2 (sha256:cd)
LAYER  DIGEST     ROLE     SIZE    STATE
0      sha256:ef  derived  3.1 MB  present
"
        );
    }
}
