//! Which objects a stage may have, so that those of the repository are not looked for in it.

use std::sync::atomic::{AtomicU64, Ordering};

use ostree_objects::Checksum;

/// Beginnings of 16 bits.
const WORDS: usize = (1 << 16) / 64;

/// How the names of objects begin that were written: 8 KiB. Of what a merge reads, hardly a name seems written that was not;
/// after a large layer most do.
#[derive(Debug)]
pub(super) struct Names(Box<[AtomicU64]>);

impl Default for Names {
    fn default() -> Self {
        Self((0..WORDS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Names {
    /// Before an object of that name is made.
    pub(super) fn add(&self, name: &Checksum) {
        let (word, bit) = place(name);
        self.0[word].fetch_or(bit, Ordering::AcqRel);
    }

    /// False where no such object was made.
    pub(super) fn may_have(&self, name: &Checksum) -> bool {
        let (word, bit) = place(name);
        self.0[word].load(Ordering::Acquire) & bit != 0
    }
}

fn place(name: &Checksum) -> (usize, u64) {
    let bytes = name.as_bytes();
    let beginning = u16::from_be_bytes([bytes[0], bytes[1]]);
    (usize::from(beginning / 64), 1 << (beginning % 64))
}

#[cfg(test)]
mod tests {
    use ostree_objects::Checksum;

    use super::Names;

    #[test]
    fn what_was_added_is_there_and_little_else_seems_to_be() {
        let names = Names::default();
        let name = |number: u32| Checksum::of(&number.to_le_bytes());
        (0..1000).for_each(|number| names.add(&name(number)));
        assert!((0..1000).all(|number| names.may_have(&name(number))));
        let others = (1000..11_000).filter(|number| names.may_have(&name(*number)));
        let others = others.count();
        assert!(others < 300, "{others} of 10000 seem to be there");
    }
}
