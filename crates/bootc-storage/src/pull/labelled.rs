//! Labels at the merge: what the merged tree's own policy says differently is set right, before anything refers to it.

use std::cell::OnceCell;
use std::collections::HashSet;

use oci_manifest::Digest;
use ostree_flatten::{
    Known, LabelError, LayerTree, MAX_CHANGES, Mislabelled, Of, SameContent, relabel,
};
use ostree_layer::{DIFF_ID_KEY, LABEL_POLICY_KEY};
use ostree_objects::{Checksum, Commit, Value};
use ostree_store::{FileDigests, Stage};

use super::Compat;
use super::apply::Pull;
use super::stored_before::StoredBefore;
use crate::selinux::{PolicyLabels, SELINUX, StoredTree};
use crate::stored::{image_ref_of, layer_commit, text};
use crate::{Error, Event, Phase};

/// Where an image's labels come from, and what had to be set right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelReport {
    /// The name of the merged tree's policy; none where it has none.
    pub policy: Option<String>,
    /// Paths of the base and of layers, written under another policy or none, that were looked at again.
    pub looked_at: u64,
    /// How many of them had another label.
    pub changed: u64,
    /// Files that were read, and written again, for it: not those that the version before had with these labels.
    pub written: u64,
    /// The first of them, up to [`MAX_CHANGES`].
    pub changes: Vec<Mislabelled>,
}

/// What goes into a merge: trees, and what their labels are known to be.
pub(super) struct Inputs {
    pub(super) base: Option<LayerTree>,
    pub(super) layers: Vec<InputLayer>,
}

/// A derived layer.
pub(super) struct InputLayer {
    index: usize,
    checksum: Checksum,
    commit: Commit,
    pub(super) tree: LayerTree,
    /// Its commit, if the layer got a new one.
    recommitted: Option<Checksum>,
}

impl InputLayer {
    pub(super) fn new(index: usize, checksum: Checksum, commit: Commit) -> Self {
        Self {
            index,
            checksum,
            tree: LayerTree::from_commit(&commit),
            commit,
            recommitted: None,
        }
    }

    /// The fingerprint of the policy that labelled it.
    fn policy(&self) -> Option<&str> {
        text(&self.commit, LABEL_POLICY_KEY)
    }

    fn is_ours(&self) -> bool {
        text(&self.commit, DIFF_ID_KEY).is_some()
    }

    /// Whether its labels are known to be those of the policy with this fingerprint. Without a policy ours have none;
    /// others' have those of the host that they were made on.
    fn is_right(&self, fingerprint: Option<&str>) -> bool {
        self.policy() == fingerprint && (fingerprint.is_some() || self.is_ours())
    }
}

/// Which layers other images have.
enum Shared {
    By(HashSet<Digest>),
    Unknown,
}

impl Shared {
    fn contains(&self, digest: &Digest) -> bool {
        match self {
            Self::By(digests) => digests.contains(digest),
            Self::Unknown => true,
        }
    }
}

impl Inputs {
    /// Whether the labels of all of it are known to be those of the policy with this fingerprint. Nobody says so of a
    /// base; without a policy its labels stay what they are.
    fn are_right(&self, fingerprint: Option<&str>) -> bool {
        (self.base.is_none() || fingerprint.is_none())
            && self.layers.iter().all(|layer| layer.is_right(fingerprint))
    }

    /// The layers whose commits were replaced.
    pub(super) fn recommitted(&self) -> impl Iterator<Item = (usize, Checksum)> {
        let layers = self.layers.iter();
        layers.filter_map(|layer| Some((layer.index, layer.recommitted?)))
    }

    pub(super) fn layer_trees(&self) -> Vec<LayerTree> {
        self.layers.iter().map(|layer| layer.tree.clone()).collect()
    }
}

