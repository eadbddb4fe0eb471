//! What a pull would do: everything that is known before the first layer is read.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use image_source::Source;
use oci_manifest::{
    Config, Digest, ImageReference, Layout, Manifest, OstreeImageReference, Role, SignatureSource,
};
use ostree_layer::PathPolicy;
use ostree_objects::Checksum;
use ostree_refs::{IMAGE_PREFIX, RefName, collides};
use selinux_label::Policy;

use super::forecast::{ExpectedPolicy, Forecast};
use super::layer_state::{VerifiedLayers, state_of};
use super::merge::has_other_rules;
use super::{Labels, LayerPlan, LayerState, PullConfig, SpaceNeed};
use crate::list::chain;
use crate::stored::{StoredImage, image_ref_of};
use crate::{Error, Event, Observer, Phase, Storage, Warning, path_policy};

/// A pull that has been thought through and not begun.
#[derive(Debug)]
pub struct PullPlan {
    /// The image, as asked for.
    pub reference: OstreeImageReference,
    /// The ref the image has or will have.
    pub ref_name: RefName,
    /// Digest of the manifest at the source.
    pub manifest_digest: Digest,
    /// The manifest.
    pub manifest: Manifest,
    /// The config.
    pub config: Config,
    /// Every layer in manifest order.
    pub layers: Vec<LayerPlan>,
    /// What is stored under this name now.
    pub previous: Option<StoredImage>,
    /// Space needed and free.
    pub space: SpaceNeed,
    /// The path policy for derived layers; none while the base that decides it is missing.
    pub path_policy: Option<PathPolicy>,
    /// The SELinux policy that labels derived layers while they come in; the merged tree's own decides in the end.
    pub policy: ExpectedPolicy,
    pub(super) work: Work,
}

/// What applying a plan means.
pub(super) enum Work {
    /// The image is stored already.
    Nothing { merge_commit: Checksum },
    /// Layers may have to be fetched, and the merge commit written.
    Import {
        source: Box<dyn Source>,
        /// The policy that the layers are expected to be labelled by, where it is here already.
        foretold: Option<Policy>,
    },
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing { .. } => "Nothing",
            Self::Import { .. } => "Import",
        })
    }
}

impl PullPlan {
    /// The image is stored already, with this very manifest and all its layers.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        matches!(self.work, Work::Nothing { .. })
    }

    /// Layers that have to be fetched. One that the image has twice is fetched once.
    pub fn missing(&self) -> impl Iterator<Item = &LayerPlan> {
        missing(&self.layers)
    }

    /// Bytes that have to be transferred.
    #[must_use]
    pub fn missing_bytes(&self) -> u64 {
        missing_bytes(&self.layers)
    }

    /// That the image can fit, as far as that can be told beforehand. Applying the plan asks this first.
    ///
    /// # Errors
    /// [`Error::NoSpace`] when the transfer sizes alone are more than may be written.
    pub fn require_space(&self) -> Result<(), Error> {
        if !self.space.is_short() {
            return Ok(());
        }
        Err(Error::NoSpace {
            reference: self.reference.imgref.to_string(),
            needed_bytes: self.space.at_least_bytes,
            available_bytes: self.space.available_bytes,
            reserved_bytes: self.space.reserved_bytes,
        })
    }
}

fn missing(layers: &[LayerPlan]) -> impl Iterator<Item = &LayerPlan> {
    let mut seen = HashSet::new();
    layers.iter().filter(move |plan| {
        plan.state == LayerState::Missing && seen.insert(&plan.layer.descriptor.digest)
    })
}

pub(super) fn missing_bytes(layers: &[LayerPlan]) -> u64 {
    missing(layers).fold(0, |sum, plan| sum.saturating_add(plan.missing_bytes()))
}

impl Storage {
    /// Find out what pulling `reference` would do. Reads manifest and, where the image is new, config; writes
    /// nothing.
    ///
    /// # Errors
    /// When the source cannot be opened, verified as the reference asks, or does not hold an image for the
    /// platform. That it cannot fit is no error of the plan: see [`PullPlan::require_space`].
    pub fn plan_pull(
        &self,
        reference: &OstreeImageReference,
        config: &PullConfig,
        observer: &Observer,
    ) -> Result<PullPlan, Error> {
        self.plan_pull_as(reference, &reference.imgref, config, observer)
    }

