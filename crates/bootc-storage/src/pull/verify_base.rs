//! Before an image may use a base commit: is it whole, and does the remote's key vouch for it?

use std::collections::HashSet;

use oci_manifest::{OstreeImageReference, SignatureSource};
use ostree::RepoVerifyFlags;
use ostree::glib::Bytes;
use ostree_layer::StagedLayer;
use ostree_objects::{Checksum, ObjectName, ObjectType};
use ostree_store::Stage;

use super::apply::Pull;
use crate::{Error, Event, Phase, Storage};

/// Metadata keys of layer commits that we made.
const RESERVED_PREFIX: &str = "bootc-storage.";

impl Pull<'_> {
    /// The commit that came in does not pass for one of our layers', is whole, and is signed if it has to be.
    pub(super) fn verify_new_base(&self, staged: &StagedLayer) -> Result<(), Error> {
        let commit = staged.stage.read_commit(&staged.commit).map_err(store)?;
        if let Some(key) = commit
            .metadata
            .0
            .keys()
            .find(|key| key.starts_with(RESERVED_PREFIX))
        {
            return Err(Error::ReservedMetadata {
                reference: self.reference.clone(),
                commit: staged.commit,
                key: key.clone(),
            });
        }
        self.verify_base(&staged.stage, &staged.commit)?;
        if let SignatureSource::OstreeRemote(remote) = &self.plan.reference.sigverify {
            let bytes = staged
                .stage
                .read_metadata_object(&ObjectName::commit(staged.commit))
                .map_err(store)?
                .unwrap_or_default();
            let detached = staged.commitmeta.clone().unwrap_or_default();
            self.storage.verify_signature(remote, bytes, detached)?;
        }
        Ok(())
    }

    /// The commit that was in the repository before, under whatever signature: as [`Self::verify_new_base`]. It is walked
    /// only where a chunk of it had to be fetched, for then something was amiss.
    pub(super) fn verify_stored_base(
        &self,
        commit: &Checksum,
        chunks_were_missing: bool,
    ) -> Result<(), Error> {
        if chunks_were_missing {
            let stage = self.storage.repo.stage().map_err(store)?;
            self.verify_base(&stage, commit)?;
        }
        self.storage
            .verify_stored_signature(&self.plan.reference, commit)
    }

    /// Every object that the base commit leads to is in the repository or in `stage`.
    fn verify_base(&self, stage: &Stage, base: &Checksum) -> Result<(), Error> {
        (self.observer)(Event::Phase(Phase::VerifyBase));
        let mut walk = Walk {
            stage,
            seen: HashSet::new(),
            missing: 0,
            first: None,
        };
        let commit = stage.read_commit(base).map_err(store)?;
        walk.expect(commit.meta, ObjectType::DirMeta)?;
        let mut trees = vec![commit.tree];
        while let Some(tree) = trees.pop() {
            if !walk.expect(tree, ObjectType::DirTree)? {
                continue;
            }
            let tree = stage.read_dirtree(&tree).map_err(store)?;
            for (_, file) in &tree.files {
                walk.expect(*file, ObjectType::File)?;
            }
            for (_, child, meta) in &tree.dirs {
                walk.expect(*meta, ObjectType::DirMeta)?;
                trees.push(*child);
            }
        }
        match walk.first {
            None => Ok(()),
            Some(first) => Err(Error::BaseIncomplete {
                reference: self.reference.clone(),
                commit: *base,
                missing: walk.missing,
                first,
            }),
        }
    }
}

impl Storage {
    /// If the reference asks for an ostree remote's signature: does it vouch for this stored base commit?
    pub(super) fn verify_stored_signature(
        &self,
        reference: &OstreeImageReference,
        commit: &Checksum,
    ) -> Result<(), Error> {
        let SignatureSource::OstreeRemote(remote) = &reference.sigverify else {
            return Ok(());
        };
        let read = |name| self.repo.read_metadata_object(&name).map_err(store);
        let bytes = read(ObjectName::commit(*commit))?.unwrap_or_default();
        let detached = read(ObjectName::new(*commit, ObjectType::CommitMeta))?.unwrap_or_default();
        self.verify_signature(remote, bytes, detached)
    }

    /// Ask libostree whether the remote's keys signed the base commit.
    fn verify_signature(
        &self,
        remote: &str,
        commit: Vec<u8>,
        detached: Vec<u8>,
    ) -> Result<(), Error> {
        self.libostree
            .signature_verify_commit_data(
                remote,
                &Bytes::from_owned(commit),
                &Bytes::from_owned(detached),
                RepoVerifyFlags::empty(),
            )
            .map(drop)
            .map_err(|source| Error::RemoteSignature {
                remote: remote.to_owned(),
                source,
            })
    }
}

/// A walk that meets each object once.
struct Walk<'a> {
    stage: &'a Stage,
    seen: HashSet<(Checksum, ObjectType)>,
    missing: u64,
    first: Option<String>,
}

impl Walk<'_> {
    /// Note whether the object is there; false also when it was met before.
    fn expect(&mut self, checksum: Checksum, object_type: ObjectType) -> Result<bool, Error> {
        if !self.seen.insert((checksum, object_type)) {
            return Ok(false);
        }
        let name = ObjectName {
            checksum,
            object_type,
        };
        let there = self.stage.contains(&name).map_err(store)?;
        if !there {
            self.missing += 1;
            self.first.get_or_insert_with(|| name.to_string());
        }
        Ok(there)
    }
}

fn store(source: ostree_store::Error) -> Error {
    Error::Store {
        action: "verify the base commit",
        source,
    }
}
