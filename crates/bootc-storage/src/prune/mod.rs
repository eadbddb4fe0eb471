//! Removing what no image and no deployment needs, and saying why the rest stays.

mod census;
mod plan;

use oci_manifest::Digest;
use ostree::RepoPruneFlags;
use ostree_objects::Checksum;

use crate::lock::LockMode;
use crate::storage::NO_CANCEL;
use crate::{Error, Event, Observer, Phase, Storage};

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
    /// Size on disk of all objects that it leads to, its layers' included.
    pub bytes: u64,
    /// Of those, what nothing else leads to: what is freed when it goes.
    pub own_bytes: u64,
    /// The layers that its manifest names.
    blobs: Vec<Digest>,
}

impl Root {
    /// A root whose objects are not counted yet.
    const fn new(name: String, commit: Checksum, kind: RootKind) -> Self {
        Self {
            name,
            commit,
            kind,
            layers: None,
            bytes: 0,
            own_bytes: 0,
            blobs: Vec::new(),
        }
    }
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
        // Commits first: libostree removes in no order, and a commit that has lost some of its objects is damage to who
        // comes after a kill.
        let commits = self.prune_with(RepoPruneFlags::REFS_ONLY | RepoPruneFlags::COMMIT_ONLY)?;
        let rest = self.prune_with(RepoPruneFlags::REFS_ONLY)?;
        // What a pull loses by this, between its digests and their commit, it computes again.
        self.repo
            .remove_stale_file_digests()
            .map_err(|source| Error::Store {
                action: "remove file digests of commits that are gone",
                source,
            })?;
        Ok(Pruned {
            layers,
            objects: commits.0 + rest.0,
            bytes: commits.1 + rest.1,
        })
    }

    /// How many objects libostree removed, and their size in bytes.
    fn prune_with(&self, flags: RepoPruneFlags) -> Result<(u64, u64), Error> {
        let (_, objects, bytes) = self
            .libostree
            .prune(flags, WHOLE_HISTORY, NO_CANCEL)
            .map_err(|source| Error::Ostree {
                action: "prune objects",
                source,
            })?;
        Ok((u64::try_from(objects).unwrap_or(0), bytes))
    }
}

/// What was removed under the lock, and whether objects may follow.
#[derive(Debug)]
pub(crate) struct RemovedRefs {
    layers: u64,
    objects_held_back: bool,
}
