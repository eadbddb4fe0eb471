//! The entries of a directory.

use super::{
    super::{
        Error,
        erofs::{BLOCK, DIRENT},
    },
    bytes::Bytes,
    inode::RawInode,
};

pub(super) struct Listed<'a> {
    pub(super) name: &'a [u8],
    pub(super) slot: u64,
    pub(super) file_type: u8,
    /// Where the directory is, for messages.
    pub(super) at: u64,
}

pub(super) fn list<'a>(bytes: &mut Bytes<'a>, inode: &RawInode) -> Result<Vec<Listed<'a>>, Error> {
    let (blocks, tail) = bytes.pieces(inode)?;
    let block = usize::try_from(BLOCK).unwrap_or(usize::MAX);
    let mut entries: Vec<Listed<'a>> = Vec::new();
    for block in blocks
        .chunks(block)
        .chain([tail])
        .filter(|block| !block.is_empty())
    {
        list_block(block, inode.at, &mut entries)?;
    }
    if entries.windows(2).any(|pair| pair[0].name >= pair[1].name) {
        return Err(Error::malformed(
            inode.at,
            "names of a directory are not in order",
        ));
    }
    Ok(entries)
}

/// First all entries, then all names: each ends where the next begins, the last where the block or a NUL is.
fn list_block<'a>(block: &'a [u8], at: u64, entries: &mut Vec<Listed<'a>>) -> Result<(), Error> {
    let wrong = || Error::malformed(at, "a block of a directory is damaged");
    let head = block.get(..DIRENT).ok_or_else(wrong)?;
    let names_at = usize::from(Bytes::u16(head, 8));
    if names_at == 0 || !names_at.is_multiple_of(DIRENT) {
        return Err(wrong());
    }
    let raw = block.get(..names_at).ok_or_else(wrong)?;
    for place in (0..names_at).step_by(DIRENT) {
        let start = usize::from(Bytes::u16(raw, place + 8));
        let next = place + DIRENT;
        let name = if next < names_at {
            block.get(start..usize::from(Bytes::u16(raw, next + 8)))
        } else {
            let rest = block.get(start..).ok_or_else(wrong)?;
            rest.split(|byte| *byte == 0).next()
        };
        entries.push(Listed {
            name: name.filter(|_| start >= names_at).ok_or_else(wrong)?,
            slot: Bytes::u64(raw, place),
            file_type: raw[place + 10],
            at,
        });
    }
    Ok(())
}
