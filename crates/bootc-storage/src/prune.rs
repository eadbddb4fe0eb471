//! Removing what no image and no deployment needs, and saying why the rest stays.

use std::collections::{BTreeMap, HashSet};

use oci_manifest::{Digest, Manifest};
use ostree::RepoPruneFlags;
use ostree_objects::{Checksum, ObjectType};
use ostree_refs::{BASEIMAGE_PREFIX, BLOB_PREFIX, IMAGE_PREFIX, parse_blob_ref};
use ostree_store::RefList;

use crate::host::HostDirs;
use crate::list::chain;
use crate::lock::LockMode;
use crate::reach::Reachable;
use crate::storage::NO_CANCEL;
use crate::stored::manifest_of;
use crate::{Error, Event, Observer, Phase, Storage, Warning};

/// Follow parents as far as they are there: other branches in the repository keep their history.
const WHOLE_HISTORY: i32 = -1;

const NO_DEPLOYMENT_REF: &str =
    "no ref keeps its commit; `bootc-storage host prune` and `ostree admin cleanup` write one";

/// What a prune would do, and why.
#[derive(Debug)]
pub struct PrunePlan {
    /// What keeps objects.
    pub roots: Vec<Root>,
    /// Layer refs that no root's manifest names.
    pub layers: Vec<UnneededLayer>,
    /// Objects that nothing leads to once those refs are gone.
    pub objects: u64,
    /// Their size on disk in bytes.
    pub bytes: u64,
    /// Roots and trees below them that cannot be read, with the reason. While there is one, no layer ref is removed: it may be that root's.
    pub unreadable: Vec<(String, String)>,
    /// No object is removed, because what some ref or tree of those leads to is not known.
    pub objects_held_back: bool,
}

/// A ref that keeps objects.
#[derive(Debug, Clone)]
pub struct Root {
    /// The ref's name.
    pub name: String,
    /// Its commit.
    pub commit: Checksum,
    /// Why it is kept.
    pub kind: RootKind,
    /// How many layers its manifest names; none for a commit that is no image.
    pub layers: Option<usize>,
}

/// Why a ref keeps objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootKind {
    /// A stored image.
    Image,
    /// A deployment of this host.
    Deployment,
    /// What rpm-ostree layered packages on.
    RpmOstreeBase,
    /// Kept for another tool.
    BaseImage,
    /// A layer of an image: a root only while some image's manifest names it.
    Layer,
    /// Any other ref.
    Other,
}

/// A layer ref without an image.
#[derive(Debug, Clone)]
pub struct UnneededLayer {
    /// The ref's name.
    pub name: String,
    /// The blob's digest, where the name can be unescaped.
    pub digest: Option<Digest>,
    /// Its commit.
    pub commit: Checksum,
}

/// What a prune did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Layer refs removed.
    pub layers: u64,
    /// Objects removed.
    pub objects: u64,
    /// Bytes freed.
    pub bytes: u64,
}

impl Storage {
    /// Find out what a prune would remove. Writes nothing.
    ///
    /// # Errors
    /// When refs or objects cannot be listed.
    pub fn plan_prune(&self, observer: &Observer) -> Result<PrunePlan, Error> {
        observer(Event::Phase(Phase::Prune));
        self.plan_prune_without(&[], observer)
    }

    /// Remove what nothing needs. What holds it back ([`PrunePlan::unreadable`]) is told as warnings.
    ///
    /// Layer refs go while the repository is locked against everyone; then libostree removes the objects, under its
    /// own lock, from what the refs are by then.
    ///
    /// # Errors
    /// When another program holds the repository, or removing fails.
    pub fn apply_prune(&self, observer: &Observer) -> Result<Pruned, Error> {
        observer(Event::Phase(Phase::Prune));
        let removed = {
            let _lock = self.lock(LockMode::Exclusive, observer)?;
            self.remove_layer_refs(observer)?
        };
        self.prune_objects(&removed)
    }

    /// Remove layer refs that no root needs. The caller holds the exclusive lock.
    pub(crate) fn remove_layer_refs(&self, observer: &Observer) -> Result<RemovedRefs, Error> {
        self.sweep(observer)?;
        let census = self.census(&[], observer)?;
        self.delete_refs(census.layers.iter().map(|layer| layer.name.as_str()))?;
        Ok(RemovedRefs {
            layers: census.layers.len() as u64,
            objects_held_back: census.has_broken_ref,
        })
    }

