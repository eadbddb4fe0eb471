//! Layers that come in, and those that wait for the policy that labels them.

use std::mem;

use ostree_layer::{PathPolicy, StagedLayer, UnlabelledLayer};

use super::LayerPlan;
use super::apply::Pull;
use super::forecast::Forecast;
use super::transfer::{Arrived, Transfer};
use crate::Error;

/// Layers that wait for the policy at most; each is in memory. When there are more, they get no labels for now, and the
/// merge sets them right.
const MAX_WAITING: usize = 64;

impl Pull<'_> {
    /// Fetch and import `layers`; what is done gets its ref. Returns commit layers, which wait for their chunks.
    pub(super) fn transfer(
        &mut self,
        layers: &[LayerPlan],
        policy: PathPolicy,
        forecast: &Forecast,
    ) -> Result<Vec<(usize, StagedLayer)>, Error> {
        let reference = self.reference.clone();
        let transfer = Transfer {
            repo: &self.storage.repo,
            source: self.source,
            config: self.config,
            policy,
            forecast,
            reference: &reference,
            observer: self.observer,
        };
        let mut held_back = Vec::new();
        let mut waiting = Vec::new();
        let done = transfer.run(layers, |index, arrived| {
            if forecast.labels().is_some() {
                self.label_waiting(&transfer, layers, mem::take(&mut waiting))?;
            }
            match arrived {
                Arrived::Published { commit, report } => {
                    self.arrived(layers, index, commit, report)?;
                }
                Arrived::TakenOver { commit } => {
                    self.taken_over(layers, index, commit);
                    forecast.look_in_stored(self.storage, &self.commits);
                }
                Arrived::HeldBack(staged) => held_back.push((index, *staged)),
                Arrived::Unlabelled(layer) => {
                    waiting.push((index, layer));
                    if forecast.look_in(&waiting) || waiting.len() >= MAX_WAITING {
                        self.label_waiting(&transfer, layers, mem::take(&mut waiting))?;
                    }
                }
            }
            Ok(())
        });
        // Those are whole, and stay though another layer failed.
        let labelled = self.label_waiting(&transfer, layers, waiting);
        done.and(labelled)?;
        Ok(held_back)
    }

    /// Finish the layers that waited for the policy: it is known, or no layer has one.
    fn label_waiting(
        &mut self,
        transfer: &Transfer<'_>,
        layers: &[LayerPlan],
        waiting: Vec<(usize, Box<UnlabelledLayer>)>,
    ) -> Result<(), Error> {
        if waiting.is_empty() {
            return Ok(());
        }
        let labels = transfer.forecast.settle(None);
        let plan = |index| layers.iter().find(|plan| plan.layer.index == index);
        let waiting = waiting.into_iter();
        let waiting = waiting.filter_map(|(index, layer)| Some((plan(index)?, layer)));
        transfer.label_all(waiting.collect(), labels, |index, arrived| match arrived {
            Arrived::Published { commit, report } => self.arrived(layers, index, commit, report),
            Arrived::HeldBack(_) | Arrived::Unlabelled(_) | Arrived::TakenOver { .. } => Ok(()),
        })
    }
}
