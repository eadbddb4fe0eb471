//! The first sector of a disk: GRUB's first code, and where the partitions are.

pub(super) const SECTOR: u64 = 512;
/// Behind it comes the table.
const CODE_BYTES: usize = 440;
const TABLE: usize = 446;
const ENTRY_BYTES: usize = 16;
const LINUX: u8 = 0x83;
const ACTIVE: u8 = 0x80;

/// A primary partition, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Partition {
    pub(super) start: u64,
    pub(super) size: u64,
}

/// The sector; `code` is a boot image of which the first part counts. The first partition is the active one.
pub(super) fn sector(code: &[u8], partitions: &[Partition]) -> Option<[u8; 512]> {
    let mut sector = [0; 512];
    sector[..CODE_BYTES].copy_from_slice(code.get(..CODE_BYTES)?);
    for (number, partition) in partitions.iter().enumerate() {
        let at = TABLE + number * ENTRY_BYTES;
        let entry = sector[..510].get_mut(at..at + ENTRY_BYTES)?;
        entry[0] = if number == 0 { ACTIVE } else { 0 };
        // Cylinders, heads and sectors are nobody's any more: these say "look at the other numbers".
        entry[1..4].copy_from_slice(&[0xfe, 0xff, 0xff]);
        entry[4] = LINUX;
        entry[5..8].copy_from_slice(&[0xfe, 0xff, 0xff]);
        let sectors = |bytes: u64| u32::try_from(bytes / SECTOR).ok();
        entry[8..12].copy_from_slice(&sectors(partition.start)?.to_le_bytes());
        entry[12..16].copy_from_slice(&sectors(partition.size)?.to_le_bytes());
    }
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    Some(sector)
}

#[cfg(test)]
mod tests {
    use super::{Partition, sector};

    #[test]
    fn the_table_is_where_firmware_and_linux_look_for_it() {
        let partitions =
            [(1 << 20, 3 << 20), (4 << 20, 8 << 20)].map(|(start, size)| Partition { start, size });
        let sector = sector(&[7; 512], &partitions).unwrap();
        assert_eq!(sector[439], 7);
        assert_eq!(sector[440..446], [0; 6]);
        let first = [
            0x80, 0xfe, 0xff, 0xff, 0x83, 0xfe, 0xff, 0xff, 0, 8, 0, 0, 0, 24, 0, 0,
        ];
        assert_eq!(sector[446..462], first);
        let second = [
            0, 0xfe, 0xff, 0xff, 0x83, 0xfe, 0xff, 0xff, 0, 32, 0, 0, 0, 64, 0, 0,
        ];
        assert_eq!(sector[462..478], second);
        assert_eq!(sector[478..510], [0; 32]);
        assert_eq!(sector[510..], [0x55, 0xaa]);
    }

    #[test]
    fn what_has_no_place_is_refused() {
        let partition = Partition {
            start: 1 << 20,
            size: 1 << 20,
        };
        assert!(sector(&[7; 100], &[partition]).is_none());
        assert!(sector(&[7; 512], &[partition; 5]).is_none());
        let far = Partition {
            start: 1 << 42,
            size: 1 << 20,
        };
        assert!(sector(&[7; 512], &[far]).is_none());
    }
}
