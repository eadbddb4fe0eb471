//! Layers coming in: several at once, each in a worker of its own, finished ones reported in the order they finish.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};

use image_source::Source;
use oci_manifest::Role;
use ostree_layer::{Import, ImportedLayer, PathPolicy, Report, StagedLayer, UnlabelledLayer};
use ostree_objects::Checksum;
use ostree_store::{Repo, Stage};

use super::blob;
use super::forecast::Forecast;
use super::layer_state::{VerifiedLayers, state_of};
use super::workers::run_all;
use super::{LayerPlan, LayerState, PullConfig};
use crate::selinux::PolicyLabels;
use crate::{Error, Event, IMPORTER_VERSION, Observer};

/// What every worker needs.
pub(super) struct Transfer<'a> {
    pub(super) repo: &'a Repo,
    pub(super) source: &'a dyn Source,
    pub(super) config: &'a PullConfig,
    /// For derived layers; the paths of base layers are not looked at.
    pub(super) policy: PathPolicy,
    /// The labels of derived layers.
    pub(super) forecast: &'a Forecast,
    pub(super) reference: &'a str,
    pub(super) observer: &'a Observer,
}

/// A layer that is verified and in the repository, or ready to be.
pub(super) enum Arrived {
    /// Its objects are published and synced; its ref is not written.
    Published { commit: Checksum, report: Report },
    /// Another pull stored it since this one began: its ref is written.
    TakenOver { commit: Checksum },
    /// A commit layer: it may become visible only after the chunks it refers to.
    HeldBack(Box<StagedLayer>),
    /// A derived layer whose labels were not known when it was read.
    Unlabelled(Box<UnlabelledLayer>),
}

impl Transfer<'_> {
    /// Import `layers`, at most `jobs` at once, and hand each to `done` on this thread.
    ///
    /// After the first error no new layer is begun and those under way stop; what was finished by then is still handed on.
    pub(super) fn run(
        &self,
        layers: &[LayerPlan],
        mut done: impl FnMut(usize, Arrived) -> Result<(), Error>,
    ) -> Result<(), Error> {
        run_all(
            self.config.jobs,
            self.in_order(layers),
            |plan, stop| Ok((plan.layer.index, self.take_or_import(plan, stop)?)),
            |(index, arrived)| done(index, arrived),
        )
    }

    /// Finish layers whose labels are known by now, given with their plans, as [`Self::run`] does.
    pub(super) fn label_all(
        &self,
        layers: VecDeque<(&LayerPlan, Box<UnlabelledLayer>)>,
        labels: &PolicyLabels,
        mut done: impl FnMut(usize, Arrived) -> Result<(), Error>,
    ) -> Result<(), Error> {
        run_all(
            self.config.jobs,
            layers,
            |(plan, layer), _| Ok((plan.layer.index, self.label(plan, *layer, labels)?)),
            |(index, arrived)| done(index, arrived),
        )
    }

    /// The largest layer is begun first: begun last, it would be waited for alone. While the policy is sought, the
    /// lowest: it is usually the root file system that brings one.
    fn in_order<'p>(&self, layers: &'p [LayerPlan]) -> VecDeque<&'p LayerPlan> {
        let mut queue: Vec<&LayerPlan> = layers.iter().collect();
        if self.forecast.labels().is_some() {
            queue.sort_by_key(|plan| std::cmp::Reverse(plan.layer.descriptor.size));
        }
        queue.into()
    }

    /// Two pulls of one image at once share the work: a layer that the other one finished before this one comes to it is
    /// not fetched again. What both have begun, both fetch.
    fn take_or_import(&self, plan: &LayerPlan, stop: &AtomicBool) -> Result<Arrived, Error> {
        let verified = VerifiedLayers::default();
        match state_of(self.repo, &plan.layer, Some(&self.policy), &verified)? {
            LayerState::Present { commit } => Ok(Arrived::TakenOver { commit }),
            _ => self.import(plan, stop),
        }
    }

    fn import(&self, plan: &LayerPlan, stop: &AtomicBool) -> Result<Arrived, Error> {
        (self.observer)(Event::LayerStarted(plan));
        let layer = &plan.layer;
        let blob = blob::open(self.source, self.reference, layer)?;
        let on_bytes = |delta| {
            (self.observer)(Event::LayerBytes {
                index: layer.index,
                delta,
            });
        };
        let stage = self.repo.stage();
        // For the digest in the merge commit.
        let stage = match self.config.names_composefs_image() {
            true => stage.and_then(Stage::with_file_digests),
            false => stage,
        };
        let stage = stage.map_err(|source| Error::Store {
            action: "stage a layer",
            source,
        })?;
        let import = Import {
            policy: &self.policy,
            labels: self.forecast.labelling(),
            limits: &self.config.limits,
            on_bytes: &on_bytes,
            importer: IMPORTER_VERSION,
        };
        let input = blob::input(layer, &blob);
        let reader = Stoppable {
            inner: blob.reader,
            stop,
        };
        let imported = ostree_layer::import(reader, &input, &import, stage)
            .map_err(|source| self.layer_error(plan, source))?;
        match (imported, self.forecast.labels()) {
            (ImportedLayer::Staged(staged), _) if layer.role == Role::Commit => {
                Ok(Arrived::HeldBack(staged))
            }
            (ImportedLayer::Staged(staged), _) => publish(*staged),
            (ImportedLayer::Unlabelled(layer), Some(labels)) => self.label(plan, *layer, labels),
            (ImportedLayer::Unlabelled(layer), None) => Ok(Arrived::Unlabelled(layer)),
        }
    }

    /// Finish a layer whose labels are known by now.
    fn label(
        &self,
        plan: &LayerPlan,
        layer: UnlabelledLayer,
        labels: &PolicyLabels,
    ) -> Result<Arrived, Error> {
        let staged = layer
            .label(labels)
            .map_err(|source| self.layer_error(plan, source))?;
        publish(staged)
    }

    fn layer_error(&self, plan: &LayerPlan, source: ostree_layer::Error) -> Error {
        Error::Layer {
            reference: self.reference.to_owned(),
            index: plan.layer.index,
            digest: plan.layer.descriptor.digest.clone(),
            source: Box::new(source),
        }
    }
}

/// A layer's objects become part of the repository.
fn publish(staged: StagedLayer) -> Result<Arrived, Error> {
    let StagedLayer {
        commit,
        stage,
        report,
        ..
    } = staged;
    stage.publish().map_err(|source| Error::Store {
        action: "publish a layer's objects",
        source,
    })?;
    Ok(Arrived::Published { commit, report })
}

/// A blob that ends with an error once another layer has failed.
struct Stoppable<'a, R> {
    inner: R,
    stop: &'a AtomicBool,
}

impl<R: Read> Read for Stoppable<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("stopped because another layer failed"));
        }
        self.inner.read(buf)
    }
}
