//! Carrying out a plan: base layers, derived layers, merge commit, image ref, in that order.

use image_source::Source;
use oci_manifest::{Digest, Layout, Role};
use ostree_layer::{PathPolicy, Report};
use ostree_objects::Checksum;
use ostree_store::SyncedRefDirs;
use selinux_label::Policy;

use super::forecast::Forecast;
use super::labelled::LabelReport;
use super::layer_state::{VerifiedLayers, has_ref, state_of};
use super::merge::MergedImage;
use super::plan::Work;
use super::{Labels, LayerPlan, LayerState, PullConfig, PullPlan};
use crate::lock::LockMode;
use crate::stored::layer_commit;
use crate::{Error, Event, Observer, Phase, Storage};

/// The outcome of a pull.
#[derive(Debug)]
pub struct Pulled {
    /// The image's merge commit.
    pub merge_commit: Checksum,
    /// Digest of its manifest.
    pub manifest_digest: Digest,
    /// Nothing had to be done.
    pub unchanged: bool,
    /// Layers that were fetched and stored, in manifest order.
    pub stored: Vec<StoredReport>,
    /// How many layers the repository held already.
    pub reused: usize,
    /// What merging the layers found; none when unchanged.
    pub merge: Option<ostree_flatten::Report>,
    /// Where the labels come from, and what had to be set right; none when unchanged.
    pub labels: Option<LabelReport>,
}

/// A layer that was fetched, and what its import noticed.
#[derive(Debug)]
pub struct StoredReport {
    /// Position in the manifest.
    pub index: usize,
    /// The blob's digest.
    pub digest: Digest,
    /// Its commit.
    pub commit: Checksum,
    /// What the import noticed.
    pub report: Report,
}

impl Storage {
    /// Carry out `plan`. When this returns `Ok`, the image's ref and all it leads to are on disk.
    ///
    /// Each layer gets its ref as soon as it is verified and synced: what is done stays done if a later
    /// layer fails or the process is killed.
    ///
    /// # Errors
    /// When the image cannot fit, when a layer cannot be fetched, verified or stored, when the layers do not merge, or
    /// when another program holds the repository.
    pub fn apply_pull(
        &self,
        plan: &PullPlan,
        config: &PullConfig,
        observer: &Observer,
    ) -> Result<Pulled, Error> {
        match &plan.work {
            Work::Nothing { merge_commit } => {
                let _lock = self.lock_for_reading(observer)?;
                if !self.is_still_there(plan, merge_commit)? {
                    return Err(Error::PlanOutdated {
                        reference: plan.reference.imgref.to_string(),
                    });
                }
                Ok(Pulled {
                    merge_commit: *merge_commit,
                    manifest_digest: plan.manifest_digest.clone(),
                    unchanged: true,
                    stored: Vec::new(),
                    reused: plan.layers.len(),
                    merge: None,
                    labels: None,
                })
            }
            Work::Import { source, foretold } => {
                plan.require_space()?;
                let _lock = self.lock(LockMode::Shared, observer)?;
                self.check_collisions(&plan.reference.imgref, &plan.ref_name)?;
                self.sweep_stages(observer)?;
                let foretold = foretold.clone();
                Pull::new(self, plan, source.as_ref(), config, observer, foretold)?.run()
            }
        }
    }
}

impl Storage {
    /// What a plan found has neither been replaced nor removed since.
    fn is_still_there(&self, plan: &PullPlan, merge_commit: &Checksum) -> Result<bool, Error> {
        let named = self
            .repo
            .resolve_ref(plan.ref_name.as_str())
            .map_err(|source| Error::Store {
                action: "read an image ref",
                source,
            })?;
        Ok(named == Some(*merge_commit)
            && plan
                .layers
                .iter()
                .all(|plan| layer_commit(self, &plan.layer.descriptor.digest).is_some()))
    }
}

/// A pull under way, with the repository locked.
pub(super) struct Pull<'a> {
    pub(super) storage: &'a Storage,
    pub(super) plan: &'a PullPlan,
    pub(super) source: &'a dyn Source,
    pub(super) config: &'a PullConfig,
    pub(super) observer: &'a Observer,
    /// The policy that layers are labelled by as they come in, once it is known.
    pub(super) foretold: Option<Policy>,
    pub(super) layout: Layout,
    /// The image's name, for errors.
    pub(super) reference: String,
    /// The commit of each layer that is in, by position.
    pub(super) commits: Vec<Option<Checksum>>,
    stored: Vec<StoredReport>,
    reused: usize,
    synced: SyncedRefDirs,
}

