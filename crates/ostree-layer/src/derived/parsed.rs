//! A derived layer that was read to its end.

use ostree_objects::Checksum;
use ostree_store::Stage;

use super::Derived;
use super::files::SoFar;
use super::owner::Owners;
use super::tree::Tree;
use crate::{Error, Labels, LayerFiles};

/// Every entry has come; what is left is labels, directories and the commit.
pub(crate) struct Parsed {
    pub(super) tree: Tree,
    pub(super) owners: Owners,
    pub(super) importer: String,
    pub(super) path_policy: String,
    pub(super) diff_id: String,
}

impl Derived<'_> {
    /// No more entries come, and all files are written.
    pub(crate) fn parsed(mut self, diff_id: String) -> Result<Parsed, Error> {
        self.writer.finish()?;
        self.tree.resolve_links()?;
        Ok(Parsed {
            tree: self.tree,
            owners: self.owners,
            importer: self.import.importer.to_owned(),
            path_policy: self.import.policy.to_string(),
            diff_id,
        })
    }
}

impl Parsed {
    /// Name what waits, write directories and the commit.
    pub(crate) fn finish(mut self, stage: &Stage, labels: &dyn Labels) -> Result<Checksum, Error> {
        self.label_files(stage, labels)?;
        self.write_directories(stage, labels)
            .and_then(|implied| self.write_commit(stage, labels, implied))
    }

    /// Its files by path, those that wait included.
    pub(crate) fn files<'a>(&'a self, stage: &'a Stage) -> impl LayerFiles + 'a {
        SoFar {
            tree: &self.tree,
            stage,
        }
    }
}
