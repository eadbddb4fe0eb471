//! What a prune would remove, and what each root keeps.

use std::collections::{BTreeMap, HashMap, HashSet};

use ostree_objects::{Checksum, ObjectName, ObjectType};
use ostree_refs::{BLOB_PREFIX, blob_ref};

use super::census::Census;
use super::{PrunePlan, Root};
use crate::reach::Reachable;
use crate::{Error, Observer, Storage};

impl Storage {
    /// The plan, as if the refs `without` were gone already.
    pub(crate) fn plan_prune_without(
        &self,
        without: &[String],
        observer: &Observer,
    ) -> Result<PrunePlan, Error> {
        let Census {
            mut roots,
            layers,
            mut unreadable,
            has_broken_ref,
        } = self.census(without, observer)?;
        let mut shares = Shares::default();
        let mut kept: BTreeMap<String, Checksum> =
            self.refs(BLOB_PREFIX)?.refs.into_iter().collect();
        for layer in &layers {
            kept.remove(&layer.name);
        }
        for root in &roots {
            let layers = root.blobs.iter().filter_map(|digest| {
                let name = blob_ref(digest).ok()?;
                kept.get(name.as_str())
            });
            shares.add(self, [&root.commit].into_iter().chain(layers));
        }
        shares.add_rest(self, kept.values());
        // libostree stops at a damaged tree; at a commit that is gone it does not.
        let damaged = shares
            .unreadable
            .iter()
            .filter(|(name, _)| name.object_type == ObjectType::DirTree)
            .map(|(name, reason)| (name.to_string(), reason.clone()));
        unreadable.extend(damaged.clone());
        let objects_held_back = has_broken_ref || damaged.count() > 0;
        let (mut objects, mut bytes) = (0, 0);
        for object in self.repo.list_objects() {
            let object = object.map_err(|source| Error::Store {
                action: "list objects",
                source,
            })?;
            match shares.owners.get(&object.name) {
                Some(owners) => owners.add_to(&mut roots, object.size),
                None if !objects_held_back => {
                    objects += 1;
                    bytes += object.size;
                }
                None => {}
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
}

/// Roots that are told apart; all further ones share a bit with what belongs to none.
const MAX_TOLD_APART: usize = 63;

/// Which roots lead to an object, a bit each.
#[derive(Debug, Clone, Copy, Default)]
struct Owners(u64);

/// Which roots lead to which objects.
#[derive(Debug, Default)]
struct Shares {
    owners: HashMap<ObjectName, Owners>,
    unreadable: Vec<(ObjectName, String)>,
    seen_unreadable: HashSet<ObjectName>,
    roots: usize,
}

impl Shares {
    /// What the next root leads to.
    fn add<'c>(&mut self, storage: &Storage, commits: impl Iterator<Item = &'c Checksum>) {
        let bit = 1 << self.roots.min(MAX_TOLD_APART);
        self.roots += 1;
        for object in self.reach(storage, commits) {
            self.owners.entry(object).or_default().0 |= bit;
        }
    }

    /// What stays though no root leads to it; what a root leads to is that root's.
    fn add_rest<'c>(&mut self, storage: &Storage, commits: impl Iterator<Item = &'c Checksum>) {
        let nobody = Owners(1 << MAX_TOLD_APART);
        for object in self.reach(storage, commits) {
            self.owners.entry(object).or_insert(nobody);
        }
    }

    fn reach<'c>(
        &mut self,
        storage: &Storage,
        commits: impl Iterator<Item = &'c Checksum>,
    ) -> HashSet<ObjectName> {
        let mut reached = Reachable::default();
        for commit in commits {
            reached.add_commit(&storage.repo, *commit);
        }
        for (name, reason) in reached.unreadable {
            if self.seen_unreadable.insert(name) {
                self.unreadable.push((name, reason));
            }
        }
        reached.objects
    }
}

impl Owners {
    /// Count an object of `bytes` for those that lead to it.
    fn add_to(self, roots: &mut [Root], bytes: u64) {
        for (place, root) in roots.iter_mut().enumerate() {
            let bit = 1 << place.min(MAX_TOLD_APART);
            if self.0 & bit != 0 {
                root.bytes += bytes;
            }
            if self.0 == bit && place < MAX_TOLD_APART {
                root.own_bytes += bytes;
            }
        }
    }
}
