//! Files of the version of an image that is stored now, which need not be written again with the same labels.

use std::cell::{OnceCell, RefCell};

use ostree_objects::{Checksum, DirTree};
use ostree_store::FileDigests;

use crate::Storage;
use crate::selinux::StoredTree;
use crate::stored::StoredImage;

/// The version before. A layer whose ref holds other labels than the image's (another image has it too), and a base without
/// labels, differ from it by nothing else, in each update anew.
pub(super) struct StoredBefore<'a> {
    storage: &'a Storage,
    image: &'a StoredImage,
    tree: StoredTree<'a>,
    digests: OnceCell<FileDigests>,
    /// The directory that was looked at last, by its path: files come directory by directory.
    directory: RefCell<Option<(String, Option<DirTree>)>>,
}

impl<'a> StoredBefore<'a> {
    pub(super) fn new(storage: &'a Storage, image: &'a StoredImage) -> Self {
        Self {
            storage,
            image,
            tree: StoredTree::published(&storage.repo, image.tree.0),
            digests: OnceCell::new(),
            directory: RefCell::default(),
        }
    }

    /// The file at that path, if its content is known to be that of the other object. What cannot be read is not known.
    pub(super) fn same_content(&self, path: &str, other: &Checksum) -> Option<Checksum> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut directory = self.directory.borrow_mut();
        let is_last = directory.as_ref().is_some_and(|(last, _)| last == parent);
        if !is_last {
            let found = self.tree.parent(path).ok().flatten();
            *directory = Some((parent.to_owned(), found.map(|(tree, _)| tree)));
        }
        let (_, tree) = directory.as_ref()?;
        let file = tree.as_ref()?.file(name)?;
        let digests = self.digests.get_or_init(|| {
            let keepers = self.storage.digest_keepers(&self.image.merge_commit);
            self.storage.repo.file_digests(keepers)
        });
        (digests.get(&file)? == digests.get(other)?).then_some(file)
    }
}
