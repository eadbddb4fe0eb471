//! What the last look for an update found, where other programs look for it.
//!
//! Format: detached metadata (`a{sv}`) of the merge commit that is deployed, three keys of type `s` (ostree-ext
//! `container/store.rs`).

use std::io;

use oci_manifest::{Config, Digest, Manifest};
use ostree::glib::{self, VariantDict};
use ostree_objects::Checksum;

use super::HostError;
use super::sysroot::libostree;
use crate::pull::PullPlan;
use crate::storage::NO_CANCEL;
use crate::{Error, Storage};

const DIGEST: &str = "ostree-ext.cached.manifest-digest";
const MANIFEST: &str = "ostree-ext.cached.manifest";
const CONFIG: &str = "ostree-ext.cached.config";

/// An update that was found and not pulled.
#[derive(Debug, Clone)]
pub struct CachedUpdate {
    /// Digest of its manifest.
    pub manifest_digest: Digest,
    /// Its manifest.
    pub manifest: Manifest,
    /// Its config.
    pub config: Config,
}

impl Storage {
    /// What was found for the image of merge commit `commit`; none where nothing was, or where what stands there cannot
    /// be read.
    #[must_use]
    pub fn cached_update(&self, commit: &Checksum) -> Option<CachedUpdate> {
        let found = self.detached(commit).ok()??;
        let text = |key: &str| found.lookup::<String>(key).ok()?;
        Some(CachedUpdate {
            manifest_digest: text(DIGEST)?.parse().ok()?,
            manifest: Manifest::parse(text(MANIFEST)?.as_bytes()).ok()?,
            config: Config::parse_stored(text(CONFIG)?.as_bytes()).ok()?,
        })
    }

    /// Note the update that `plan` would bring, beside the merge commit of what is stored now; what else stands there
    /// stays. The caller knows that nothing verifies that commit's signature when it boots: the initramfs would look for
    /// it in the metadata written here, in place of the base commit's.
    ///
    /// # Errors
    /// When the repository cannot be written.
    pub(super) fn note_update(&self, commit: &Checksum, plan: &PullPlan) -> Result<(), Error> {
        let metadata = self
            .detached(commit)?
            .unwrap_or_else(|| VariantDict::new(None));
        metadata.insert(DIGEST, plan.manifest_digest.to_string());
        metadata.insert(MANIFEST, plan.manifest.raw());
        metadata.insert(CONFIG, plan.config.raw());
        self.write_detached(commit, &metadata)
    }

    /// The host is up to date: forget what was found.
    pub(super) fn forget_update(&self, commit: &Checksum) -> Result<(), Error> {
        let Some(metadata) = self.detached(commit)? else {
            return Ok(());
        };
        let mut found = false;
        for key in [DIGEST, MANIFEST, CONFIG] {
            found |= metadata.remove(key);
        }
        if found {
            self.write_detached(commit, &metadata)?;
        }
        Ok(())
    }

    fn detached(&self, commit: &Checksum) -> Result<Option<VariantDict>, Error> {
        let metadata = self
            .libostree
            .read_commit_detached_metadata(&commit.to_string(), NO_CANCEL)
            .map_err(libostree("read a commit's detached metadata"))?;
        Ok(metadata.map(|metadata: glib::Variant| VariantDict::new(Some(&metadata))))
    }

    fn write_detached(&self, commit: &Checksum, metadata: &VariantDict) -> Result<(), Error> {
        let metadata = metadata.end();
        if metadata.n_children() == 0 {
            return self.remove_detached(commit);
        }
        self.libostree
            .write_commit_detached_metadata(&commit.to_string(), Some(&metadata), NO_CANCEL)
            .map_err(libostree("write a commit's detached metadata"))
    }

    /// libostree would leave an empty file, which alone makes the initramfs look for signatures there.
    fn remove_detached(&self, commit: &Checksum) -> Result<(), Error> {
        let commit = commit.to_string();
        let (shard, name) = commit.split_at(2);
        let file = format!("objects/{shard}/{name}.commitmeta");
        match self.repo.dir().remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(HostError::Io {
                action: "remove a commit's detached metadata",
                source: error,
            }
            .into()),
            _ => Ok(()),
        }
    }
}
