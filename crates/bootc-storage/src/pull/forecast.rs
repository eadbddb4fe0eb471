//! Which policy will label the image, as far as that can be known before its layers are in.
//!
//! Labels are part of objects, and the merged tree's own policy decides them. So it is foretold, layers are written
//! with the labels of what was foretold, and the merge sets right what turns out different.

use std::sync::OnceLock;

use oci_manifest::Config;
use ostree_layer::{Labelling, Labels, LayerFiles, SeekLabels, UnlabelledLayer};
use ostree_objects::Checksum;
use selinux_label::{Engine, Policy, is_policy_path};

use crate::Storage;
use crate::selinux::{PolicyLabels, StoredTree, WaitingLayers};
use crate::stored::StoredImage;

/// Labels in an image's config that say that it boots: such images usually bring a policy.
const BOOTABLE: [&str; 2] = ["containers.bootc", "ostree.bootable"];

/// Which policy an image's labels are expected to come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedPolicy {
    /// The base's, of this name.
    Base(String),
    /// That of the image that is stored under the same name, of this name.
    Previous(String),
    /// The base's, which is not here yet.
    FetchedBase,
    /// One that the image's layers may bring; they wait for it unlabelled.
    Layers,
    /// None: an image that does not say that it boots.
    None,
    /// None: no labels are wanted.
    Off,
}

/// What is known of the labels of derived layers while these come in.
pub(super) struct Forecast {
    pub(super) expected: ExpectedPolicy,
    labels: OnceLock<PolicyLabels>,
    engine: Engine,
}

impl Forecast {
    /// For layers on top of `base`, of an image that `previous` may be an earlier version of. `planned` is what was foretold
    /// before.
    pub(super) fn new(
        storage: &Storage,
        base: Option<&Checksum>,
        previous: Option<&StoredImage>,
        config: &Config,
        planned: Option<&Policy>,
    ) -> Self {
        let of_base = base.and_then(|base| {
            let root = storage.repo.read_commit(base).ok()?.tree;
            policy_of(storage, root, planned)
        });
        if let Some(policy) = of_base {
            return Self::known(ExpectedPolicy::Base(policy.name().to_owned()), Some(policy));
        }
        let of_previous = previous.and_then(|image| policy_of(storage, image.tree.0, planned));
        if let Some(policy) = of_previous {
            let expected = ExpectedPolicy::Previous(policy.name().to_owned());
            return Self::known(expected, Some(policy));
        }
        let says_it_boots = BOOTABLE
            .iter()
            .any(|label| config.labels().contains_key(*label));
        if base.is_some() || previous.is_some() || !says_it_boots {
            return Self::known(ExpectedPolicy::None, None);
        }
        Self {
            expected: ExpectedPolicy::Layers,
            labels: OnceLock::new(),
            engine: storage.label_engine,
        }
    }

    /// For layers that bring their own labels, or get none.
    pub(super) fn none() -> Self {
        Self::known(ExpectedPolicy::None, None)
    }

    fn known(expected: ExpectedPolicy, policy: Option<Policy>) -> Self {
        Self {
            expected,
            labels: OnceLock::from(PolicyLabels(policy)),
            engine: Engine::default(),
        }
    }

    /// The labels, once they are known.
    pub(super) fn labels(&self) -> Option<&PolicyLabels> {
        self.labels.get()
    }

    /// The policy, once it is known and where there is one.
    pub(super) fn policy(&self) -> Option<&Policy> {
        self.labels()?.0.as_ref()
    }

    /// How a layer is to be imported that begins now.
    pub(super) fn labelling(&self) -> Labelling<'_> {
        self.labels()
            .map_or(Labelling::Sought(self), |labels| Labelling::By(labels))
    }

    /// Look for the policy in the layers that wait, given with their positions. True once the labels are known.
    pub(super) fn look_in(&self, waiting: &[(usize, Box<UnlabelledLayer>)]) -> bool {
        let mut layers: Vec<_> = waiting.iter().collect();
        layers.sort_by_key(|(index, _)| std::cmp::Reverse(*index));
        let layers = layers
            .into_iter()
            .map(|(_, layer)| layer.as_ref() as &dyn LayerFiles);
        self.look_in_files(&WaitingLayers(layers.collect()));
        self.labels().is_some()
    }

    /// Look for the policy in layers that are stored already, given by their commits in the order of the manifest.
    pub(super) fn look_in_stored(&self, storage: &Storage, commits: &[Option<Checksum>]) {
        if self.labels().is_some() {
            return;
        }
        let trees: Vec<StoredTree<'_>> = commits
            .iter()
            .rev()
            .flatten()
            .filter_map(|commit| storage.repo.read_commit(commit).ok())
            .map(|commit| StoredTree::published(&storage.repo, commit.tree))
            .collect();
        let files = trees.iter().map(|tree| tree as &dyn LayerFiles);
        self.look_in_files(&WaitingLayers(files.collect()));
    }

    /// A policy that is not whole yet, or bad, is no forecast; the merged tree's is what counts.
    fn look_in_files(&self, files: &WaitingLayers<'_>) {
        if let Ok(Some(policy)) = Policy::open_with(files, self.engine) {
            self.settle(Some(policy));
        }
    }

    /// All layers are in: without a policy, if none was found.
    pub(super) fn settle(&self, policy: Option<Policy>) -> &PolicyLabels {
        self.labels.get_or_init(|| PolicyLabels(policy))
    }
}

impl SeekLabels for Forecast {
    fn known(&self) -> Option<&dyn Labels> {
        self.labels().map(|labels| labels as &dyn Labels)
    }

    fn tells(&self, path: &str) -> bool {
        is_policy_path(path)
    }

    fn look(&self, files: &dyn LayerFiles) -> Option<&dyn Labels> {
        self.look_in_files(&WaitingLayers(vec![files]));
        self.known()
    }
}

/// The policy of a stored tree. What cannot be read or understood is no forecast.
fn policy_of(storage: &Storage, root: Checksum, known: Option<&Policy>) -> Option<Policy> {
    let tree = StoredTree::published(&storage.repo, root);
    storage.open_policy(&tree, known).ok()?
}