    /// As [`Self::plan_pull`], but the image is stored under `name`: an installer takes it from a place that is not
    /// where upgrades come from.
    ///
    /// # Errors
    /// As [`Self::plan_pull`].
    pub fn plan_pull_as(
        &self,
        reference: &OstreeImageReference,
        name: &ImageReference,
        config: &PullConfig,
        observer: &Observer,
    ) -> Result<PullPlan, Error> {
        observer(Event::Phase(Phase::Manifest));
        let name = name.canonical();
        let ref_name = image_ref_of(&name)?;
        let previous = self.previous(&name, observer);
        if let Some(stored) = pinned(&reference.imgref, reference, previous.as_ref()) {
            let stored = stored.clone();
            if let Some(plan) = self.unchanged(reference, &ref_name, &stored, config)? {
                return Ok(plan);
            }
        }
        let source = self.open_source(reference, config, observer)?;
        if let Some(stored) = &previous
            && stored.manifest_digest == *source.manifest_digest()
            && let Some(plan) = self.unchanged(reference, &ref_name, stored, config)?
        {
            return Ok(plan);
        }
        self.check_collisions(&name, &ref_name)?;
        self.plan_import(reference, ref_name, previous, source, config)
    }

    fn plan_import(
        &self,
        reference: &OstreeImageReference,
        ref_name: RefName,
        previous: Option<StoredImage>,
        source: Box<dyn Source>,
        config: &PullConfig,
    ) -> Result<PullPlan, Error> {
        let name = reference.imgref.to_string();
        let image_config = source.config().map_err(|e| Error::Source {
            reference: name.clone(),
            source: Box::new(e),
        })?;
        let manifest = source.manifest().clone();
        let invalid = |source| Error::Manifest {
            reference: name.clone(),
            source,
        };
        image_config
            .check_platform(&config.source.platform)
            .map_err(invalid)?;
        let layout = Layout::new(&manifest, &image_config).map_err(invalid)?;
        check_remote(reference, &layout)?;
        let (layers, path_policy) = self.layer_plans(&layout, config)?;
        let (policy, foretold) =
            self.expected_policy(&layers, previous.as_ref(), &image_config, config.labels);
        let space = SpaceNeed::of(&self.repo, &layers)?;
        Ok(PullPlan {
            reference: reference.clone(),
            ref_name,
            manifest_digest: source.manifest_digest().clone(),
            manifest,
            config: image_config,
            layers,
            previous,
            space,
            path_policy,
            policy,
            work: Work::Import { source, foretold },
        })
    }

    /// The state of every layer, and the path policy if the base that decides it is stored.
    pub(super) fn layer_plans(
        &self,
        layout: &Layout,
        config: &PullConfig,
    ) -> Result<(Vec<LayerPlan>, Option<PathPolicy>), Error> {
        let verified = VerifiedLayers::read(&self.repo)?;
        let base = match layout.base_layer() {
            None => None,
            Some(layer) => Some(state_of(&self.repo, layer, None, &verified)?),
        };
        let path_policy = match base {
            None => Some(self.path_policy(None, config)?),
            Some(LayerState::Present { commit }) => self.path_policy(Some(&commit), config).ok(),
            Some(_) => None,
        };
        let layers = layout
            .layers
            .iter()
            .map(|layer| {
                let state = state_of(&self.repo, layer, path_policy.as_ref(), &verified)?;
                Ok(LayerPlan {
                    layer: layer.clone(),
                    state,
                })
            })
            .collect::<Result<Vec<_>, Error>>()?;
        Ok((layers, path_policy))
    }

    /// Where labels will come from, as far as that is known before the base is in.
    fn expected_policy(
        &self,
        layers: &[LayerPlan],
        previous: Option<&StoredImage>,
        config: &Config,
        labels: Labels,
    ) -> (ExpectedPolicy, Option<Policy>) {
        if labels == Labels::Off {
            return (ExpectedPolicy::Off, None);
        }
        let base = layers.iter().find(|plan| plan.layer.role == Role::Commit);
        let commit = match base.map(|plan| &plan.state) {
            None => None,
            Some(LayerState::Present { commit }) => Some(commit),
            Some(_) => return (ExpectedPolicy::FetchedBase, None),
        };
        let forecast = Forecast::new(self, commit, previous, config, None);
        let policy = forecast.policy().cloned();
        (forecast.expected, policy)
    }

    pub(super) fn path_policy(
        &self,
        base: Option<&Checksum>,
        config: &PullConfig,
    ) -> Result<PathPolicy, Error> {
        path_policy::for_base(&self.repo, base, config.compat).map_err(|source| Error::Store {
            action: "read the base's prepare-root.conf",
            source,
        })
    }

