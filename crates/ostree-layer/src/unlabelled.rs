//! A layer that waits for its labels.

use std::fmt;

use oci_manifest::DiffId;
use ostree_store::Stage;

use crate::derived::Parsed;
use crate::{Error, Labels, LayerFiles, Report, StagedLayer};

/// A derived layer whose digest, size and diff_id are verified and whose content waits in a stage until its labels
/// are known.
pub struct UnlabelledLayer {
    pub(crate) parsed: Parsed,
    pub(crate) stage: Stage,
    pub(crate) diff_id: DiffId,
    pub(crate) report: Report,
}

impl UnlabelledLayer {
    /// Name every object with its label and write directories and the commit, as an import does that knows the
    /// labels from the beginning: the commit is the same. Nothing is synced or published.
    ///
    /// # Errors
    ///
    /// See [`Error`]. On any error the stage and everything in it is gone.
    pub fn label(self, labels: &dyn Labels) -> Result<StagedLayer, Error> {
        let commit = self.parsed.finish(&self.stage, labels)?;
        Ok(StagedLayer {
            commit,
            stage: self.stage,
            report: self.report,
            commitmeta: None,
        })
    }

    /// The layer, by its diff_id.
    #[must_use]
    pub const fn diff_id(&self) -> &DiffId {
        &self.diff_id
    }
}

impl LayerFiles for UnlabelledLayer {
    fn read_file(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        self.parsed.files(&self.stage).read_file(path, limit)
    }

    fn names(&self, path: &str) -> Option<Vec<String>> {
        self.parsed.files(&self.stage).names(path)
    }
}

impl fmt::Debug for UnlabelledLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnlabelledLayer")
            .field("diff_id", &self.diff_id)
            .finish_non_exhaustive()
    }
}
