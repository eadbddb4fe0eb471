//! The bytes of one inode and its attributes.

use std::io::Write;

use super::{
    super::{
        Error, Kind,
        erofs::{
            BLOCK, LAYOUT_CHUNKS, LAYOUT_INLINE, LAYOUT_PLAIN, XATTR_ENTRY, XATTR_HEADER,
            split_xattr_name,
        },
    },
    attributes::Item,
    layout::{Inode, chunks, narrow},
    output::Output,
};

/// Writes inode `number`, whose blocks, if it has any, are at `data_at`.
pub(super) fn put_inode<W: Write>(
    output: &mut Output<W>,
    inode: &Inode<'_>,
    number: u32,
    data_at: u64,
) -> Result<(), Error> {
    let Inode { kind, stat, .. } = inode;
    let layout = match kind {
        Kind::Backed { .. } => LAYOUT_CHUNKS,
        _ if inode.tail > 0 => LAYOUT_INLINE,
        _ => LAYOUT_PLAIN,
    };
    let format = layout << 1 | u16::from(!inode.compact);
    let units = match inode.xattr_bytes {
        0 => 0,
        bytes => (bytes - XATTR_HEADER) / XATTR_ENTRY + 1,
    };
    let units = u16::try_from(units).map_err(|_| Error::TooMany {
        what: "bytes of extended attributes",
        limit: u64::from(u16::MAX) * XATTR_ENTRY,
    })?;
    let mode = kind.type_bits() | stat.permissions;
    let word = place_word(inode, data_at)?;
    let mut bytes = [0; 64];
    bytes[0..2].copy_from_slice(&format.to_le_bytes());
    bytes[2..4].copy_from_slice(&units.to_le_bytes());
    bytes[4..6].copy_from_slice(&mode.to_le_bytes());
    bytes[16..20].copy_from_slice(&word.to_le_bytes());
    bytes[20..24].copy_from_slice(&number.to_le_bytes());
    if inode.compact {
        // What does not fit made the inode an extended one.
        bytes[6..8].copy_from_slice(&low(stat.nlink));
        bytes[8..12].copy_from_slice(&inode.size.to_le_bytes()[..4]);
        bytes[24..26].copy_from_slice(&low(stat.uid));
        bytes[26..28].copy_from_slice(&low(stat.gid));
        return output.put(&bytes[..32]);
    }
    bytes[8..16].copy_from_slice(&inode.size.to_le_bytes());
    bytes[24..28].copy_from_slice(&stat.uid.to_le_bytes());
    bytes[28..32].copy_from_slice(&stat.gid.to_le_bytes());
    bytes[32..40].copy_from_slice(&stat.mtime.seconds.to_le_bytes());
    bytes[40..44].copy_from_slice(&stat.mtime.nanoseconds.to_le_bytes());
    bytes[44..48].copy_from_slice(&stat.nlink.to_le_bytes());
    output.put(&bytes)
}

fn low(number: u32) -> [u8; 2] {
    let [a, b, ..] = number.to_le_bytes();
    [a, b]
}

/// Block address, device number, or form of the chunks.
fn place_word(inode: &Inode<'_>, data_at: u64) -> Result<u32, Error> {
    let address = if inode.blocks > 0 {
        narrow("blocks", data_at / BLOCK)?
    } else {
        0
    };
    Ok(match inode.kind {
        Kind::CharDevice { rdev, .. } | Kind::BlockDevice { rdev, .. } => rdev,
        // Where the list of chunks got a block, libcomposefs leaves the upper half of its address.
        Kind::Backed { size, .. } => address & 0xffff_0000 | chunks(size).0,
        _ => address,
    })
}

/// Writes the attributes of an inode: header, numbers of shared ones, then the others.
pub(super) fn put_attributes<W: Write>(
    output: &mut Output<W>,
    items: &[Item<'_>],
    shared_at: u64,
) -> Result<(), Error> {
    if items.is_empty() {
        return Ok(());
    }
    let filter = items.iter().fold(0, |bits, item| bits | item.filter_bit());
    let shared = items.iter().filter_map(|item| item.shared);
    // At most MAX_SHARED_XATTRS.
    let count = u8::try_from(shared.clone().count()).unwrap_or(u8::MAX);
    output.put(&(!filter).to_le_bytes())?;
    output.put(&[count, 0, 0, 0, 0, 0, 0, 0])?;
    for offset in shared {
        let unit = narrow(
            "bytes of shared attributes",
            (shared_at % BLOCK + offset) / XATTR_ENTRY,
        )?;
        output.put(&unit.to_le_bytes())?;
    }
    let own = items.iter().filter(|item| item.shared.is_none());
    for item in own {
        put_attribute(output, item)?;
    }
    Ok(())
}

/// Writes an attribute.
pub(super) fn put_attribute<W: Write>(
    output: &mut Output<W>,
    item: &Item<'_>,
) -> Result<(), Error> {
    let (prefix, rest) = split_xattr_name(item.name);
    // Both were within bounds when they were set, and escaping adds no more than a prefix saves.
    let name_length = u8::try_from(rest.len()).unwrap_or(u8::MAX);
    let value_length = u16::try_from(item.value.len()).unwrap_or(u16::MAX);
    output.put(&[name_length, prefix])?;
    output.put(&value_length.to_le_bytes())?;
    output.put(rest)?;
    output.put(&item.value)?;
    output.align(XATTR_ENTRY)
}
