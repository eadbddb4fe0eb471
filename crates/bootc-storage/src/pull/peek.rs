//! An image's tree before the image is here, as far as its small layers tell: what is configured is in those.

use image_source::Source;
use oci_manifest::Role;
use ostree_flatten::{DirectoryRule, LayerTree, merge};
use ostree_layer::{AsTheyCome, Import, Labelling, PathPolicy};
use ostree_objects::Checksum;
use ostree_store::Stage;

use super::blob;
use super::plan::Work;
use super::{LayerPlan, LayerState, PullConfig, PullPlan};
use crate::selinux::StoredTree;
use crate::{Error, IMPORTER_VERSION, Storage};

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

    /// The layers that are here, and those that are small, as one tree: those above the last one that is neither, so that what
    /// it has the image has too. None where no layer has something in `directory`,
    /// about which the tree is to be asked; or where one is not what it should be: the pull will say so, and what is asked of
    /// the tree is asked again when it is here.
    ///
    /// # Errors
    /// A small layer cannot be fetched, however often it is tried.
    pub(crate) fn foretell(
        &self,
        storage: &Storage,
        config: &PullConfig,
        directory: &str,
    ) -> Result<Option<Foretold>, Error> {
        let Work::Import { source, .. } = &self.work else {
            return Ok(None);
        };
        let Ok(mut stage) = storage.repo.stage() else {
            return Ok(None);
        };
        let mut commits = Vec::new();
        let mut left = MAX_BYTES;
        for plan in &self.layers {
            let role = plan.layer.role;
            let commit = match &plan.state {
                LayerState::Present { commit } | LayerState::SameContent { commit, .. } => *commit,
                LayerState::Missing => {
                    let bytes = plan.layer.descriptor.size;
                    if role != Role::Derived || bytes > MAX_LAYER_BYTES.min(left) {
                        // It may take away what those below it bring.
                        commits.clear();
                        continue;
                    }
                    left -= bytes;
                    let staged = self.stage_layer(plan, source.as_ref(), config, stage)?;
                    let Some((with_it, commit)) = staged else {
                        return Ok(None);
                    };
                    stage = with_it;
                    commit
                }
            };
            commits.push((role, commit));
        }
        Ok(merged(stage, &commits, directory))
    }

    /// A layer's objects in the stage, and its commit; none where the layer is not what it should be.
    fn stage_layer(
        &self,
        plan: &LayerPlan,
        source: &dyn Source,
        config: &PullConfig,
        stage: Stage,
    ) -> Result<Option<(Stage, Checksum)>, Error> {
        let layer = &plan.layer;
        let reference = || self.reference.imgref.to_string();
        let blob = blob::open(source, &reference(), layer)?;
        let everything = PathPolicy::everything();
        let import = Import {
            policy: self.path_policy.as_ref().unwrap_or(&everything),
            labels: Labelling::By(&AsTheyCome),
            limits: &config.limits,
            on_bytes: &|_| {},
            importer: IMPORTER_VERSION,
        };
        let input = blob::input(layer, &blob);
        let imported = ostree_layer::import(blob.reader, &input, &import, stage);
        let staged = match imported.and_then(|layer| layer.label(&AsTheyCome)) {
            Ok(staged) => staged,
            Err(source @ ostree_layer::Error::Blob { .. }) => {
                return Err(Error::Layer {
                    reference: reference(),
                    index: layer.index,
                    digest: layer.descriptor.digest.clone(),
                    source: Box::new(source),
                });
            }
            Err(_) => return Ok(None),
        };
        Ok(Some((staged.stage, staged.commit)))
    }
}

/// These layers as one tree, the lowest first.
fn merged(mut stage: Stage, commits: &[(Role, Checksum)], directory: &str) -> Option<Foretold> {
    let mut base = None;
    let mut layers = Vec::new();
    let mut has_any = false;
    for (role, commit) in commits {
        let commit = stage.read_commit(commit).ok()?;
        let tree = StoredTree::staged(&stage, commit.tree);
        has_any |= tree.dirtree_at(directory).ok()?.is_some();
        let layer = LayerTree::from_commit(&commit);
        match role {
            Role::Commit => base = Some(layer),
            // Its objects are in the commit layer's tree.
            Role::Chunk => {}
            Role::Derived => layers.push(layer),
        }
    }
    if !has_any {
        return None;
    }
    let merged = merge(base.as_ref(), &layers, DirectoryRule::UpperWins, &mut stage).ok()?;
    Some(Foretold {
        root: merged.tree,
        stage,
    })
}