impl<'a> Pull<'a> {
    fn new(
        storage: &'a Storage,
        plan: &'a PullPlan,
        source: &'a dyn Source,
        config: &'a PullConfig,
        observer: &'a Observer,
        foretold: Option<Policy>,
    ) -> Result<Self, Error> {
        let reference = plan.reference.imgref.to_string();
        let layout =
            Layout::new(&plan.manifest, &plan.config).map_err(|source| Error::Manifest {
                reference: reference.clone(),
                source,
            })?;
        let commits = vec![None; layout.layers.len()];
        Ok(Self {
            storage,
            plan,
            source,
            config,
            observer,
            foretold,
            layout,
            reference,
            commits,
            stored: Vec::new(),
            reused: 0,
            synced: SyncedRefDirs::default(),
        })
    }

    fn run(mut self) -> Result<Pulled, Error> {
        (self.observer)(Event::Phase(Phase::Layers));
        // The base decides which paths of derived layers are kept, so it comes first.
        let base = self.bring_in_base()?;
        self.bring_in_derived(base.as_ref())?;
        let MergedImage {
            commit: merge_commit,
            merge,
            labels,
        } = self.merge(base.as_ref())?;
        (self.observer)(Event::Phase(Phase::Publish));
        let name = &self.plan.ref_name;
        self.storage
            .set_ref(name, &merge_commit, &mut self.synced)?;
        self.stored.sort_by_key(|layer| layer.index);
        Ok(Pulled {
            merge_commit,
            manifest_digest: self.plan.manifest_digest.clone(),
            unchanged: false,
            stored: self.stored,
            reused: self.reused,
            merge: Some(merge),
            labels: Some(labels),
        })
    }

    /// Commit layer and chunks. The commit refers to objects of the chunks, so it becomes visible after them.
    fn bring_in_base(&mut self) -> Result<Option<Checksum>, Error> {
        let layers = self.wanted(|role| role != Role::Derived, None)?;
        let forecast = Forecast::none();
        let held_back = self.transfer(&layers, PathPolicy::everything(), &forecast)?;
        let stored_base = self
            .layout
            .base_layer()
            .and_then(|layer| self.commits[layer.index]);
        if let Some(commit) = stored_base {
            self.verify_stored_base(&commit, !layers.is_empty())?;
        }
        for (index, staged) in held_back {
            self.verify_new_base(&staged)?;
            let commit = staged.commit;
            staged.stage.publish().map_err(|source| Error::Store {
                action: "publish the base commit",
                source,
            })?;
            self.arrived(&layers, index, commit, staged.report)?;
        }
        Ok(self
            .layout
            .base_layer()
            .and_then(|layer| self.commits[layer.index]))
    }

    fn bring_in_derived(&mut self, base: Option<&Checksum>) -> Result<(), Error> {
        let policy = self.storage.path_policy(base, self.config)?;
        let layers = self.wanted(|role| role == Role::Derived, Some(&policy))?;
        if base.is_some() && !layers.is_empty() {
            (self.observer)(Event::Phase(Phase::Layers));
        }
        let PullPlan {
            previous, config, ..
        } = self.plan;
        let forecast = match self.config.labels {
            Labels::OfPolicy => {
                let planned = self.foretold.as_ref();
                Forecast::new(self.storage, base, previous.as_ref(), config, planned)
            }
            Labels::Off => Forecast::none(),
        };
        forecast.look_in_stored(self.storage, &self.commits);
        self.transfer(&layers, policy, &forecast)?;
        self.foretold = forecast.policy().cloned();
        Ok(())
    }

