//! The files of a tree under construction, by path: for whoever looks for a policy in them.

use std::io::Read;

use ostree_store::Stage;

use super::object::{Content, Object};
use super::store;
use super::tree::{Kind, ROOT, Tree};
use crate::show::show;
use crate::{Error, LayerFiles};

/// A layer that is still coming in.
pub(super) struct SoFar<'a> {
    pub(super) tree: &'a Tree,
    pub(super) stage: &'a Stage,
}

impl LayerFiles for SoFar<'_> {
    fn read_file(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        self.tree.read_file(self.stage, path, limit)
    }

    fn names(&self, path: &str) -> Option<Vec<String>> {
        self.tree.names_in(path)
    }
}

impl Tree {
    /// The content of a regular file; `None` where there is none at `path`.
    pub(super) fn read_file(
        &self,
        stage: &Stage,
        path: &str,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        let found = self.find(ROOT, path);
        let Some(id) = found.filter(|id| self.kind(*id) == Kind::File) else {
            return Ok(None);
        };
        let of_store = |error| store(error).of(&show(path.as_bytes()));
        let (size, mut content): (u64, Box<dyn Read>) = match self.object(id) {
            Object::Written(checksum) | Object::Mislabelled(checksum) => {
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
    pub(super) fn names_in(&self, path: &str) -> Option<Vec<String>> {
        let id = self.find(ROOT, path)?;
        (self.kind(id) == Kind::Directory).then(|| {
            let children = self.children(id);
            children.map(|id| self.name(id).to_owned()).collect()
        })
    }
}
