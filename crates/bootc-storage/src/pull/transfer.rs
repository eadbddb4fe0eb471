//! Layers coming in: several at once, each in a worker of its own, finished ones reported in the order they finish.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use image_source::Source;
use oci_manifest::Role;
use ostree_layer::{Import, ImportedLayer, PathPolicy, StagedLayer, UnlabelledLayer};
use ostree_objects::Checksum;
use ostree_store::{Repo, Stage};

use super::blob;
use super::forecast::Forecast;
use super::layer_state::{VerifiedLayers, state_of};
use super::workers::run_all;
use super::{LayerPlan, LayerState, PullConfig};
use crate::selinux::PolicyLabels;
use crate::{Error, Event, IMPORTER_VERSION, Observer};

/// After so many bytes of blobs, what they became is brought to disk in passing: some 200 MB, as much as a disk writes in a
/// second or two. Otherwise the kernel begins late, and at the end all wait for it.
const WRITTEN_OUT_AFTER: u64 = 64 * 1024 * 1024;

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
    /// Bytes of blobs that came since what was written was brought to disk.
    pub(super) came: AtomicU64,
}

/// A layer that is verified, and in the repository or ready to be.
pub(super) enum Arrived {
    /// All its objects are in its stage.
    Whole(Box<StagedLayer>),
    /// Another pull stored it since this one began: its ref is written.
    TakenOver { commit: Checksum },
    /// A commit layer: it may become visible only after the chunks it refers to.
    HeldBack(Box<StagedLayer>),
    /// A derived layer whose labels were not known when it was read.
    Unlabelled(Box<UnlabelledLayer>),
}

impl Transfer<'_> {
    /// Import `layers`, at most `jobs` at once, and hand them to `done` on this thread, while others come in: neither the
    /// network nor the processor waits for the disk.
    ///
    /// After the first error no new layer is begun and those under way stop; what was finished by then is still handed on.
    pub(super) fn run(
        &self,
        layers: &[LayerPlan],
        done: impl FnMut(Vec<(usize, Arrived)>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        run_all(
            self.config.jobs,
            self.in_order(layers),
            |plan, stop| Ok((plan.layer.index, self.take_or_import(plan, stop)?)),
            done,
            || self.write_out(),
        )
    }

    /// While layers come in and none is done: less is left to wait for when one is.
    fn write_out(&self) -> Result<(), Error> {
        if self.came.load(Ordering::Relaxed) < WRITTEN_OUT_AFTER {
            return Ok(());
        }
        self.came.store(0, Ordering::Relaxed);
        self.repo.write_out().map_err(|source| Error::Store {
            action: "bring layers to disk",
            source,
        })
    }

    /// Finish those of `layers` that waited for the policy, at most `jobs` at once: it is known, or no layer has one. What is
    /// done goes to `whole`, though another layer fails.
    pub(super) fn label_all(
        &self,
        layers: &[LayerPlan],
        waiting: Vec<(usize, Box<UnlabelledLayer>)>,
        whole: &mut Vec<(usize, StagedLayer)>,
    ) -> Result<(), Error> {
        if waiting.is_empty() {
            return Ok(());
        }
        let labels = self.forecast.settle(None);
        let plan = |index| layers.iter().find(|plan| plan.layer.index == index);
        let waiting = waiting.into_iter();
        let waiting = waiting.filter_map(|(index, layer)| Some((plan(index)?, layer)));
        run_all(
            self.config.jobs,
            waiting.collect(),
            |(plan, layer), _| Ok((plan.layer.index, self.label(plan, *layer, labels)?)),
            |labelled| {
                whole.extend(labelled);
                Ok(())
            },
            || Ok(()),
        )
    }

    /// The largest layer is begun first: begun last, it would be waited for alone. While the policy is sought, before all
    /// the lowest: it is usually the root file system that brings one.
    fn in_order<'p>(&self, layers: &'p [LayerPlan]) -> VecDeque<&'p LayerPlan> {
        let mut queue: Vec<&LayerPlan> = layers.iter().collect();
        let first = usize::from(self.forecast.labels().is_none());
        if let Some(others) = queue.get_mut(first..) {
            others.sort_by_key(|plan| std::cmp::Reverse(plan.layer.descriptor.size));
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
            self.came.fetch_add(delta, Ordering::Relaxed);
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
            (ImportedLayer::Staged(staged), _) => Ok(Arrived::Whole(staged)),
            (ImportedLayer::Unlabelled(layer), Some(labels)) => {
                let staged = self.label(plan, *layer, labels)?;
                Ok(Arrived::Whole(Box::new(staged)))
            }
            (ImportedLayer::Unlabelled(layer), None) => Ok(Arrived::Unlabelled(layer)),
        }
    }

    /// Finish a layer whose labels are known by now.
    fn label(
        &self,
        plan: &LayerPlan,
        layer: UnlabelledLayer,
        labels: &PolicyLabels,
    ) -> Result<StagedLayer, Error> {
        layer
            .label(labels)
            .map_err(|source| self.layer_error(plan, source))
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
