//! The merge commit: what an image's ref points at.

use std::collections::BTreeMap;

use ostree_objects::{Checksum, Commit, Metadata, ObjectType, Value};
use ostree_store::Stage;

use crate::{Error, Merged};

/// Metadata key (type `s`): the image's configuration, JSON.
pub const KEY_CONFIG: &str = "ostree.container.image-config";
/// Metadata key (type `s`): who imported.
pub const KEY_IMPORTER_VERSION: &str = "ostree.importer.version";
/// Metadata key (type `s`): the image's manifest, JSON.
pub const KEY_MANIFEST: &str = "ostree.manifest";
/// Metadata key (type `s`): digest of the manifest's original bytes.
pub const KEY_MANIFEST_DIGEST: &str = "ostree.manifest-digest";

/// What a merge commit says, apart from its tree. The format is ostree-ext's, so that bootc and rpm-ostree read it.
#[derive(Debug, Clone, Copy)]
pub struct MergeCommit<'a> {
    /// The manifest's text, as the source gave it.
    pub manifest: &'a str,
    /// Digest of the manifest's original bytes (`sha256:…`).
    pub manifest_digest: &'a str,
    /// The configuration's text, as the source gave it.
    pub config: &'a str,
    /// Name and version of the importing program; nothing parses it.
    pub importer_version: &'a str,
    /// The base commit, if the image has one. ostree-prepare-root finds the signed base commit by it.
    pub parent: Option<Checksum>,
    /// Seconds since the epoch when the image was created. Unknown is written as 0, never as the current time:
    /// the same image gives the same commit.
    pub timestamp: Option<u64>,
    /// Further metadata, such as the composefs digest.
    pub extra: &'a BTreeMap<String, Value>,
}

impl MergeCommit<'_> {
    /// Writes the commit of `merged`'s tree to `stage` and returns its checksum. Nothing is synced, no ref is set.
    ///
    /// # Errors
    ///
    /// A key of `extra` that has its own field here; a stage that cannot be written.
    pub fn write(&self, merged: &Merged, stage: &mut Stage) -> Result<Checksum, Error> {
        let commit = self.commit(merged)?;
        commit
            .check()
            .map_err(|source| Error::BadCommit { source })?;
        stage
            .write_metadata(ObjectType::Commit, &commit.to_bytes())
            .map_err(|source| Error::WriteCommit { source })
    }

    /// The commit object.
    fn commit(&self, merged: &Merged) -> Result<Commit, Error> {
        let mut metadata = self.extra.clone();
        for (key, value) in [
            (KEY_CONFIG, self.config),
            (KEY_IMPORTER_VERSION, self.importer_version),
            (KEY_MANIFEST, self.manifest),
            (KEY_MANIFEST_DIGEST, self.manifest_digest),
        ] {
            let value = Value::Str(value.to_owned());
            if metadata.insert(key.to_owned(), value).is_some() {
                return Err(Error::ReservedKey {
                    key: key.to_owned(),
                });
            }
        }
        Ok(Commit {
            metadata: Metadata(metadata),
            parent: self.parent,
            subject: String::new(),
            body: String::new(),
            timestamp: self.timestamp.unwrap_or(0),
            tree: merged.tree,
            meta: merged.meta,
        })
    }
}
