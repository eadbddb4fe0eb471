//! The policy of a stored image, its labels, and where each comes from.

use oci_manifest::Role;
use ostree_flatten::{LabelError, Mislabelled, find_mislabelled};
use ostree_objects::{Checksum, S_IFDIR};
use selinux_label::{Explanation, POLICY_DIRS, Policy};

use super::{FollowedLink, PolicyLabels, SELINUX, StoredTree};
use crate::stored::StoredImage;
use crate::{Error, Storage};

/// The policy that is in a stored image.
#[derive(Debug, Clone)]
pub struct ImagePolicy {
    /// The policy.
    pub policy: Policy,
    /// The image, for errors.
    reference: String,
    /// Position of the layer that brought its rules; none when no layer that is stored has them.
    pub layer: Option<usize>,
}

/// The labels of a stored image, held against its policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelCheck {
    /// Paths of the image.
    pub paths: u64,
    /// Paths that the policy gives a label.
    pub labelled: u64,
    /// Paths whose label is another, in no particular order.
    pub mislabelled: Vec<Mislabelled>,
}

/// What one path gets, and from where.
#[derive(Debug, Clone)]
pub struct LabelLookup {
    /// The path that was asked for, from the root.
    pub path: String,
    /// The same with the links of its directories followed, as the image has them: what the policy was asked for.
    pub real_path: String,
    /// Those links.
    pub links: Vec<FollowedLink>,
    /// The path in the image's tree, where it is there: `/etc` is stored as `/usr/etc`.
    pub stored_path: Option<String>,
    /// The mode that it was looked up with: the stored path's, or the one given.
    pub mode: u32,
    /// The label that is stored.
    pub stored: Option<Vec<u8>>,
    /// What the policy says of the real path.
    pub explanation: Explanation,
}

impl Storage {
    /// The policy in a stored image; `None` where it has none.
    ///
    /// # Errors
    /// [`Error::Policy`] for one that cannot be used; when the image cannot be read.
    pub fn image_policy(&self, image: &StoredImage) -> Result<Option<ImagePolicy>, Error> {
        let reference = image.reference.to_string();
        let tree = StoredTree::published(&self.repo, image.tree.0);
        let policy = self.open_policy(&tree, None);
        let policy = policy.map_err(|source| Error::Policy {
            reference: reference.clone(),
            source: Box::new(source),
        })?;
        let Some(policy) = policy else {
            return Ok(None);
        };
        let layer = self.layer_of_policy(image, policy.name())?;
        Ok(Some(ImagePolicy {
            policy,
            reference,
            layer,
        }))
    }

    /// The uppermost layer with the policy's rules.
    fn layer_of_policy(&self, image: &StoredImage, name: &str) -> Result<Option<usize>, Error> {
        let layers = image.layers(self)?;
        let files = POLICY_DIRS.map(|dir| format!("{dir}/{name}/contexts/files/file_contexts"));
        let has_rules = |commit: &Checksum| {
            let Ok(commit) = self.repo.read_commit(commit) else {
                return false;
            };
            let tree = StoredTree::published(&self.repo, commit.tree);
            files
                .iter()
                .any(|file| matches!(tree.file(file), Ok(Some(_))))
        };
        // A chunk's tree is a list of objects, of which the commit layer's says where they are.
        let with_tree = layers
            .iter()
            .rev()
            .filter(|layer| layer.role != Some(Role::Chunk));
        Ok(with_tree
            .filter(|layer| layer.commit.as_ref().is_some_and(has_rules))
            .map(|layer| layer.index)
            .next())
    }

    /// Hold every label of a stored image against its policy.
    ///
    /// # Errors
    /// When objects cannot be read.
    pub fn check_labels(
        &self,
        image: &StoredImage,
        policy: &ImagePolicy,
    ) -> Result<LabelCheck, Error> {
        let labels = PolicyLabels(Some(policy.policy.clone()));
        let labelled = std::cell::Cell::new(0);
        let label_of = |path: &str, mode| -> Result<_, LabelError> {
            let label = labels.of(path, mode)?;
            labelled.set(labelled.get() + u64::from(label.is_some()));
            Ok(label)
        };
        let mut mislabelled = Vec::new();
        let mut found = |wrong| mislabelled.push(wrong);
        let paths = find_mislabelled(&self.repo, image.tree, &label_of, &mut found);
        let paths = paths.map_err(|source| Error::Merge {
            reference: policy.reference.clone(),
            source: Box::new(source),
        })?;
        Ok(LabelCheck {
            paths,
            labelled: labelled.get(),
            mislabelled,
        })
    }

    /// What the policy says of `path`, from the root. Links of its directories are followed, that of the path itself is not.
    /// `mode` (with the file type) counts where the image has no such path.
    ///
    /// # Errors
    /// When the policy cannot answer or objects cannot be read.
    pub fn look_up_label(
        &self,
        image: &StoredImage,
        policy: &ImagePolicy,
        path: &str,
        mode: u32,
    ) -> Result<LabelLookup, Error> {
        let path = format!("/{}", path.trim_matches('/'));
        let real = StoredTree::published(&self.repo, image.tree.0).real_path(&path);
        let real = real.map_err(|source| Error::Store {
            action: "read a path of the image",
            source,
        })?;
        let stored = self.stored_label(image, &real.path)?;
        let mode = stored.as_ref().map_or(mode, |stored| stored.mode);
        let explanation = policy.policy.explain(&real.path, mode);
        let explanation = explanation.map_err(|source| Error::Policy {
            reference: policy.reference.clone(),
            source: Box::new(source),
        })?;
        let (stored_path, stored) = match stored {
            Some(stored) => (Some(stored.path), stored.label),
            None => (None, None),
        };
        Ok(LabelLookup {
            path,
            real_path: real.path,
            links: real.links,
            stored_path,
            mode,
            stored,
            explanation,
        })
    }

    fn stored_label(&self, image: &StoredImage, path: &str) -> Result<Option<Stored>, Error> {
        let below = path.trim_start_matches('/');
        let in_usr = (below == "etc" || below.starts_with("etc/")).then(|| format!("usr/{below}"));
        for candidate in std::iter::once(below.to_owned()).chain(in_usr) {
            if let Some(found) = self.label_at(image, &candidate)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn label_at(&self, image: &StoredImage, path: &str) -> Result<Option<Stored>, Error> {
        let failed = |source| Error::Store {
            action: "read a path of the image",
            source,
        };
        let tree = StoredTree::published(&self.repo, image.tree.0);
        let (mode, label) = if let Some(file) = tree.file(path).map_err(failed)? {
            self.repo.file_attribute(&file, SELINUX).map_err(failed)?
        } else {
            let meta = match path {
                "" => Some(image.tree.1),
                path => tree.directory(path).map_err(failed)?,
            };
            let Some(meta) = meta else {
                return Ok(None);
            };
            let meta = self.repo.read_dirmeta(&meta).map_err(failed)?;
            let label = meta.xattrs.get(SELINUX).map(<[u8]>::to_vec);
            (meta.mode | S_IFDIR, label)
        };
        Ok(Some(Stored {
            path: format!("/{path}"),
            mode,
            label,
        }))
    }
}

/// What an image has at a path.
struct Stored {
    path: String,
    mode: u32,
    label: Option<Vec<u8>>,
}

/// A stored label as text, without the NUL at its end; what is no text is spelled out.
#[must_use]
pub fn label_text(value: &[u8]) -> String {
    let value = value.strip_suffix(b"\0").unwrap_or(value);
    String::from_utf8_lossy(value).into_owned()
}
