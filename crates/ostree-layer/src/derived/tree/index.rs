//! Nodes by parent and name: open addressing, at most three quarters full.

use std::hash::BuildHasher as _;

use super::{Id, NONE, REPOSITORY, Tree};

impl Tree {
    fn slot(&self, parent: Id, name: &str) -> usize {
        let hash = self.hasher.hash_one((parent, name));
        // Only the low bits count.
        usize::try_from(hash & u64::from(u32::MAX)).unwrap_or_default() & (self.index.len() - 1)
    }

    pub(super) fn lookup(&self, parent: Id, name: &str) -> Option<Id> {
        let mut slot = self.slot(parent, name);
        loop {
            let id = self.index[slot];
            if id == NONE {
                return None;
            }
            if self.nodes.get(id).parent == parent && self.name(id) == name {
                return Some(id);
            }
            slot = (slot + 1) & (self.index.len() - 1);
        }
    }

    pub(super) fn insert(&mut self, id: Id) {
        let used = usize::try_from(self.nodes.len()).unwrap_or(usize::MAX);
        if used / 3 >= self.index.len() / 4 {
            self.index = vec![NONE; self.index.len() * 2];
            for id in REPOSITORY + 1..self.nodes.len() {
                self.place(id);
            }
        } else {
            self.place(id);
        }
    }

    fn place(&mut self, id: Id) {
        let mut slot = self.slot(self.nodes.get(id).parent, self.name(id));
        while self.index[slot] != NONE {
            slot = (slot + 1) & (self.index.len() - 1);
        }
        self.index[slot] = id;
    }
}
