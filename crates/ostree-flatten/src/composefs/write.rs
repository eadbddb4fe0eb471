//! From a tree to the bytes of an image.

mod attributes;
mod collector;
mod inode;
mod layout;
mod order;
mod output;
mod xxh32;

use std::{fmt, io, ops::RangeInclusive};

use super::{
    Error, FsVerityDigest, Kind, NodeId, Tree,
    erofs::{
        BLOCK, BLOCK_BITS, DIRENT, FEATURES, HEADER_HAS_ACL, HEADER_MAGIC, HEADER_VERSION, HOLE,
        MOST_CHUNKS, SLOT, SUPER_AT, SUPER_MAGIC, dirent_type,
    },
};
use attributes::Attributes;
use inode::{put_attribute, put_inode};
use layout::{INODES_AT, Inode, Layout, Walk, narrow};
use order::{Dirent, Member, Order};
use output::Output;

/// The two forms of an image, which differ in trees with whiteouts of their own only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// libcomposefs's first.
    V0,
    /// Directories with escaped whiteouts are marked for Linux 6.8 and newer too; libcomposefs 1.0.3.
    V1,
}

impl Format {
    /// What `mkcomposefs` and libostree use: [`Self::V0`], if the tree does not need more.
    pub const DEFAULT: RangeInclusive<Self> = Self::V0..=Self::V1;

    /// The format of that number.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::V0),
            1 => Some(Self::V1),
            _ => None,
        }
    }

    /// Its number in an image.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::V0 => 0,
            Self::V1 => 1,
        }
    }

    /// The lowest that is allowed and tells all of a tree. A range whose end is below its start is its start.
    fn choose(tree: &Tree, order: &Order, allowed: &RangeInclusive<Self>) -> Self {
        let (start, end) = (*allowed.start(), *allowed.end());
        if end > start && order.nodes().any(|node| tree.is_whiteout(node)) {
            Self::V1
        } else {
            start
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(out)
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// fs-verity digest of the image.
    pub digest: FsVerityDigest,
    /// Bytes of the image.
    pub size: u64,
    /// Its format.
    pub format: Format,
}

/// Writes the image of a tree, byte for byte as libcomposefs does, and hashes it on the way.
///
/// The sink gets the image from its start to its end, in pieces of about 64 KiB; [`io::sink`] if only the digest is
/// wanted. The format is the lowest of `formats` that can mark all whiteouts of the tree.
///
/// # Errors
///
/// Those of the sink; an image of over 2^32 blocks, or 2^37 bytes of inodes.
pub fn write_image(
    tree: &Tree,
    formats: RangeInclusive<Format>,
    sink: impl io::Write,
) -> Result<Written, Error> {
    let order = Order::new(tree)?;
    let format = Format::choose(tree, &order, &formats);
    let attributes = Attributes::new(tree, &order, format)?;
    let layout = Layout::new(tree, &order, &attributes)?;
    let mut image = Image {
        tree,
        order: &order,
        attributes: &attributes,
        layout: &layout,
        output: Output::new(sink),
    };
    image.header(format)?;
    let with_blocks = image.inodes()?;
    image.shared_attributes()?;
    image.data(&with_blocks)?;
    let (size, digest) = image.output.finish()?;
    Ok(Written {
        digest,
        size,
        format,
    })
}

struct Image<'a, W> {
    tree: &'a Tree,
    order: &'a Order,
    attributes: &'a Attributes<'a>,
    layout: &'a Layout,
    output: Output<W>,
}

impl<'a, W: io::Write> Image<'a, W> {
    fn header(&mut self, format: Format) -> Result<(), Error> {
        let flags = if self.attributes.has_acl {
            HEADER_HAS_ACL
        } else {
            0
        };
        for word in [HEADER_MAGIC, HEADER_VERSION, flags, format.number()] {
            self.output.put(&word.to_le_bytes())?;
        }
        self.output.pad_to(SUPER_AT)?;
        let time = self.layout.base_time;
        // The root comes first, so that its place is that of the inodes or the next block at most.
        let root = u16::try_from(self.layout.slots[NodeId::ROOT.index()]);
        let root = root.map_err(|_| Error::TooMany {
            what: "bytes before the root",
            limit: u16::MAX.into(),
        })?;
        let xattr_block = narrow("blocks", self.layout.inodes_end / BLOCK)?;
        let data_start = self.layout.data_start / BLOCK;
        let blocks = narrow("blocks", data_start + self.layout.data_blocks)?;
        let mut superblock = Vec::with_capacity(128);
        superblock.extend_from_slice(&SUPER_MAGIC.to_le_bytes());
        superblock.extend_from_slice(&0_u32.to_le_bytes()); // checksum, unused
        superblock.extend_from_slice(&FEATURES.to_le_bytes());
        superblock.extend_from_slice(&[BLOCK_BITS, 0]);
        superblock.extend_from_slice(&root.to_le_bytes());
        superblock.extend_from_slice(&(self.order.members().len() as u64).to_le_bytes());
        superblock.extend_from_slice(&time.seconds.to_le_bytes());
        superblock.extend_from_slice(&time.nanoseconds.to_le_bytes());
        superblock.extend_from_slice(&blocks.to_le_bytes());
        superblock.extend_from_slice(&0_u32.to_le_bytes()); // block that places of inodes count from
        superblock.extend_from_slice(&xattr_block.to_le_bytes());
        self.output.put(&superblock)?;
        self.output.pad_to(INODES_AT)
    }

