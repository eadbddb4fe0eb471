//! The merge commit: all layers as one tree, with manifest and config in its metadata.

use std::collections::{BTreeMap, HashSet};

use oci_manifest::created_timestamp;
use ostree_flatten::{DirectoryRule, LayerTree, MergeCommit, Merged, drop_injected_files, merge};
use ostree_objects::{Checksum, Value};
use ostree_store::Stage;

use super::apply::Pull;
use super::labelled::{InputLayer, Inputs, LabelReport};
use super::{Compat, Labels, PullConfig};
use crate::composefs::{KEY_COMPOSEFS_DIGEST, KnownDigests};
use crate::selinux::PolicyLabels;
use crate::stored::StoredImage;
use crate::{Error, Event, IMPORTER_PREFIX, IMPORTER_VERSION, Phase, Warning};

/// Who made a merge commit, and by which rules, where these are not the default.
fn importer(config: &PullConfig) -> String {
    match config.rules() {
        rules if rules.is_empty() => IMPORTER_VERSION.to_owned(),
        rules => format!("{IMPORTER_VERSION}+{rules}"),
    }
}

/// Whether a stored image was merged by us and not by the rules asked for. What another program merged is taken as it is.
pub(super) fn has_other_rules(image: &StoredImage, config: &PullConfig) -> bool {
    let ours = |importer: &&String| importer.starts_with(IMPORTER_PREFIX);
    image
        .importer
        .as_ref()
        .filter(ours)
        .is_some_and(|importer| {
            let rules = importer.split_once('+').map_or("", |(_, rules)| rules);
            rules != config.rules()
        })
}

/// What a merge gave.
pub(super) struct MergedImage {
    pub(super) commit: Checksum,
    pub(super) merge: ostree_flatten::Report,
    pub(super) labels: LabelReport,
}

