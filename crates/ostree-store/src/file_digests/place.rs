//! Where a record is, by the checksum that it is of: eight bytes, so that a million of them are eight megabytes.

const NUMBER_BITS: u32 = 28;

/// Most records that have a place.
pub(super) const MAX_RECORDS: u32 = 1 << NUMBER_BITS;

/// How the checksum begins, above the number of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u64);

impl Place {
    /// Of record `number`, below [`MAX_RECORDS`], which begins with its checksum.
    pub(super) fn new(record: &[u8], number: u32) -> Self {
        debug_assert!(number < MAX_RECORDS);
        Self(beginning(record) << NUMBER_BITS | u64::from(number))
    }

    /// The same for all checksums that begin alike, with 36 bits: as some seven pairs of a million files do.
    pub(super) const fn beginning(self) -> u64 {
        self.0 >> NUMBER_BITS
    }

    pub(super) fn number(self) -> u32 {
        let number = self.0 & (u64::from(MAX_RECORDS) - 1);
        // 28 bits are left.
        u32::try_from(number).unwrap_or(u32::MAX)
    }
}

/// How a checksum begins, for [`Place::beginning`].
pub(super) fn beginning(checksum: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&checksum[..8]);
    u64::from_be_bytes(bytes) >> NUMBER_BITS
}

#[cfg(test)]
mod tests {
    use super::{MAX_RECORDS, Place, beginning};

    #[test]
    fn a_place_tells_both() {
        let mut checksum = [0xff; 32];
        checksum[..5].copy_from_slice(&[0xf0, 0xf1, 0xf2, 0xf3, 0xf4]);
        for number in [0, 1, MAX_RECORDS - 1] {
            let place = Place::new(&checksum, number);
            assert_eq!(place.number(), number);
            assert_eq!(place.beginning(), beginning(&checksum));
            assert_eq!(place.beginning(), 0xf_0f1f_2f3f);
        }
    }

    #[test]
    fn places_are_in_the_order_of_checksums() {
        let low = Place::new(&[1; 32], MAX_RECORDS - 1);
        let high = Place::new(&[2; 32], 0);
        assert!(low < high);
    }
}
