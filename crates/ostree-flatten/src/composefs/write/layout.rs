//! How large an inode is in the image and where it goes; all the rules of libcomposefs's `lcfs-writer-erofs.c`.

use super::{
    super::{
        Error, Kind, Tree,
        erofs::{
            BLOCK, BLOCK_BITS, COMPACT_INODE, DIRENT, EXTENDED_INODE, MOST_CHUNK_BITS, S_IFDIR,
            SLOT, SUPER_AT, SUPER_BYTES,
        },
        tree::{Mtime, Stat},
    },
    attributes::{Attributes, Item, inode_bytes},
    order::{Dirent, Member, Order, WHITEOUT, image_kind, whiteout_stat},
};

/// Where the inodes begin.
pub(super) const INODES_AT: u64 = SUPER_AT + SUPER_BYTES;

/// An inode of the image and its form.
#[derive(Debug)]
pub(super) struct Inode<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) stat: Stat,
    /// 32 bytes, not 64.
    pub(super) compact: bool,
    /// Bytes of its attributes.
    pub(super) xattr_bytes: u64,
    /// Whole blocks of its content, among the data blocks.
    pub(super) blocks: u64,
    /// Bytes of its content behind it.
    pub(super) tail: u64,
    /// Where it is.
    pub(super) at: u64,
    /// The size it states.
    pub(super) size: u64,
}

impl Inode<'_> {
    pub(super) const fn inode_bytes(&self) -> u64 {
        if self.compact {
            COMPACT_INODE
        } else {
            EXTENDED_INODE
        }
    }

    pub(super) const fn end(&self) -> u64 {
        self.at + self.inode_bytes() + self.xattr_bytes + self.tail
    }
}

/// The image's measures.
#[derive(Debug)]
pub(super) struct Layout {
    /// For each member's number: its place, in slots.
    pub(super) slots: Vec<u32>,
    /// Time that inodes without one of their own have: the earliest.
    pub(super) base_time: Mtime,
    /// Where the inodes end and the shared attributes begin.
    pub(super) inodes_end: u64,
    /// Where the blocks begin.
    pub(super) data_start: u64,
    pub(super) data_blocks: u64,
}

impl Layout {
    pub(super) fn new(
        tree: &Tree,
        order: &Order,
        attributes: &Attributes<'_>,
    ) -> Result<Self, Error> {
        let times = order.nodes().map(|node| tree.stat(node).mtime);
        let base_time = times.min().unwrap_or_default();
        let mut slots = vec![0; order.number_count()];
        let mut position = INODES_AT;
        let mut data_blocks = 0;
        let mut walk = Walk::new(tree, order, attributes, base_time);
        for member in order.members() {
            let inode = walk.inode(*member, position);
            slots[member.index()] = narrow("bytes of inodes", inode.at / SLOT)?;
            data_blocks += inode.blocks;
            position = inode.end();
        }
        let inodes_end = position.next_multiple_of(SLOT);
        let data_start = (inodes_end + attributes.shared_bytes()).next_multiple_of(BLOCK);
        narrow("blocks", data_start / BLOCK + data_blocks)?;
        Ok(Self {
            slots,
            base_time,
            inodes_end,
            data_start,
            data_blocks,
        })
    }
}

/// A number in the 32 bits that the format has for it.
pub(super) fn narrow(what: &'static str, number: u64) -> Result<u32, Error> {
    u32::try_from(number).map_err(|_| Error::TooMany {
        what,
        limit: u32::MAX.into(),
    })
}

