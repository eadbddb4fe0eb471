//! A derived layer that was read to its end.

use std::io::Read;

use ostree_objects::Checksum;
use ostree_store::Stage;

use super::object::{Content, Object};
use super::owner::Owners;
use super::tree::{Kind, ROOT, Tree};
use super::{Derived, store};
use crate::show::show;
use crate::{Error, Labels};

/// Every entry has come; what is left is labels, directories and the commit.
pub(crate) struct Parsed {
    pub(super) tree: Tree,
    pub(super) owners: Owners,
    pub(super) importer: String,
    pub(super) path_policy: String,
    pub(super) diff_id: String,
}

impl Derived<'_> {
    /// No more entries come.
    pub(crate) fn parsed(mut self, diff_id: String) -> Result<Parsed, Error> {
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

    /// The content of a regular file; `None` where there is none at `path`.
    pub(crate) fn read_file(
        &self,
        stage: &Stage,
        path: &str,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        let found = self.tree.find(ROOT, path);
        let Some(id) = found.filter(|id| self.tree.kind(*id) == Kind::File) else {
            return Ok(None);
        };
        let of_store = |error| store(error).of(&show(path.as_bytes()));
        let (size, mut content): (u64, Box<dyn Read>) = match self.tree.object(id) {
            Object::Written(checksum) => {
                let file = stage.open_file(&checksum).map_err(of_store)?;
                (file.size, file.content)
            }
            Object::Waiting {
                content: Content::File(unnamed),
                ..
            } => {
                let file = stage.open_unnamed(unnamed).map_err(of_store)?;
                (unnamed.size(), Box::new(file))
            }
            Object::Waiting { .. } => return Ok(None),
        };
        if size > limit {
            return Err(Error::Limit {
                what: "bytes of a file that is read whole",
                limit,
            });
        }
        let mut bytes = Vec::new();
        match content.read_to_end(&mut bytes) {
            Ok(_) => Ok(Some(bytes)),
            Err(source) => Err(of_store(ostree_store::Error::Content { source })),
        }
    }

    /// The names in a directory, in no order; `None` where there is none at `path`.
    pub(crate) fn names(&self, path: &str) -> Option<Vec<String>> {
        let id = self.tree.find(ROOT, path)?;
        (self.tree.kind(id) == Kind::Directory).then(|| {
            let children = self.tree.children(id);
            children.map(|id| self.tree.name(id).to_owned()).collect()
        })
    }
}