    /// What is stored under the name; an image that cannot be read counts as none and is pulled anew.
    fn previous(&self, name: &ImageReference, observer: &Observer) -> Option<StoredImage> {
        match StoredImage::find(self, name) {
            Ok(stored) => stored,
            Err(error) => {
                let reason = chain(&error);
                observer(Event::Warning(Warning::Unreadable {
                    name: &name.to_string(),
                    reason: &reason,
                }));
                None
            }
        }
    }

    fn open_source(
        &self,
        reference: &OstreeImageReference,
        config: &PullConfig,
        observer: &Observer,
    ) -> Result<Box<dyn Source>, Error> {
        let observer = Arc::clone(observer);
        let on_event = Arc::new(move |event| observer(Event::Source(&event)));
        image_source::open(reference, &config.source, on_event).map_err(|source| Error::Source {
            reference: reference.imgref.to_string(),
            source: Box::new(source),
        })
    }

    /// A plan that does nothing, if the stored image is what was asked for and every layer still has its ref.
    fn unchanged(
        &self,
        reference: &OstreeImageReference,
        ref_name: &RefName,
        stored: &StoredImage,
        config: &PullConfig,
    ) -> Result<Option<PullPlan>, Error> {
        let Ok(layout) = Layout::new(&stored.manifest, &stored.config) else {
            return Ok(None);
        };
        if has_other_rules(stored, config)
            || stored
                .config
                .check_platform(&config.source.platform)
                .is_err()
        {
            return Ok(None);
        }
        check_remote(reference, &layout)?;
        let verified = VerifiedLayers::default();
        let mut layers = Vec::with_capacity(layout.layers.len());
        for layer in &layout.layers {
            let state = state_of(&self.repo, layer, None, &verified)?;
            if state == LayerState::Missing {
                return Ok(None);
            }
            if let LayerState::Present { commit } = &state
                && layer.role == Role::Commit
            {
                self.verify_stored_signature(reference, commit)?;
            }
            layers.push(LayerPlan {
                layer: layer.clone(),
                state,
            });
        }
        Ok(Some(PullPlan {
            reference: reference.clone(),
            ref_name: ref_name.clone(),
            manifest_digest: stored.manifest_digest.clone(),
            manifest: stored.manifest.clone(),
            config: stored.config.clone(),
            space: SpaceNeed::of(&self.repo, &layers)?,
            layers,
            previous: Some(stored.clone()),
            path_policy: None,
            policy: ExpectedPolicy::None,
            work: Work::Nothing {
                merge_commit: stored.merge_commit,
            },
        }))
    }

    /// Refs are files: `a/b` and `a/b/c` cannot both exist.
    pub(super) fn check_collisions(
        &self,
        name: &ImageReference,
        ref_name: &RefName,
    ) -> Result<(), Error> {
        let refs = self
            .repo
            .list_refs(IMAGE_PREFIX)
            .map_err(|source| Error::Store {
                action: "list image refs",
                source,
            })?;
        let broken = refs.broken.into_iter().map(|broken| broken.name);
        let refs = refs.refs.into_iter().map(|(name, _)| name);
        let in_the_way = refs.chain(broken).find(|existing| {
            existing
                .parse()
                .is_ok_and(|existing| collides(ref_name, &existing))
        });
        match in_the_way {
            None => Ok(()),
            Some(existing) => Err(Error::RefCollision {
                reference: name.to_string(),
                existing,
            }),
        }
    }
}

/// The stored image, if the reference names it by digest and nobody has to be asked whether it may be used.
fn pinned<'a>(
    name: &ImageReference,
    reference: &OstreeImageReference,
    stored: Option<&'a StoredImage>,
) -> Option<&'a StoredImage> {
    let digest = name.digest()?;
    let unverified = reference.sigverify == SignatureSource::ContainerPolicyAllowInsecure;
    stored.filter(|image| unverified && image.manifest_digest == digest)
}

/// An ostree remote signs base commits; what lies on top of one, it cannot vouch for.
fn check_remote(reference: &OstreeImageReference, layout: &Layout) -> Result<(), Error> {
    if !matches!(reference.sigverify, SignatureSource::OstreeRemote(_)) {
        return Ok(());
    }
    if layout
        .layers
        .iter()
        .all(|layer| layer.role == Role::Derived)
    {
        return Err(Error::RemoteCannotVerify {
            reason: "the image has no ostree base",
        });
    }
    if layout
        .layers
        .iter()
        .any(|layer| layer.role == Role::Derived)
    {
        return Err(Error::RemoteCannotVerify {
            reason: "the image has layers on top of its ostree base",
        });
    }
    Ok(())
}