/// Looks at one inode after the other, with room that is used again.
pub(super) struct Walk<'a> {
    tree: &'a Tree,
    order: &'a Order,
    attributes: &'a Attributes<'a>,
    base_time: Mtime,
    pub(super) dirents: Vec<Dirent<'a>>,
    pub(super) items: Vec<Item<'a>>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        tree: &'a Tree,
        order: &'a Order,
        attributes: &'a Attributes<'a>,
        base_time: Mtime,
    ) -> Self {
        Self {
            tree,
            order,
            attributes,
            base_time,
            dirents: Vec::new(),
            items: Vec::new(),
        }
    }

    /// The inode of that member, if the one before ends at `position`. Its entries and attributes are in
    /// `dirents` and `items` until the next.
    pub(super) fn inode(&mut self, member: Member, position: u64) -> Inode<'a> {
        let node = self.order.node(member);
        let (kind, mut stat) = match node {
            Some(node) => (image_kind(self.tree.kind(node)), self.tree.stat(node)),
            None => (
                WHITEOUT,
                whiteout_stat(self.tree.stat(super::super::NodeId::ROOT)),
            ),
        };
        match node {
            Some(node) => self.order.dirents(self.tree, node, &mut self.dirents),
            None => self.dirents.clear(),
        }
        self.attributes.of(node, &mut self.items);
        let (mut blocks, mut tail) = content(&kind, &self.dirents);
        let mut size = kind.size();
        if let Kind::Directory { .. } = kind {
            size = blocks * BLOCK + tail;
            stat.nlink = self.subdirectories();
        }
        let compact = stat.mtime == self.base_time
            && u16::try_from(stat.nlink).is_ok()
            && u16::try_from(stat.uid).is_ok()
            && u16::try_from(stat.gid).is_ok()
            && u32::try_from(size).is_ok();
        let inode_bytes_ = if compact {
            COMPACT_INODE
        } else {
            EXTENDED_INODE
        };
        let xattr_bytes = inode_bytes(&self.items);
        let position = position.next_multiple_of(SLOT);
        let head = inode_bytes_ + xattr_bytes;
        let at = if let Kind::Symlink { .. } = kind {
            place_symlink(position, head, &mut blocks, &mut tail)
        } else {
            place(position, head, &mut blocks, &mut tail)
        };
        if !matches!(
            kind,
            Kind::Directory { .. }
                | Kind::Inline { .. }
                | Kind::Backed { .. }
                | Kind::Symlink { .. }
        ) {
            size = 0;
        }
        Inode {
            kind,
            stat,
            compact,
            xattr_bytes,
            blocks,
            tail,
            at,
            size,
        }
    }

    /// Names of a directory: its own, its own in itself, and one in each subdirectory.
    fn subdirectories(&self) -> u32 {
        let directories = self
            .dirents
            .iter()
            .filter(|entry| entry.type_bits == S_IFDIR);
        // `.` and `..` are among the entries.
        u32::try_from(directories.count()).unwrap_or(u32::MAX)
    }
}

/// Blocks and tail of what an inode holds, before it has a place.
fn content(kind: &Kind<'_>, dirents: &[Dirent<'_>]) -> (u64, u64) {
    let or_block = |blocks: u64, tail: u64| {
        if tail > BLOCK / 2 {
            (blocks + 1, 0)
        } else {
            (blocks, tail)
        }
    };
    match kind {
        Kind::Directory { .. } => {
            let mut blocks = 0;
            let mut filled = 0;
            for entry in dirents {
                let bytes = (DIRENT + entry.name.len()) as u64;
                if filled + bytes > BLOCK {
                    blocks += 1;
                    filled = 0;
                }
                filled += bytes;
            }
            or_block(blocks, filled)
        }
        Kind::Symlink { target } => (0, target.len() as u64),
        Kind::Inline { content } => {
            let size = content.len() as u64;
            or_block(size / BLOCK, size % BLOCK)
        }
        Kind::Backed { size, .. } => (0, 4 * chunks(*size).1),
        _ => (0, 0),
    }
}

/// Logarithm of the blocks in a chunk of a file, as large as makes sense, and how many chunks there are.
pub(super) fn chunks(size: u64) -> (u32, u64) {
    let bits = u64::BITS - size.saturating_sub(1).leading_zeros();
    let bits = bits.saturating_sub(BLOCK_BITS.into()).min(MOST_CHUNK_BITS);
    let chunk = 1 << (bits + u32::from(BLOCK_BITS));
    (bits, size.div_ceil(chunk))
}

/// A link's inode and target lie in one block; a target that does not fit with its inode gets a block.
fn place_symlink(position: u64, head: u64, blocks: &mut u64, tail: &mut u64) -> u64 {
    let whole = head + *tail;
    if whole >= BLOCK {
        *blocks += 1;
        *tail = 0;
    }
    let last = position + whole - 1;
    if position / BLOCK == last / BLOCK {
        position
    } else {
        position.next_multiple_of(BLOCK)
    }
}

/// A tail lies in one block; the inode gives way, or, if that does not help, the tail gets a block.
fn place(position: u64, head: u64, blocks: &mut u64, tail: &mut u64) -> u64 {
    let left = BLOCK - (position + head) % BLOCK;
    if left >= *tail {
        return position;
    }
    let given_way = position + left.next_multiple_of(SLOT);
    if BLOCK - (given_way + head) % BLOCK >= *tail {
        return given_way;
    }
    *blocks += 1;
    *tail = 0;
    position.next_multiple_of(BLOCK)
}
