//! How an image came to be: its config's history beside its layers.

use oci_manifest::Digest;

use crate::stored::StoredImage;
use crate::{Error, Storage};

/// One step of the build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// When, as the config says (RFC 3339).
    pub created: Option<String>,
    /// By which command.
    pub created_by: Option<String>,
    /// The builder's remark.
    pub comment: Option<String>,
    /// The layer it made; none for a step that changed only metadata, or where the history lacks steps.
    pub layer: Option<HistoryLayer>,
}

/// The layer of a history entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryLayer {
    /// The blob's digest.
    pub digest: Digest,
    /// Transfer size in bytes.
    pub size_bytes: u64,
    /// Whether the repository holds it.
    pub present: bool,
}

impl Storage {
    /// The image's build steps, oldest first.
    ///
    /// Entries marked `empty_layer` are paired with no layer (image-spec `config.md`, "history"). A history that is
    /// absent or shorter than the layers is no error: the layers it does not tell of follow without a command.
    ///
    /// # Errors
    /// As [`Self::inspect`].
    pub fn history(&self, image: &StoredImage) -> Result<Vec<HistoryEntry>, Error> {
        let mut layers = image.layers(self)?.into_iter().map(|layer| HistoryLayer {
            digest: layer.digest,
            size_bytes: layer.size_bytes,
            present: layer.commit.is_some(),
        });
        let mut entries: Vec<HistoryEntry> = image
            .config
            .history()
            .iter()
            .map(|step| HistoryEntry {
                created: step.created.clone(),
                created_by: step.created_by.clone(),
                comment: step.comment.clone(),
                layer: if step.empty_layer {
                    None
                } else {
                    layers.next()
                },
            })
            .collect();
        entries.extend(layers.map(|layer| HistoryEntry {
            created: None,
            created_by: None,
            comment: None,
            layer: Some(layer),
        }));
        Ok(entries)
    }
}
