//! Layers that come in, and those that wait for the policy that labels them.

use std::mem;
use std::sync::atomic::AtomicU64;

use ostree_layer::{PathPolicy, StagedLayer};
use ostree_store::Stage;

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
            came: AtomicU64::new(0),
        };
        let mut held_back = Vec::new();
        let mut waiting = Vec::new();
        let done = transfer.run(layers, |arrived| {
            let mut whole = Vec::new();
            for (index, arrived) in arrived {
                match arrived {
                    Arrived::Whole(staged) => whole.push((index, *staged)),
                    Arrived::HeldBack(staged) => held_back.push((index, *staged)),
                    Arrived::Unlabelled(layer) => waiting.push((index, layer)),
                    Arrived::TakenOver { commit } => {
                        self.taken_over(layers, index, commit);
                        forecast.look_in_stored(self.storage, &self.commits);
                    }
                }
            }
            let labelled = match forecast.look_in(&waiting) || waiting.len() >= MAX_WAITING {
                true => transfer.label_all(layers, mem::take(&mut waiting), &mut whole),
                false => Ok(()),
            };
            self.publish(layers, whole).and(labelled)
        });
        // Those are whole, and stay though another layer failed.
        let mut whole = Vec::new();
        let labelled = transfer.label_all(layers, waiting, &mut whole);
        let published = self.publish(layers, whole);
        done.and(labelled).and(published)?;
        Ok(held_back)
    }

    /// The objects of these layers become part of the repository, with one sync, and then each layer gets its ref.
    fn publish(
        &mut self,
        layers: &[LayerPlan],
        whole: Vec<(usize, StagedLayer)>,
    ) -> Result<(), Error> {
        let (mut stages, mut commits) = (Vec::new(), Vec::new());
        for (index, staged) in whole {
            stages.push(staged.stage);
            commits.push((index, staged.commit, staged.report));
        }
        Stage::publish_all(&stages).map_err(|source| Error::Store {
            action: "publish the objects of layers",
            source,
        })?;
        for (index, commit, report) in commits {
            self.arrived(layers, index, commit, report)?;
        }
        Ok(())
    }
}
