//! Owner, mode and attributes, kept once for all entries that share them.

use std::collections::HashMap;
use std::sync::Arc;

use ostree_objects::Xattrs;

/// What an entry has besides its name and content, the label apart.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Owner {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// With the file type.
    pub(super) mode: u32,
    pub(super) xattrs: Xattrs,
}

/// Owners by index. A tree has a few dozen, whatever its size.
#[derive(Debug, Default)]
pub(super) struct Owners {
    indexes: HashMap<Arc<Owner>, u32>,
    owners: Vec<Arc<Owner>>,
    bytes: usize,
}

/// What an owner without attributes takes, in both places.
const FIXED_BYTES: usize = 128;

impl Owners {
    /// The index of `owner`; `None`, and nothing is kept, where all would take more than `limit` bytes.
    pub(super) fn add(&mut self, owner: Owner, limit: usize) -> Option<u32> {
        if let Some(index) = self.indexes.get(&owner) {
            return Some(*index);
        }
        let attributes = owner.xattrs.iter();
        let bytes: usize = attributes
            .map(|(name, value)| name.len() + value.len())
            .sum();
        let bytes = self.bytes + bytes + FIXED_BYTES;
        if bytes > limit {
            return None;
        }
        let index = u32::try_from(self.owners.len()).ok()?;
        self.bytes = bytes;
        let owner = Arc::new(owner);
        self.owners.push(Arc::clone(&owner));
        self.indexes.insert(owner, index);
        Some(index)
    }

    /// The owner of that index; `index` is one that [`Self::add`] gave.
    pub(super) fn get(&self, index: u32) -> &Owner {
        // 32 bits fit wherever this runs.
        &self.owners[usize::try_from(index).unwrap_or(usize::MAX)]
    }
}

#[cfg(test)]
mod tests {
    use ostree_objects::Xattrs;

    use super::{Owner, Owners};

    fn owner(uid: u32, value: &[u8]) -> Owner {
        let pairs = match value {
            [] => Vec::new(),
            value => vec![(b"user.x".to_vec(), value.to_vec())],
        };
        Owner {
            uid,
            gid: 0,
            mode: 0o100_644,
            xattrs: Xattrs::from_pairs(pairs).unwrap(),
        }
    }

    #[test]
    fn equal_owners_share_an_index_and_all_have_a_limit() {
        let mut owners = Owners::default();
        assert_eq!(owners.add(owner(0, b""), 1000), Some(0));
        assert_eq!(owners.add(owner(1, b""), 1000), Some(1));
        assert_eq!(owners.add(owner(0, b""), 1000), Some(0));
        assert_eq!(owners.add(owner(0, &[1; 2000]), 1000), None);
        assert_eq!(owners.add(owner(1, b""), 1), Some(1));
        assert_eq!(owners.get(1), &owner(1, b""));
    }
}
