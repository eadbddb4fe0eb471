//! Extended attributes of one inode, and the table in which a tree keeps them all.

use std::{collections::HashMap, ops::Range};

use super::{
    Error,
    error::shown,
    limits::{MAX_READ_XATTR_BYTES, MAX_XATTR_BYTES, MAX_XATTR_NAME_BYTES},
};

/// What libcomposefs reckons for the header of an inode's attributes.
const HEADER_BYTES: usize = 12;
/// What it reckons for each attribute besides name and value: the entry, and the padding at worst.
const ENTRY_BYTES: usize = 7;

/// Extended attributes as they are given to an inode: each name once, in the order in which they were set.
///
/// The order shows in dumps only; an image sorts by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Xattrs {
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
    bytes: usize,
}

impl Xattrs {
    /// No attributes.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            pairs: Vec::new(),
            bytes: 0,
        }
    }

    /// Sets an attribute; a value that was set before goes.
    ///
    /// # Errors
    ///
    /// A name that is empty, over [`MAX_XATTR_NAME_BYTES`] or holds a NUL; a value over 65535 bytes; more than
    /// [`MAX_XATTR_BYTES`] in all.
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> Result<(), Error> {
        self.set_within(name, value, MAX_XATTR_BYTES)
    }

    /// As [`Self::set`], for what is read from an image, which may hold more.
    pub(super) fn set_read(&mut self, name: &[u8], value: &[u8]) -> Result<(), Error> {
        self.set_within(name, value, MAX_READ_XATTR_BYTES)
    }

    fn set_within(&mut self, name: &[u8], value: &[u8], most: usize) -> Result<(), Error> {
        if name.is_empty() {
            return Err(Error::xattr(name, "has no name"));
        }
        if name.len() > MAX_XATTR_NAME_BYTES {
            return Err(Error::xattr(name, "has a name of over 255 bytes"));
        }
        if name.contains(&0) {
            return Err(Error::xattr(name, "has a NUL in its name"));
        }
        if u16::try_from(value.len()).is_err() {
            return Err(Error::xattr(name, "has a value of over 65535 bytes"));
        }
        if let Some(at) = self.pairs.iter().position(|(other, _)| other == name) {
            let (_, old) = self.pairs.swap_remove(at);
            self.bytes -= ENTRY_BYTES + name.len() + old.len();
        }
        if self.pairs.is_empty() {
            self.bytes = HEADER_BYTES;
        }
        let bytes = self.bytes + ENTRY_BYTES + name.len() + value.len();
        if bytes > most {
            return Err(Error::XattrsTooBig {
                name: shown(name),
                bytes,
            });
        }
        self.bytes = bytes;
        self.pairs.push((name.to_vec(), value.to_vec()));
        Ok(())
    }

    /// Value of the attribute of that name.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter()
            .find(|(other, _)| *other == name)
            .map(|(_, value)| value)
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.pairs
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.pairs.len()
    }

    /// True without attributes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}

/// An attribute.
pub(super) type NameAndValue = (Box<[u8]>, Box<[u8]>);

/// The attributes of all inodes of a tree. Trees have many inodes and few attributes: each distinct name and
/// value is kept once, and so is each distinct list of them.
#[derive(Debug, Default, Clone)]
pub(super) struct XattrTable {
    attributes: Vec<NameAndValue>,
    /// Attribute numbers, list after list.
    members: Vec<u32>,
    /// Where each list is in `members`; list 0 is empty.
    lists: Vec<Range<u32>>,
    attribute_ids: HashMap<NameAndValue, u32>,
    list_ids: HashMap<Box<[u32]>, u32>,
}

impl XattrTable {
    pub(super) fn new() -> Self {
        let mut table = Self::default();
        table.lists.push(0..0);
        table.list_ids.insert(Box::default(), 0);
        table
    }

    /// Number of the list with these attributes.
    pub(super) fn add(&mut self, xattrs: &Xattrs) -> Result<u32, Error> {
        if xattrs.is_empty() {
            return Ok(0);
        }
        let mut list = Vec::with_capacity(xattrs.len());
        for (name, value) in xattrs.iter() {
            list.push(self.attribute(name, value)?);
        }
        if let Some(id) = self.list_ids.get(list.as_slice()) {
            return Ok(*id);
        }
        let start = index("extended attributes", self.members.len())?;
        self.members.extend_from_slice(&list);
        let end = index("extended attributes", self.members.len())?;
        let id = index("lists of extended attributes", self.lists.len())?;
        self.lists.push(start..end);
        self.list_ids.insert(list.into(), id);
        Ok(id)
    }

    fn attribute(&mut self, name: &[u8], value: &[u8]) -> Result<u32, Error> {
        let key = (Box::from(name), Box::from(value));
        if let Some(id) = self.attribute_ids.get(&key) {
            return Ok(*id);
        }
        let id = index("extended attributes", self.attributes.len())?;
        self.attributes.push(key.clone());
        self.attribute_ids.insert(key, id);
        Ok(id)
    }

    /// Frees what only adding needs.
    pub(super) fn seal(&mut self) {
        self.attribute_ids = HashMap::new();
        self.list_ids = HashMap::new();
        self.attributes.shrink_to_fit();
        self.members.shrink_to_fit();
        self.lists.shrink_to_fit();
    }

    /// Names and values of a list that [`Self::add`] numbered.
    pub(super) fn list(&self, id: u32) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        let Range { start, end } = self.lists[id as usize];
        self.members[start as usize..end as usize]
            .iter()
            .map(|attribute| {
                let (name, value) = &self.attributes[*attribute as usize];
                (&**name, &**value)
            })
    }
}

/// A count or offset as the 32 bits in which trees keep it.
pub(super) fn index(what: &'static str, number: usize) -> Result<u32, Error> {
    // The last thousand are left for what an image adds.
    const MOST: u32 = u32::MAX - 1024;
    match u32::try_from(number) {
        Ok(number) if number <= MOST => Ok(number),
        _ => Err(Error::TooMany {
            what,
            limit: MOST.into(),
        }),
    }
}