impl Pull<'_> {
    /// The policy of a merged tree, which may be in a stage still.
    pub(super) fn merged_policy(
        &self,
        stage: &Stage,
        root: Checksum,
    ) -> Result<PolicyLabels, Error> {
        let tree = StoredTree::staged(stage, root);
        self.storage
            .open_policy(&tree, self.foretold.as_ref())
            .map(PolicyLabels)
            .map_err(|source| Error::Policy {
                reference: self.reference.clone(),
                source: Box::new(source),
            })
    }

    /// Give `inputs` the labels of `labels`. Their new objects go to `stage`; false if nothing had to be written.
    pub(super) fn relabel(
        &self,
        inputs: &mut Inputs,
        labels: &PolicyLabels,
        stage: &Stage,
        report: &mut LabelReport,
    ) -> Result<bool, Error> {
        let fingerprint = labels.fingerprint();
        if inputs.are_right(fingerprint.as_deref()) {
            return Ok(false);
        }
        (self.observer)(Event::Phase(Phase::Labels));
        let label_of = |path: &str, mode| -> Result<_, LabelError> { labels.of(path, mode) };
        let failed = |source| Error::Merge {
            reference: self.reference.clone(),
            source: Box::new(source),
        };
        let previous = self.plan.previous.as_ref();
        let before = previous.map(|image| StoredBefore::new(self.storage, image));
        let same = before
            .as_ref()
            .map(|before| |path: &str, file: &Checksum| before.same_content(path, file));
        let same = same.as_ref().map(|same| same as &SameContent<'_>);
        let kept = OnceCell::new();
        let kept_label = |file: &Checksum| self.kept_label(&kept, file);
        let mut set_right = |tree: &mut LayerTree, of, right| -> Result<bool, Error> {
            let known = Known {
                right,
                same,
                // To read what was kept costs more than a look at the few that differ from the version before.
                label: right.is_none().then_some(&kept_label),
            };
            let done = relabel(tree, of, known, &label_of, stage).map_err(failed)?;
            report.written += done.written;
            report.looked_at += done.looked_at;
            report.changed += done.changed;
            let room = MAX_CHANGES - report.changes.len();
            report.changes.extend(done.changes.into_iter().take(room));
            let changed = (done.tree, done.meta) != (tree.tree, tree.meta);
            (tree.tree, tree.meta) = (done.tree, done.meta);
            Ok(changed)
        };
        let mut others = None;
        let mut written = false;
        // Without a policy nothing is said of the labels that a base has.
        if let (Some(base), Some(_)) = (&mut inputs.base, &fingerprint) {
            let right = self.right_tree(fingerprint.as_deref());
            written |= set_right(base, Of::Tree, right)?;
        }
        for layer in &mut inputs.layers {
            if layer.is_right(fingerprint.as_deref()) {
                continue;
            }
            // What the policy leaves without a label has none in a layer, whatever an earlier image has there.
            written |= set_right(&mut layer.tree, Of::Layer, None)?;
            if self.goes_along(layer, &mut others)? {
                layer.recommitted = Some(self.recommit(layer, fingerprint.as_deref(), stage)?);
                written = true;
            }
        }
        Ok(written)
    }

    /// Mode and label of a file, as kept with the layer that brought it.
    fn kept_label(
        &self,
        kept: &OnceCell<FileDigests>,
        file: &Checksum,
    ) -> Option<(u32, Option<Vec<u8>>)> {
        let kept = kept.get_or_init(|| {
            let commits = self.commits.iter().copied().flatten();
            self.storage.repo.file_digests(commits)
        });
        let header = kept.facts(file)?.header?;
        Some((header.mode, header.xattrs.get(SELINUX).map(<[u8]>::to_vec)))
    }

    /// Whether a layer's commit is replaced by one with the image's labels, so that the files of layer and image are the same
    /// objects and the next version finds it right. Not where another stored image has the layer, by another policy.
    fn goes_along(&self, layer: &InputLayer, others: &mut Option<Shared>) -> Result<bool, Error> {
        let digest = &self.layout.layers[layer.index].descriptor.digest;
        // Else the layer was taken over by its diff_id, and nobody has read the blob that the ref is of.
        let is_read = layer_commit(self.storage, digest) == Some(layer.checksum);
        if !is_read || !layer.is_ours() {
            return Ok(false);
        }
        if layer.policy().is_none() {
            return Ok(true);
        }
        let others = match others {
            Some(others) => others,
            // Every image's manifest has to be read for it.
            None => others.insert(self.layers_of_others()?),
        };
        Ok(!others.contains(digest))
    }

    /// Digests of the layers that other stored images have. One that cannot be read may have any.
    fn layers_of_others(&self) -> Result<Shared, Error> {
        let listed = self.storage.list()?;
        if !listed.unreadable.is_empty() {
            return Ok(Shared::Unknown);
        }
        let mut digests = HashSet::new();
        for image in listed.images {
            if image_ref_of(&image.reference)? != self.plan.ref_name {
                let layers = image.manifest.layers().iter();
                digests.extend(layers.map(|layer| layer.digest.clone()));
            }
        }
        Ok(Shared::By(digests))
    }

    /// The commit that importing the layer under the policy, or under none, gives.
    fn recommit(
        &self,
        layer: &InputLayer,
        fingerprint: Option<&str>,
        stage: &Stage,
    ) -> Result<Checksum, Error> {
        let mut commit = layer.commit.clone();
        (commit.tree, commit.meta) = (layer.tree.tree, layer.tree.meta);
        commit.metadata.0.remove(LABEL_POLICY_KEY);
        if let Some(fingerprint) = fingerprint {
            let fingerprint = Value::Str(fingerprint.to_owned());
            commit.metadata.insert(LABEL_POLICY_KEY, fingerprint);
        }
        stage.write_commit(&commit).map_err(|source| Error::Store {
            action: "write a layer's commit with its labels",
            source,
        })
    }

    /// The tree of the image that is stored under the same name, if the same policy labelled it.
    fn right_tree(&self, fingerprint: Option<&str>) -> Option<(Checksum, Checksum)> {
        let previous = self.plan.previous.as_ref()?;
        let commit = self.storage.repo.read_commit(&previous.merge_commit).ok()?;
        let labelled_by = text(&commit, LABEL_POLICY_KEY)?;
        (Some(labelled_by) == fingerprint).then_some((commit.tree, commit.meta))
    }

    /// What the merge commit says of its labels: which policy they are of. Other programs' rules know no such key.
    pub(super) fn label_metadata(&self, labels: &PolicyLabels) -> Option<(String, Value)> {
        let fingerprint = labels.fingerprint()?;
        (self.config.compat == Compat::None)
            .then(|| (LABEL_POLICY_KEY.to_owned(), Value::Str(fingerprint)))
    }
}