    /// Let libostree remove the objects. It passes over a ref that it cannot make sense of and removes what that led to,
    /// so while there is one it is not asked.
    pub(crate) fn prune_objects(&self, removed: &RemovedRefs) -> Result<Pruned, Error> {
        let layers = removed.layers;
        if removed.objects_held_back {
            return Ok(Pruned {
                layers,
                ..Pruned::default()
            });
        }
        let (_, objects, bytes) = self
            .libostree
            .prune(RepoPruneFlags::REFS_ONLY, WHOLE_HISTORY, NO_CANCEL)
            .map_err(|source| Error::Ostree {
                action: "prune objects",
                source,
            })?;
        // What a pull loses by this, between its digests and their commit, it computes again.
        self.repo
            .remove_stale_file_digests()
            .map_err(|source| Error::Store {
                action: "remove file digests of commits that are gone",
                source,
            })?;
        Ok(Pruned {
            layers,
            objects: u64::try_from(objects).unwrap_or(0),
            bytes,
        })
    }

    /// The plan, as if the refs `without` were gone already.
    pub(crate) fn plan_prune_without(
        &self,
        without: &[String],
        observer: &Observer,
    ) -> Result<PrunePlan, Error> {
        let Census {
            roots,
            layers,
            mut unreadable,
            has_broken_ref,
        } = self.census(without, observer)?;
        let mut reachable = Reachable::default();
        for root in &roots {
            reachable.add_commit(&self.repo, root.commit);
        }
        for (name, commit) in self.refs(BLOB_PREFIX)?.refs {
            if !layers.iter().any(|layer| layer.name == name) {
                reachable.add_commit(&self.repo, commit);
            }
        }
        let (mut objects, mut bytes) = (0, 0);
        // libostree stops at a damaged tree; at a commit that is gone it does not.
        let damaged = reachable
            .unreadable
            .iter()
            .filter(|(name, _)| name.object_type == ObjectType::DirTree)
            .map(|(name, reason)| (name.to_string(), reason.clone()));
        unreadable.extend(damaged.clone());
        let objects_held_back = has_broken_ref || damaged.count() > 0;
        for object in self.repo.list_objects() {
            let object = object.map_err(|source| Error::Store {
                action: "list objects",
                source,
            })?;
            if !objects_held_back && !reachable.objects.contains(&object.name) {
                objects += 1;
                bytes += object.size;
            }
        }
        Ok(PrunePlan {
            roots,
            layers,
            objects,
            bytes,
            unreadable,
            objects_held_back,
        })
    }

    /// Every root, and the layer refs that none of them names.
    fn census(&self, without: &[String], observer: &Observer) -> Result<Census, Error> {
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
            let layers = manifest.as_ref().map(|manifest| manifest.layers().len());
            needed.extend(
                manifest
                    .iter()
                    .flat_map(Manifest::layers)
                    .map(|layer| layer.digest.clone()),
            );
            census.roots.push(Root {
                name,
                commit,
                kind,
                layers,
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
            census.roots.push(Root {
                name,
                commit,
                kind: RootKind::Deployment,
                layers: None,
            });
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
                Ok(commit) => census.roots.push(Root {
                    name,
                    commit,
                    kind: RootKind::Other,
                    layers: None,
                }),
                Err(error) => {
                    let error: ostree_objects::Error = error;
                    census.hold_back(&name, error.to_string(), observer);
                }
            }
        }
    }

    fn refs(&self, prefix: &str) -> Result<RefList, Error> {
        self.repo.list_refs(prefix).map_err(|source| Error::Store {
            action: "list refs",
            source,
        })
    }
}

/// What was removed under the lock, and whether objects may follow.
#[derive(Debug)]
pub(crate) struct RemovedRefs {
    layers: u64,
    objects_held_back: bool,
}

/// What the refs say.
#[derive(Debug, Default)]
struct Census {
    roots: Vec<Root>,
    layers: Vec<UnneededLayer>,
    unreadable: Vec<(String, String)>,
    /// Some ref names no commit at all, so what it keeps is not known.
    has_broken_ref: bool,
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
