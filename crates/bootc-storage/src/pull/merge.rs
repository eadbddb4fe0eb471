//! The merge commit: all layers as one tree, with manifest and config in its metadata.

use std::collections::BTreeMap;

use oci_manifest::created_timestamp;
use ostree_flatten::{DirectoryRule, LayerTree, MergeCommit, drop_injected_files, merge};
use ostree_objects::Checksum;

use super::Compat;
use super::apply::Pull;
use crate::stored::StoredImage;
use crate::{Error, Event, IMPORTER_PREFIX, IMPORTER_VERSION, Phase, Warning};

/// What a merge commit made under other rules has behind the importer's version.
const COMPAT_SUFFIX: &str = "+compat.ostree-ext";

/// Who made a merge commit, and by whose rules.
fn importer(compat: Compat) -> String {
    match compat {
        Compat::None => IMPORTER_VERSION.to_owned(),
        Compat::OstreeExt => format!("{IMPORTER_VERSION}{COMPAT_SUFFIX}"),
    }
}

/// Whether a stored image was merged by us and not by the rules asked for. What another program merged is taken as it is.
pub(super) fn has_other_rules(image: &StoredImage, compat: Compat) -> bool {
    image.importer.as_ref().is_some_and(|importer| {
        importer.starts_with(IMPORTER_PREFIX)
            && importer.ends_with(COMPAT_SUFFIX) != (compat == Compat::OstreeExt)
    })
}

impl Pull<'_> {
    /// Merge what came in and publish the merge commit's objects; the ref is the caller's.
    pub(super) fn merge(
        &self,
        base: Option<&Checksum>,
    ) -> Result<(Checksum, ostree_flatten::Report), Error> {
        (self.observer)(Event::Phase(Phase::Merge));
        let base_tree = base.map(|commit| self.layer_tree(commit)).transpose()?;
        let layers = self
            .layout
            .derived()
            .filter_map(|layer| self.commits[layer.index])
            .map(|commit| self.layer_tree(&commit))
            .collect::<Result<Vec<_>, Error>>()?;
        let rule = match self.config.compat {
            Compat::None => DirectoryRule::UpperWins,
            Compat::OstreeExt => DirectoryRule::LowerKept,
        };
        let failed = |source| Error::Merge {
            reference: self.reference.clone(),
            source: Box::new(source),
        };
        let mut stage = self
            .storage
            .repo
            .stage()
            .map_err(store("stage the merge commit"))?;
        let mut merged = merge(
            &self.storage.repo,
            base_tree.as_ref(),
            &layers,
            rule,
            &mut stage,
        )
        .map_err(failed)?;
        drop_injected_files(&self.storage.repo, &mut merged, &mut stage).map_err(failed)?;
        self.warn(&merged.report);
        let commit = MergeCommit {
            manifest: self.plan.manifest.raw(),
            manifest_digest: &self.plan.manifest_digest.to_string(),
            config: self.plan.config.raw(),
            importer_version: &importer(self.config.compat),
            parent: base.copied(),
            timestamp: created_timestamp(&self.plan.manifest, &self.plan.config),
            extra: &BTreeMap::new(),
        };
        let checksum = commit.write(&merged, &mut stage).map_err(failed)?;
        stage.publish().map_err(store("publish the merge commit"))?;
        Ok((checksum, merged.report))
    }

    fn layer_tree(&self, commit: &Checksum) -> Result<LayerTree, Error> {
        let commit = self
            .storage
            .repo
            .read_commit(commit)
            .map_err(store("read a layer commit"))?;
        Ok(LayerTree::from_commit(&commit))
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