    /// The layers of some roles, their state looked at again now that nothing can be pruned under us. Those that are
    /// present are taken at once.
    fn wanted(
        &mut self,
        has_role: impl Fn(Role) -> bool,
        policy: Option<&PathPolicy>,
    ) -> Result<Vec<LayerPlan>, Error> {
        let verified = VerifiedLayers::read(&self.storage.repo)?;
        let mut missing: Vec<LayerPlan> = Vec::new();
        for layer in self
            .layout
            .layers
            .clone()
            .into_iter()
            .filter(|layer| has_role(layer.role))
        {
            let index = layer.index;
            let state = state_of(&self.storage.repo, &layer, policy, &verified)?;
            let plan = LayerPlan { layer, state };
            match &plan.state {
                LayerState::Present { commit } => {
                    self.commits[index] = Some(*commit);
                    self.reused += 1;
                }
                LayerState::SameContent { commit, .. } => {
                    let commit = *commit;
                    // Nobody has read this blob, so the ref of one that somebody did read stays.
                    if !has_ref(&self.storage.repo, &plan.layer)? {
                        self.set_layer_ref(&plan, &commit)?;
                    }
                    self.commits[index] = Some(commit);
                    self.reused += 1;
                    (self.observer)(Event::LayerReused {
                        layer: &plan,
                        commit: &commit,
                    });
                }
                // An image may list one layer twice; it is fetched once.
                LayerState::Missing => {
                    let digest = &plan.layer.descriptor.digest;
                    if !missing
                        .iter()
                        .any(|other| other.layer.descriptor.digest == *digest)
                    {
                        missing.push(plan);
                    }
                }
            }
        }
        Ok(missing)
    }

    /// Another pull stored the layer, and wrote its ref, since this one looked.
    pub(super) fn taken_over(&mut self, layers: &[LayerPlan], index: usize, commit: Checksum) {
        let Some(plan) = layers.iter().find(|plan| plan.layer.index == index) else {
            return;
        };
        self.reused += self.is_in(&plan.layer.descriptor.digest, commit);
        let plan = LayerPlan {
            layer: plan.layer.clone(),
            state: LayerState::Present { commit },
        };
        (self.observer)(Event::LayerReused {
            layer: &plan,
            commit: &commit,
        });
    }

    /// The commit of every layer of that digest; says how many there are.
    fn is_in(&mut self, digest: &Digest, commit: Checksum) -> usize {
        let same = self.layout.layers.iter();
        let same = same.filter(|layer| layer.descriptor.digest == *digest);
        same.map(|layer| self.commits[layer.index] = Some(commit))
            .count()
    }

    /// A layer's objects are in the repository: give it its ref.
    pub(super) fn arrived(
        &mut self,
        layers: &[LayerPlan],
        index: usize,
        commit: Checksum,
        report: Report,
    ) -> Result<(), Error> {
        let Some(plan) = layers.iter().find(|plan| plan.layer.index == index) else {
            return Ok(());
        };
        // An import that somebody left half done may have marked it.
        self.storage
            .repo
            .unmark_partial(&commit)
            .map_err(|source| Error::Store {
                action: "unmark a commit that is whole",
                source,
            })?;
        self.set_layer_ref(plan, &commit)?;
        let digest = plan.layer.descriptor.digest.clone();
        self.is_in(&digest, commit);
        (self.observer)(Event::LayerStored {
            layer: plan,
            commit: &commit,
            report: &report,
        });
        self.stored.push(StoredReport {
            index,
            digest,
            commit,
            report,
        });
        Ok(())
    }

    /// A layer has another commit now, with the labels of the image's policy.
    pub(super) fn replaced(&mut self, index: usize, commit: Checksum) -> Result<(), Error> {
        let digest = self.layout.layers[index].descriptor.digest.clone();
        self.set_ref_of(&digest, &commit)?;
        self.is_in(&digest, commit);
        for stored in self
            .stored
            .iter_mut()
            .filter(|stored| stored.digest == digest)
        {
            stored.commit = commit;
        }
        Ok(())
    }

    fn set_layer_ref(&mut self, plan: &LayerPlan, commit: &Checksum) -> Result<(), Error> {
        self.set_ref_of(&plan.layer.descriptor.digest, commit)
    }

    fn set_ref_of(&mut self, digest: &Digest, commit: &Checksum) -> Result<(), Error> {
        let name = ostree_refs::blob_ref(digest).map_err(|source| Error::Ref {
            reference: digest.to_string(),
            source,
        })?;
        self.storage.set_ref(&name, commit, &mut self.synced)
    }
}
