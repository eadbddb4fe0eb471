//! Which images the repository holds.

use oci_manifest::ImageReference;
use ostree_objects::Checksum;
use ostree_refs::{IMAGE_PREFIX, parse_image_ref};

use crate::stored::StoredImage;
use crate::{Error, Storage};

/// Every image of a repository; what cannot be read is listed apart and stops nothing.
#[derive(Debug, Default)]
pub struct Listed {
    /// Images whose merge commit could be read, by name.
    pub images: Vec<StoredImage>,
    /// Image refs that could not.
    pub unreadable: Vec<Unreadable>,
}

/// A ref under `ostree/container/image` that does not lead to an image.
#[derive(Debug)]
pub struct Unreadable {
    /// The ref's name.
    pub name: String,
    /// The image's name, where the ref name can be unescaped.
    pub reference: Option<ImageReference>,
    /// Why it cannot be read: the whole chain of causes.
    pub reason: String,
}

impl Storage {
    /// Every image in the repository.
    ///
    /// # Errors
    /// When the refs directory cannot be read.
    pub fn list(&self) -> Result<Listed, Error> {
        let refs = self
            .repo
            .list_refs(IMAGE_PREFIX)
            .map_err(|source| Error::Store {
                action: "list image refs",
                source,
            })?;
        let mut listed = Listed::default();
        for broken in refs.broken {
            let reference = parse_image_ref(&broken.name).ok();
            listed.unreadable.push(Unreadable {
                name: broken.name,
                reference,
                reason: broken.problem,
            });
        }
        for (name, commit) in refs.refs {
            match self.read_image_ref(&name, commit) {
                Ok(image) => listed.images.push(image),
                Err(unreadable) => listed.unreadable.push(unreadable),
            }
        }
        Ok(listed)
    }

    /// The stored image of that name.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not stored, [`Error::BadStoredImage`] when its metadata is unusable.
    pub fn inspect(&self, reference: &ImageReference) -> Result<StoredImage, Error> {
        StoredImage::find(self, reference)?.ok_or_else(|| Error::NotFound {
            reference: reference.to_string(),
        })
    }

    fn read_image_ref(&self, name: &str, commit: Checksum) -> Result<StoredImage, Unreadable> {
        let reference = parse_image_ref(name).map_err(|e| Unreadable {
            name: name.to_owned(),
            reference: None,
            reason: chain(&e),
        })?;
        StoredImage::read(self, &reference, commit).map_err(|e| Unreadable {
            name: name.to_owned(),
            reference: Some(reference.clone()),
            reason: chain(&e),
        })
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