impl Pull<'_> {
    /// Merge what came in and publish the merge commit's objects; the image's ref is the caller's. Layers whose labels
    /// were set right get their new refs.
    pub(super) fn merge(&mut self, base: Option<&Checksum>) -> Result<MergedImage, Error> {
        (self.observer)(Event::Phase(Phase::Merge));
        let mut inputs = self.inputs(base)?;
        let mut stage = self.merge_stage()?;
        let mut merged = self.merge_trees(&inputs, &mut stage)?;
        let labels = match self.config.labels {
            Labels::OfPolicy => self.merged_policy(&stage, merged.tree)?,
            Labels::Off => PolicyLabels(None),
        };
        let mut report = LabelReport {
            policy: labels.0.as_ref().map(|policy| policy.name().to_owned()),
            ..LabelReport::default()
        };
        let mut labelled = self.merge_stage()?;
        if self.relabel(&mut inputs, &labels, &labelled, &mut report)? {
            (self.observer)(Event::Phase(Phase::Merge));
            // What the first merge wrote goes with its stage.
            merged = self.merge_trees(&inputs, &mut labelled)?;
            stage = labelled;
        }
        self.warn(&merged.report);
        let extra = self.metadata(&inputs, &merged, &labels, &stage)?;
        let commit = self.merge_commit(base, &merged, &extra, &mut stage)?;
        stage.publish().map_err(store("publish the merge commit"))?;
        for (index, commit) in inputs.recommitted() {
            self.replaced(index, commit)?;
        }
        Ok(MergedImage {
            commit,
            merge: merged.report,
            labels: report,
        })
    }

    fn merge_stage(&self) -> Result<Stage, Error> {
        let stage = self.storage.repo.stage();
        let stage = match self.config.names_composefs_image() {
            true => stage.and_then(Stage::with_file_digests),
            false => stage,
        };
        stage.map_err(store("stage the merge commit"))
    }

    fn inputs(&self, base: Option<&Checksum>) -> Result<Inputs, Error> {
        let read = |commit: &Checksum| {
            let commit = self.storage.repo.read_commit(commit);
            commit.map_err(store("read a layer commit"))
        };
        let base = base.map(read).transpose()?;
        let layers = self.layout.derived().filter_map(|layer| {
            let commit = self.commits[layer.index]?;
            Some(read(&commit).map(|object| InputLayer::new(layer.index, commit, object)))
        });
        Ok(Inputs {
            base: base.as_ref().map(LayerTree::from_commit),
            layers: layers.collect::<Result<_, _>>()?,
        })
    }

    fn merge_trees(&self, inputs: &Inputs, stage: &mut Stage) -> Result<Merged, Error> {
        let rule = match self.config.compat {
            Compat::None => DirectoryRule::UpperWins,
            Compat::OstreeExt => DirectoryRule::LowerKept,
        };
        let failed = |source| Error::Merge {
            reference: self.reference.clone(),
            source: Box::new(source),
        };
        let mut merged =
            merge(inputs.base.as_ref(), &inputs.layer_trees(), rule, stage).map_err(failed)?;
        drop_injected_files(&mut merged, stage).map_err(failed)?;
        Ok(merged)
    }

    /// What the merge commit says beyond what other programs' do: its labels' policy, and the digest of its composefs
    /// image. Under other programs' rules, nothing.
    fn metadata(
        &self,
        inputs: &Inputs,
        merged: &Merged,
        labels: &PolicyLabels,
        stage: &Stage,
    ) -> Result<BTreeMap<String, Value>, Error> {
        let mut extra: BTreeMap<_, _> = self.label_metadata(labels).into_iter().collect();
        if !self.config.names_composefs_image() {
            return Ok(extra);
        }
        let known = self.known_digests(inputs, stage)?;
        let digest = known.image_digest(&merged.tree, &merged.meta);
        let digest = digest.map_err(|source| Error::Composefs {
            of: self.reference.clone(),
            source: Box::new(source),
        })?;
        match digest {
            Some(digest) => {
                let digest = Value::Bytes(digest.as_bytes().to_vec());
                extra.insert(KEY_COMPOSEFS_DIGEST.to_owned(), digest);
            }
            None => (self.observer)(Event::Warning(Warning::NoImageDigest)),
        }
        Ok(extra)
    }

    /// The digests of files that are known: kept with the image's layers, as they are from now on; or with what goes,
    /// from which they are taken over.
    fn known_digests<'s>(
        &self,
        inputs: &Inputs,
        stage: &'s Stage,
    ) -> Result<KnownDigests<'s>, Error> {
        let replaced: HashSet<_> = inputs.recommitted().map(|(index, _)| index).collect();
        let of_layers = self.commits.iter().enumerate();
        let of_layers = of_layers.filter_map(|(index, commit)| Some((index, (*commit)?)));
        let (going, staying): (Vec<_>, Vec<_>) =
            of_layers.partition(|(index, _)| replaced.contains(index));
        let previous = self.plan.previous.as_ref().map(|image| image.merge_commit);
        let previous = previous.map(|commit| self.storage.digest_keepers(&commit));
        let going = going.into_iter().map(|(_, commit)| commit);
        KnownDigests::new(
            stage,
            staying.into_iter().map(|(_, commit)| commit),
            going.chain(previous.into_iter().flatten()),
        )
        .map_err(store("read the digests of staged files"))
    }

    fn merge_commit(
        &self,
        base: Option<&Checksum>,
        merged: &Merged,
        extra: &BTreeMap<String, Value>,
        stage: &mut Stage,
    ) -> Result<Checksum, Error> {
        let commit = MergeCommit {
            manifest: self.plan.manifest.raw(),
            manifest_digest: &self.plan.manifest_digest.to_string(),
            config: self.plan.config.raw(),
            importer_version: &importer(self.config),
            parent: base.copied(),
            timestamp: created_timestamp(&self.plan.manifest, &self.plan.config),
            extra,
        };
        commit.write(merged, stage).map_err(|source| Error::Merge {
            reference: self.reference.clone(),
            source: Box::new(source),
        })
    }

    fn warn(&self, report: &ostree_flatten::Report) {
        for fact in &report.replaced {
            (self.observer)(Event::Warning(Warning::ReplacedByDirectory { fact }));
        }
        if report.both_etc_populated {
            (self.observer)(Event::Warning(Warning::BothEtc));
        }
    }
}

fn store(action: &'static str) -> impl FnOnce(ostree_store::Error) -> Error {
    move |source| Error::Store { action, source }
}
