//! An image's tree before the image is here, as far as its small layers tell: what is configured is in those.

use ostree_flatten::{DirectoryRule, LayerTree, merge};
use ostree_layer::{AsTheyCome, Encoding, Import, Labelling, LayerInput, PathPolicy};
use ostree_objects::Checksum;
use ostree_store::Stage;

use super::plan::Work;
use super::{LayerPlan, LayerState, PullConfig, PullPlan};
use crate::{IMPORTER_VERSION, Storage};
use image_source::Source;
use oci_manifest::Role;

/// A layer that takes more in transfer is not looked into beforehand.
const MAX_LAYER_BYTES: u64 = 1024 * 1024;
/// Nor are more bytes of layers in all.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// A tree that goes with this value: nothing leads to it.
pub(crate) struct Foretold {
    pub(crate) stage: Stage,
    pub(crate) root: Checksum,
}

impl PullPlan {
    /// The image, if all of it is stored.
    pub(crate) const fn stored_commit(&self) -> Option<&Checksum> {
        match &self.work {
            Work::Nothing { merge_commit } => Some(merge_commit),
            Work::Import { .. } => None,
        }
    }

    /// The layers that are here, and those that are small, as one tree. None where there are none, or one cannot be read:
    /// the pull will say so, and what is asked of the tree is asked again when it is here.
    pub(crate) fn foretell(&self, storage: &Storage, config: &PullConfig) -> Option<Foretold> {
        let Work::Import { source, .. } = &self.work else {
            return None;
        };
        let mut stage = storage.repo.stage().ok()?;
        let mut base = None;
        let mut layers = Vec::new();
        let mut left = MAX_BYTES;
        for plan in &self.layers {
            let role = plan.layer.role;
            let commit = match &plan.state {
                LayerState::Present { commit } | LayerState::SameContent { commit, .. } => {
                    storage.repo.read_commit(commit).ok()?
                }
                LayerState::Missing if role == Role::Derived => {
                    let bytes = plan.layer.descriptor.size;
                    if bytes > MAX_LAYER_BYTES.min(left) {
                        continue;
                    }
                    left -= bytes;
                    let (with_it, commit) =
                        self.stage_layer(plan, source.as_ref(), config, stage)?;
                    stage = with_it;
                    stage.read_commit(&commit).ok()?
                }
                LayerState::Missing => continue,
            };
            match role {
                Role::Commit => base = Some(LayerTree::from_commit(&commit)),
                // Its objects are in the commit layer's tree.
                Role::Chunk => {}
                Role::Derived => layers.push(LayerTree::from_commit(&commit)),
            }
        }
        let merged = merge(base.as_ref(), &layers, DirectoryRule::UpperWins, &mut stage).ok()?;
        Some(Foretold {
            root: merged.tree,
            stage,
        })
    }

    fn stage_layer(
        &self,
        plan: &LayerPlan,
        source: &dyn Source,
        config: &PullConfig,
        stage: Stage,
    ) -> Option<(Stage, Checksum)> {
        let blob = source.blob(&plan.layer).ok()?;
        let everything = PathPolicy::everything();
        let import = Import {
            policy: self.path_policy.as_ref().unwrap_or(&everything),
            labels: Labelling::By(&AsTheyCome),
            limits: &config.limits,
            on_bytes: &|_| {},
            importer: IMPORTER_VERSION,
        };
        let input = LayerInput {
            layer: &plan.layer,
            encoding: match blob.encoding {
                image_source::Encoding::Declared => Encoding::Declared,
                image_source::Encoding::Sniff => Encoding::Sniff,
            },
            digest_applies: blob.digest_applies,
        };
        let imported = ostree_layer::import(blob.reader, &input, &import, stage).ok()?;
        let staged = imported.label(&AsTheyCome).ok()?;
        Some((staged.stage, staged.commit))
    }
}