    /// All inodes; returns those with blocks, and where the inode before each ends.
    fn inodes(&mut self) -> Result<Vec<(Member, u64)>, Error> {
        let mut walk = self.walk();
        let mut data_at = self.layout.data_start;
        let mut with_blocks = Vec::new();
        for (number, member) in (0_u32..).zip(self.order.members()) {
            let position = self.output.position();
            let inode = walk.inode(*member, position);
            if inode.blocks > 0 {
                with_blocks.push((*member, position));
            }
            self.output.pad_to(inode.at)?;
            put_inode(&mut self.output, &inode, number, data_at)?;
            inode::put_attributes(&mut self.output, &walk.items, self.layout.inodes_end)?;
            data_at += inode.blocks * BLOCK;
            self.tail(&inode, &walk.dirents)?;
        }
        self.output.align(SLOT)?;
        Ok(with_blocks)
    }

    fn walk(&self) -> Walk<'a> {
        Walk::new(
            self.tree,
            self.order,
            self.attributes,
            self.layout.base_time,
        )
    }

    /// What of the content lies behind the inode.
    fn tail(&mut self, inode: &Inode<'_>, dirents: &[Dirent<'_>]) -> Result<(), Error> {
        if inode.tail == 0 {
            return Ok(());
        }
        match &inode.kind {
            Kind::Directory { .. } => {
                let last = blocks_of(dirents).last().unwrap_or_default();
                self.dirents(last)
            }
            Kind::Symlink { target } => self.output.put(target),
            Kind::Inline { content } => {
                let tail = usize::try_from(inode.tail).unwrap_or(usize::MAX);
                self.output.put(&content[content.len() - tail..])
            }
            Kind::Backed { .. } => self.holes(inode.tail / 4),
            _ => Ok(()),
        }
    }

    fn holes(&mut self, count: u64) -> Result<(), Error> {
        (0..count).try_for_each(|_| self.output.put(&HOLE.to_le_bytes()))
    }

    /// A block of a directory: its entries, then their names.
    fn dirents(&mut self, entries: &[Dirent<'_>]) -> Result<(), Error> {
        let mut name_at = entries.len() * DIRENT;
        for entry in entries {
            let slot = u64::from(self.layout.slots[entry.member.index()]);
            self.output.put(&slot.to_le_bytes())?;
            // A block has 4096 bytes.
            let offset = u16::try_from(name_at).unwrap_or(u16::MAX);
            self.output.put(&offset.to_le_bytes())?;
            self.output.put(&[dirent_type(entry.type_bits), 0])?;
            name_at += entry.name.len();
        }
        entries
            .iter()
            .try_for_each(|entry| self.output.put(entry.name))
    }

    fn shared_attributes(&mut self) -> Result<(), Error> {
        let attributes = self.attributes;
        for item in attributes.shared() {
            put_attribute(&mut self.output, &item)?;
        }
        self.output.align(BLOCK)
    }

    /// The blocks of the inodes that have some.
    fn data(&mut self, with_blocks: &[(Member, u64)]) -> Result<(), Error> {
        let mut walk = self.walk();
        for (member, position) in with_blocks {
            let inode = walk.inode(*member, *position);
            match &inode.kind {
                Kind::Directory { .. } => {
                    let whole = usize::try_from(inode.blocks).unwrap_or(usize::MAX);
                    for entries in blocks_of(&walk.dirents).take(whole) {
                        self.dirents(entries)?;
                        self.output.align(BLOCK)?;
                    }
                }
                Kind::Backed { .. } => self.holes(MOST_CHUNKS)?,
                Kind::Symlink { target } => self.output.put(target)?,
                Kind::Inline { content } => {
                    let whole = usize::try_from(inode.blocks * BLOCK).unwrap_or(usize::MAX);
                    self.output.put(&content[..whole.min(content.len())])?;
                }
                _ => {}
            }
            self.output.align(BLOCK)?;
        }
        Ok(())
    }
}

/// The entries of a directory, block by block.
fn blocks_of<'d, 'a>(dirents: &'d [Dirent<'a>]) -> impl Iterator<Item = &'d [Dirent<'a>]> {
    let mut rest = dirents;
    std::iter::from_fn(move || {
        let mut filled = 0;
        let fits = |entry: &&Dirent<'_>| {
            filled += (DIRENT + entry.name.len()) as u64;
            filled <= BLOCK
        };
        let count = rest.iter().take_while(fits).count();
        let (block, later) = rest.split_at(count);
        rest = later;
        (!block.is_empty()).then_some(block)
    })
}
