//! What the repository already holds of each layer of a manifest.

use std::collections::HashMap;

use oci_manifest::{DiffId, Digest, Layer, Role};
use ostree_layer::{DIFF_ID_KEY, IMPORTER_KEY, PATH_POLICY_KEY, PathPolicy};
use ostree_objects::{Checksum, Commit};
use ostree_refs::{BLOB_PREFIX, blob_ref, parse_blob_ref};
use ostree_store::Repo;

use crate::stored::{MANIFEST, text};
use crate::{Error, IMPORTER_PREFIX};

/// A layer and what is to be done about it.
#[derive(Debug, Clone)]
pub struct LayerPlan {
    /// The layer as manifest and config describe it.
    pub layer: Layer,
    /// What the repository holds of it.
    pub state: LayerState,
}

/// What the repository holds of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerState {
    /// Its blob was imported before, under the same path policy.
    Present {
        /// Its commit.
        commit: Checksum,
    },
    /// Another blob with the same diff_id, which we verified ourselves, was imported before.
    SameContent {
        /// That blob's commit.
        commit: Checksum,
        /// That blob's digest.
        stored_as: Digest,
    },
    /// It has to be fetched.
    Missing,
}

impl LayerPlan {
    /// Bytes that have to be transferred.
    #[must_use]
    pub fn missing_bytes(&self) -> u64 {
        match self.state {
            LayerState::Missing => self.layer.descriptor.size,
            _ => 0,
        }
    }
}

/// Layer commits whose diff_id we verified when we imported them.
#[derive(Debug, Default)]
pub(super) struct VerifiedLayers(HashMap<(DiffId, String), (Checksum, Digest)>);

impl VerifiedLayers {
    /// Read the record in every layer commit. Refs and commits that cannot be read are passed over: they only
    /// cost a transfer.
    pub(super) fn read(repo: &Repo) -> Result<Self, Error> {
        let refs = repo.list_refs(BLOB_PREFIX).map_err(|source| Error::Store {
            action: "list layer refs",
            source,
        })?;
        let mut verified = HashMap::new();
        for (name, checksum) in refs.refs {
            let (Ok(digest), Ok(commit)) = (parse_blob_ref(&name), repo.read_commit(&checksum))
            else {
                continue;
            };
            // Commits of encapsulated images say whatever their builder wanted.
            if !is_ours(&commit) || repo.is_partial(&checksum).unwrap_or(true) {
                continue;
            }
            if let (Some(diff_id), Some(policy)) =
                (recorded_diff_id(&commit), recorded_policy(&commit))
            {
                verified.insert((diff_id, policy.to_owned()), (checksum, digest));
            }
        }
        Ok(Self(verified))
    }
}

/// What the repository holds of `layer`, if derived layers fall under `policy`.
///
/// `policy` is none while the base that decides it is not there yet; a derived layer then counts as present under
/// any policy, and is asked about again once the base is in.
pub(super) fn state_of(
    repo: &Repo,
    layer: &Layer,
    policy: Option<&PathPolicy>,
    verified: &VerifiedLayers,
) -> Result<LayerState, Error> {
    if let Some((checksum, commit)) = stored_commit(repo, layer)?
        && serves(repo, &commit, layer)
        && (layer.role != Role::Derived || fits(&commit, policy))
    {
        return Ok(LayerState::Present { commit: checksum });
    }
    if layer.role == Role::Derived
        && let Some(policy) = policy
        && let Some((commit, digest)) = verified.0.get(&(layer.diff_id.clone(), policy.to_string()))
    {
        return Ok(LayerState::SameContent {
            commit: *commit,
            stored_as: digest.clone(),
        });
    }
    Ok(LayerState::Missing)
}

/// Whether the layer's ref leads to a whole commit, whatever it is of.
pub(super) fn has_ref(repo: &Repo, layer: &Layer) -> Result<bool, Error> {
    Ok(stored_commit(repo, layer)?.is_some())
}

/// The layer's ref leads to a readable, whole commit.
fn stored_commit(repo: &Repo, layer: &Layer) -> Result<Option<(Checksum, Commit)>, Error> {
    let digest = &layer.descriptor.digest;
    let name = blob_ref(digest).map_err(|source| Error::Ref {
        reference: digest.to_string(),
        source,
    })?;
    let Ok(Some(checksum)) = repo.resolve_ref(name.as_str()) else {
        return Ok(None);
    };
    // libostree marks commits that lack objects.
    if repo.is_partial(&checksum).unwrap_or(true) {
        return Ok(None);
    }
    // A ref whose commit is gone is mended by fetching the layer again.
    Ok(repo
        .read_commit(&checksum)
        .ok()
        .map(|commit| (checksum, commit)))
}

/// A layer commit of another program says nothing of its policy and is taken as it is.
fn fits(commit: &Commit, policy: Option<&PathPolicy>) -> bool {
    match (recorded_policy(commit), policy) {
        (Some(recorded), Some(wanted)) => recorded == wanted.to_string(),
        _ => true,
    }
}

/// Whether `commit` is what importing `layer` in its role gives.
///
/// One blob may be a derived layer of one image and part of another's base, and a ref may have been taken over by diff_id on
/// the word of an image's config. Who disagrees is not asked: the blob itself is, once more.
fn serves(repo: &Repo, commit: &Commit, layer: &Layer) -> bool {
    let by_importer = text(commit, IMPORTER_KEY).is_some() && text(commit, MANIFEST).is_none();
    match (layer.role, recorded_diff_id(commit)) {
        (Role::Derived, Some(recorded)) => recorded == layer.diff_id,
        // Of another program: it says who imported it and nothing of the content.
        (Role::Derived, None) => by_importer,
        (_, Some(_)) => false,
        (Role::Chunk, None) => is_object_set(repo, commit),
        (Role::Commit, None) => !by_importer && !is_object_set(repo, commit),
    }
}

/// What a chunk becomes: nothing but files, each named by its checksum (ostree-ext `tar/import.rs`).
fn is_object_set(repo: &Repo, commit: &Commit) -> bool {
    commit.metadata.0.is_empty()
        && commit.timestamp == 0
        && repo.read_dirtree(&commit.tree).is_ok_and(|tree| {
            tree.dirs.is_empty()
                && tree
                    .files
                    .iter()
                    .all(|(name, checksum)| *name == checksum.to_string())
        })
}

/// Whether a commit has the form of our derived layers' commits.
fn is_ours(commit: &Commit) -> bool {
    commit.timestamp == 0
        && commit.parent.is_none()
        && commit.subject.is_empty()
        && text(commit, IMPORTER_KEY).is_some_and(|importer| importer.starts_with(IMPORTER_PREFIX))
}

fn recorded_diff_id(commit: &Commit) -> Option<DiffId> {
    text(commit, DIFF_ID_KEY)?.parse().ok().map(DiffId)
}

fn recorded_policy(commit: &Commit) -> Option<&str> {
    text(commit, PATH_POLICY_KEY)
}
