//! Removing what no image and no deployment needs, and saying why the rest stays.

use std::collections::{BTreeMap, HashSet};

use oci_manifest::{Digest, Manifest};
use ostree::RepoPruneFlags;
use ostree_objects::Checksum;
use ostree_refs::{BASEIMAGE_PREFIX, BLOB_PREFIX, IMAGE_PREFIX, parse_blob_ref};
use ostree_store::RefList;

use crate::list::chain;
use crate::lock::LockMode;
use crate::reach::Reachable;
use crate::storage::NO_CANCEL;
use crate::stored::manifest_of;
use crate::{Error, Event, Observer, Phase, Storage, Warning};

/// Follow parents as far as they are there: other branches in the repository keep their history.
const WHOLE_HISTORY: i32 = -1;

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
    /// Roots that cannot be read. While there is one, no layer ref is removed: it may be that root's.
    pub unreadable: Vec<(String, String)>,
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

    /// Remove what nothing needs.
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
        self.prune_objects(removed)
    }

    /// Remove layer refs that no root needs. The caller holds the exclusive lock.
    pub(crate) fn remove_layer_refs(&self, observer: &Observer) -> Result<u64, Error> {
        self.sweep(observer)?;
        let census = self.census(&[], observer)?;
        for layer in &census.layers {
            self.delete_ref(&layer.name)?;
        }
        Ok(census.layers.len() as u64)
    }

    pub(crate) fn prune_objects(&self, layers: u64) -> Result<Pruned, Error> {
        let (_, objects, bytes) = self
            .libostree
            .prune(RepoPruneFlags::REFS_ONLY, WHOLE_HISTORY, NO_CANCEL)
            .map_err(|source| Error::Ostree {
                action: "prune objects",
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
            unreadable,
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
        for object in self.repo.list_objects() {
            let object = object.map_err(|source| Error::Store {
                action: "list objects",
                source,
            })?;
            if !reachable.objects.contains(&object.name) {
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
        })
    }

    /// Every root, and the layer refs that none of them names.
    fn census(&self, without: &[String], observer: &Observer) -> Result<Census, Error> {
        let all = self.refs("")?;
        let mut census = Census::default();
        for broken in all.broken {
            census.note_unreadable(broken.name, broken.problem, observer);
        }
        let mut layer_refs = BTreeMap::new();
        let mut needed = HashSet::new();
        for (name, commit) in all.refs {
            if without.contains(&name) {
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
        if census.unreadable.is_empty() {
            census.layers = unneeded(layer_refs, &needed);
        }
        Ok(census)
    }

    fn refs(&self, prefix: &str) -> Result<RefList, Error> {
        self.repo.list_refs(prefix).map_err(|source| Error::Store {
            action: "list refs",
            source,
        })
    }
}

/// What the refs say.
#[derive(Debug, Default)]
struct Census {
    roots: Vec<Root>,
    layers: Vec<UnneededLayer>,
    unreadable: Vec<(String, String)>,
}

impl Census {
    /// A ref that might name an image and cannot be read holds back the removal of layers; any other is told of only.
    fn note_unreadable(&mut self, name: String, reason: String, observer: &Observer) {
        observer(Event::Warning(Warning::Unreadable {
            name: &name,
            reason: &reason,
        }));
        if !matches!(root_kind(&name), RootKind::Layer | RootKind::Other) {
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
