//! The attributes of an inode, turned back from what overlayfs reads into what the tree had.

use std::collections::HashSet;

use super::{
    super::{
        Error, FsVerityDigest, Xattrs,
        erofs::{S_IFREG, XATTR_ENTRY, XATTR_PREFIXES, overlay},
    },
    bytes::Bytes,
    inode::RawInode,
};

#[derive(Default)]
pub(super) struct Attributes {
    pub(super) xattrs: Xattrs,
    pub(super) backing_path: Option<Vec<u8>>,
    pub(super) digest: Option<FsVerityDigest>,
    /// The file stands for a whiteout of the tree.
    pub(super) whiteout: bool,
}

/// Where the shared attributes are, and which were looked at.
#[derive(Default)]
pub(super) struct Shared {
    at: u64,
    taken: HashSet<u32>,
}

impl Shared {
    pub(super) fn new(at: u64) -> Self {
        Self {
            at,
            taken: HashSet::new(),
        }
    }
}

/// Prefix's number, rest of the name, value.
type Entry<'a> = (u8, &'a [u8], &'a [u8]);

impl Attributes {
    pub(super) fn read(
        bytes: &mut Bytes<'_>,
        shared: &mut Shared,
        inode: &RawInode,
    ) -> Result<Self, Error> {
        const CUT: &str = "extended attributes are cut short";
        let mut attributes = Self::default();
        let length = inode.end - inode.xattrs_at;
        if length == 0 {
            return Ok(attributes);
        }
        let wrong = || Error::malformed(inode.at, CUT);
        let all = bytes.take(inode.xattrs_at, length, CUT)?;
        let (header, rest) = all.split_at_checked(12).ok_or_else(wrong)?;
        let count = usize::from(header[4]);
        let (numbers, mut own) = rest.split_at_checked(4 * count).ok_or_else(wrong)?;
        while !own.is_empty() {
            let (entry, rest) = split_entry(own).ok_or_else(wrong)?;
            attributes.set(entry, inode)?;
            own = rest;
        }
        for number in numbers.chunks_exact(4) {
            let number = Bytes::u32(number, 0);
            let at = shared.at + u64::from(number) * XATTR_ENTRY;
            let head = bytes.get(at, XATTR_ENTRY, CUT)?;
            let length = XATTR_ENTRY + u64::from(head[0]) + u64::from(Bytes::u16(head, 2));
            let raw = if shared.taken.insert(number) {
                bytes.take(at, length, CUT)?
            } else {
                bytes.get(at, length, CUT)?
            };
            let (entry, _) = split_entry(raw).ok_or_else(wrong)?;
            attributes.set(entry, inode)?;
        }
        Ok(attributes)
    }

    fn set(&mut self, (prefix, rest, value): Entry<'_>, inode: &RawInode) -> Result<(), Error> {
        let is_file = inode.type_bits == S_IFREG;
        let known = XATTR_PREFIXES.iter().find(|(number, _)| *number == prefix);
        let name = match (prefix, known) {
            (0, _) => rest.to_vec(),
            (_, Some((_, text))) => [text, rest].concat(),
            (_, None) => {
                return Err(Error::malformed(
                    inode.at,
                    "the name of an extended attribute has an unknown prefix",
                ));
            }
        };
        match &*name {
            overlay::REDIRECT if is_file => {
                let path = value.strip_prefix(b"/").filter(|path| !path.is_empty());
                self.backing_path = Some(path.unwrap_or(value).to_vec());
            }
            overlay::METACOPY if is_file && !value.is_empty() => {
                let digest = value.strip_prefix(&overlay::METACOPY_HEADER);
                let digest = digest.and_then(|digest| digest.try_into().ok());
                let digest = digest.ok_or_else(|| {
                    Error::malformed(inode.at, "the digest of a file is in an unknown form")
                })?;
                self.digest = Some(FsVerityDigest::from_bytes(digest));
            }
            overlay::ESCAPED_WHITEOUT if is_file => self.whiteout = true,
            overlay::ESCAPED_WHITEOUTS | overlay::USER_WHITEOUT | overlay::USER_WHITEOUTS => {}
            name => match name.strip_prefix(overlay::ESCAPED_PREFIX) {
                Some(rest) => self
                    .xattrs
                    .set_read(&[overlay::PREFIX, rest].concat(), value)?,
                None if name.starts_with(overlay::PREFIX) => {}
                None => self.xattrs.set_read(name, value)?,
            },
        }
        Ok(())
    }
}

/// The first entry, and what follows it.
fn split_entry(bytes: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    let (head, rest) = bytes.split_at_checked(4)?;
    let (name, rest) = rest.split_at_checked(head[0].into())?;
    let (value, _) = rest.split_at_checked(Bytes::u16(head, 2).into())?;
    let length = (4 + name.len() + value.len()).next_multiple_of(4);
    let later = bytes.get(length..).unwrap_or_default();
    Some(((head[1], name, value), later))
}
