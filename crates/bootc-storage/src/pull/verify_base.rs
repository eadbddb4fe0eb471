//! Before a base commit becomes visible: is it whole, and does the remote's key vouch for it?

use std::collections::HashSet;

use ostree::glib::Bytes;
use ostree_layer::StagedLayer;
use ostree_objects::{Checksum, ObjectName, ObjectType};
use ostree_store::Stage;

use super::apply::Pull;
use crate::{Error, Event, Phase};

impl Pull<'_> {
    /// Every object that the base commit leads to is in the repository or in its stage.
    pub(super) fn verify_base(&self, staged: &StagedLayer) -> Result<(), Error> {
        (self.observer)(Event::Phase(Phase::VerifyBase));
        let mut walk = Walk {
            stage: &staged.stage,
            seen: HashSet::new(),
            missing: 0,
            first: None,
        };
        let commit = staged.stage.read_commit(&staged.commit).map_err(store)?;
        walk.expect(commit.meta, ObjectType::DirMeta)?;
        let mut trees = vec![commit.tree];
        while let Some(tree) = trees.pop() {
            if !walk.expect(tree, ObjectType::DirTree)? {
                continue;
            }
            let tree = staged.stage.read_dirtree(&tree).map_err(store)?;
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
                commit: staged.commit,
                missing: walk.missing,
                first,
            }),
        }
    }

    /// Ask libostree whether the remote's keys signed the base commit.
    pub(super) fn verify_signature(&self, remote: &str, staged: &StagedLayer) -> Result<(), Error> {
        let bytes = staged
            .stage
            .read_metadata_object(&ObjectName::commit(staged.commit))
            .map_err(store)?
            .unwrap_or_default();
        let detached = staged.commitmeta.as_deref().unwrap_or_default();
        self.storage
            .libostree
            .signature_verify_commit_data(
                remote,
                &Bytes::from_owned(bytes),
                &Bytes::from(detached),
                ostree::RepoVerifyFlags::empty(),
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
