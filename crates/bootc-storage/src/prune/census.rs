//! What the refs say: which of them keep objects, and which layers no root needs.

use std::collections::{BTreeMap, HashSet};

use oci_manifest::{Digest, Manifest};
use ostree_objects::Checksum;
use ostree_refs::{BASEIMAGE_PREFIX, BLOB_PREFIX, IMAGE_PREFIX, parse_blob_ref};
use ostree_store::RefList;

use super::{Root, RootKind, UnneededLayer};
use crate::host::HostDirs;
use crate::list::chain;
use crate::storage::NO_CANCEL;
use crate::stored::manifest_of;
use crate::{Error, Event, Observer, Storage, Warning};

const NO_DEPLOYMENT_REF: &str =
    "no ref keeps its commit; `bootc-storage host prune` and `ostree admin cleanup` write one";

impl Storage {
    /// Every root, and the layer refs that none of them names.
    pub(super) fn census(&self, without: &[String], observer: &Observer) -> Result<Census, Error> {
        let all = self.refs("")?;
        let mut census = Census::default();
        let stays = |name: &String| !without.contains(name);
        for broken in all.broken.into_iter().filter(|broken| stays(&broken.name)) {
            census.has_broken_ref |= root_kind(&broken.name) != RootKind::Layer;
            census.note_unreadable(broken.name, broken.problem, observer);
        }
        self.add_remote_refs(&mut census, observer);
        let mut layer_refs = BTreeMap::new();
        let mut needed = HashSet::new();
        for (name, commit) in all.refs {
            if !stays(&name) {
                continue;
            }
            let kind = root_kind(&name);
            if kind == RootKind::Layer {
                layer_refs.insert(name, commit);
                continue;
            }
            let manifest = manifest_of(self, &commit).unwrap_or_else(|error| {
                census.note_unreadable(name.clone(), chain(&error), observer);
                None
            });
            if manifest.is_none() && kind == RootKind::Image {
                let reason = "its commit has no manifest".to_owned();
                census.note_unreadable(name.clone(), reason, observer);
            }
            let blobs = manifest.iter().flat_map(Manifest::layers);
            let blobs: Vec<Digest> = blobs.map(|layer| layer.digest.clone()).collect();
            needed.extend(blobs.iter().cloned());
            census.roots.push(Root {
                layers: manifest.map(|manifest| manifest.layers().len()),
                blobs,
                ..Root::new(name, commit, kind)
            });
        }
        self.add_bare_deployments(&mut census, observer);
        if census.unreadable.is_empty() {
            census.layers = unneeded(layer_refs, &needed);
        }
        Ok(census)
    }

    /// Deployments whose commit no ref keeps: of who was killed between the boot order and the refs. libostree would
    /// remove their objects, so it is not asked before the refs are there.
    fn add_bare_deployments(&self, census: &mut Census, observer: &Observer) {
        let Some(root) = self.root() else {
            return;
        };
        let deployments = match root
            .try_clone()
            .map(|root| HostDirs::new(root).deployments())
        {
            Ok(Ok(deployments)) => deployments,
            Ok(Err(error)) => return census.hold_back("deployments", error.to_string(), observer),
            Err(error) => return census.hold_back("deployments", error.to_string(), observer),
        };
        for deployment in deployments.list {
            let commit = deployment.id.commit;
            if census.roots.iter().any(|root| root.commit == commit) {
                continue;
            }
            let name = format!("deployment {}", deployment.id);
            census.hold_back(&name, NO_DEPLOYMENT_REF.to_owned(), observer);
            census
                .roots
                .push(Root::new(name, commit, RootKind::Deployment));
        }
    }

    /// Refs of remotes, which keep objects as local ones do.
    fn add_remote_refs(&self, census: &mut Census, observer: &Observer) {
        let all = match self.libostree.list_refs(None, NO_CANCEL) {
            Ok(all) => all,
            Err(error) => return census.hold_back("refs", error.to_string(), observer),
        };
        for (name, commit) in all.into_iter().filter(|(name, _)| name.contains(':')) {
            match commit.parse() {
                Ok(commit) => census.roots.push(Root::new(name, commit, RootKind::Other)),
                Err(error) => {
                    let error: ostree_objects::Error = error;
                    census.hold_back(&name, error.to_string(), observer);
                }
            }
        }
    }

    pub(super) fn refs(&self, prefix: &str) -> Result<RefList, Error> {
        self.repo.list_refs(prefix).map_err(|source| Error::Store {
            action: "list refs",
            source,
        })
    }
}

/// What the refs say.
#[derive(Debug, Default)]
pub(super) struct Census {
    pub(super) roots: Vec<Root>,
    pub(super) layers: Vec<UnneededLayer>,
    pub(super) unreadable: Vec<(String, String)>,
    /// Some ref names no commit at all, so what it keeps is not known.
    pub(super) has_broken_ref: bool,
}

impl Census {
    /// What something keeps is not known, or not to libostree.
    fn hold_back(&mut self, name: &str, reason: String, observer: &Observer) {
        self.has_broken_ref = true;
        self.note_unreadable(name.to_owned(), reason, observer);
    }

    /// A ref that cannot be read holds back the removal of layers, unless it is a layer's own: that is told of only.
    fn note_unreadable(&mut self, name: String, reason: String, observer: &Observer) {
        observer(Event::Warning(Warning::Unreadable {
            name: &name,
            reason: &reason,
        }));
        if root_kind(&name) != RootKind::Layer {
            self.unreadable.push((name, reason));
        }
    }
}

fn unneeded(
    layer_refs: BTreeMap<String, Checksum>,
    needed: &HashSet<Digest>,
) -> Vec<UnneededLayer> {
    layer_refs
        .into_iter()
        .map(|(name, commit)| UnneededLayer {
            digest: parse_blob_ref(&name).ok(),
            name,
            commit,
        })
        .filter(|layer| {
            layer
                .digest
                .as_ref()
                .is_none_or(|digest| !needed.contains(digest))
        })
        .collect()
}

fn root_kind(name: &str) -> RootKind {
    if is_under(name, IMAGE_PREFIX) {
        RootKind::Image
    } else if is_under(name, BLOB_PREFIX) {
        RootKind::Layer
    } else if is_under(name, "ostree/0") || is_under(name, "ostree/1") {
        RootKind::Deployment
    } else if is_under(name, "rpmostree/base") {
        RootKind::RpmOstreeBase
    } else if is_under(name, BASEIMAGE_PREFIX) {
        RootKind::BaseImage
    } else {
        RootKind::Other
    }
}

fn is_under(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix)
        .is_some_and(|rest| rest.starts_with('/'))
}
