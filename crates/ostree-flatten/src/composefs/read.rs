//! From the bytes of an image to a tree.

mod attributes;
mod bytes;
mod directory;
mod inode;

use std::{borrow::Cow, collections::HashMap};

use super::{
    Error, Kind, Mtime, NodeId, Tree, TreeBuilder,
    erofs::{
        BLOCK, BLOCK_BITS, HEADER_MAGIC, HEADER_VERSION, KNOWN_INCOMPATIBLE, LAYOUT_CHUNKS,
        S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG, S_IFSOCK, SUPER_AT, SUPER_BYTES,
        SUPER_MAGIC, dirent_type,
    },
    limits::{MAX_INLINE_BYTES, MAX_PATH_BYTES},
    write::Format,
};
use crate::MAX_DEPTH;
use attributes::{Attributes, Shared};
use bytes::Bytes;
use directory::{Listed, list};
use inode::RawInode;

/// What [`read_image`] found.
#[derive(Debug, Clone)]
pub struct ReadImage {
    /// The tree, without the whiteouts that hide backing files, and with its own whiteouts as they were.
    pub tree: Tree,
    /// The format that the image says it has.
    pub format: Format,
}

/// Reads an image that libcomposefs or [`write_image`](super::write_image) wrote.
///
/// Attributes are in the order of `composefs-info dump`: an inode's own, then the shared ones. Of several names of
/// a file the first is its own, depth first.
///
/// No part of the image is taken twice, so that time and memory are in proportion to it, whatever it says.
///
/// # Errors
///
/// [`Error::Malformed`] and the place, for all that is not such an image; the errors of [`TreeBuilder`].
pub fn read_image(image: &[u8]) -> Result<ReadImage, Error> {
    let mut reader = Reader::open(image)?;
    let root = reader.inode(reader.root)?;
    let Found::Node { kind, attributes } = reader.look(&root)? else {
        return Err(Error::malformed(root.at, NO_ROOT));
    };
    let Kind::Directory { size } = kind else {
        return Err(Error::malformed(root.at, NO_ROOT));
    };
    let mut builder = TreeBuilder::new(size, root.stat, &attributes.xattrs)?;
    reader.walk(&mut builder, &root)?;
    Ok(ReadImage {
        tree: builder.finish()?,
        format: reader.format,
    })
}

const NO_ROOT: &str = "the root is no directory";

struct Reader<'a> {
    bytes: Bytes<'a>,
    format: Format,
    /// Where places of inodes count from.
    inodes_at: u64,
    shared: Shared,
    base_time: Mtime,
    root: u64,
    /// Places of the inodes seen; directories and others.
    seen: HashMap<u64, Seen>,
}

#[derive(Clone, Copy)]
enum Seen {
    Directory,
    Other(NodeId),
    HidingWhiteout,
}

/// What an inode is.
enum Found<'a> {
    Node {
        kind: Kind<'a>,
        attributes: Box<Attributes>,
    },
    /// One of those that hide backing files.
    HidingWhiteout,
}

/// A directory on the way down.
struct Open<'a> {
    node: NodeId,
    slot: u64,
    entries: std::vec::IntoIter<Listed<'a>>,
}

impl<'a> Reader<'a> {
    fn open(image: &'a [u8]) -> Result<Self, Error> {
        let bytes = Bytes::new(image);
        let header = bytes.get(0, SUPER_AT + SUPER_BYTES, "the header is cut short")?;
        let word = |at: usize| Bytes::u32(header, at);
        let check = |good: bool, at: usize, problem| {
            if good {
                Ok(())
            } else {
                Err(Error::malformed(at as u64, problem))
            }
        };
        check(word(0) == HEADER_MAGIC, 0, "there is no composefs header")?;
        check(
            word(4) == HEADER_VERSION,
            4,
            "the header's version is unknown",
        )?;
        let format = Format::from_number(word(12))
            .ok_or_else(|| Error::malformed(12, "the format is unknown"))?;
        check(
            word(1024) == SUPER_MAGIC,
            1024,
            "there is no EROFS superblock",
        )?;
        check(
            header[1036] == BLOCK_BITS,
            1036,
            "blocks are not of 4096 bytes",
        )?;
        let incompatible = word(1104) & !KNOWN_INCOMPATIBLE;
        check(
            incompatible == 0,
            1104,
            "it needs features that composefs does not use",
        )?;
        Ok(Self {
            bytes,
            format,
            inodes_at: u64::from(word(1064)) * BLOCK,
            shared: Shared::new(u64::from(word(1068)) * BLOCK),
            base_time: Mtime {
                seconds: Bytes::u64(header, 1048).cast_signed(),
                nanoseconds: word(1056),
            },
            root: Bytes::u16(header, 1038).into(),
            seen: HashMap::new(),
        })
    }

    fn inode(&self, slot: u64) -> Result<RawInode, Error> {
        RawInode::read(&self.bytes, self.inodes_at, slot, self.base_time)
    }

    /// What the inode is, its content taken; entries of directories are left for [`Self::list`].
    fn look(&mut self, inode: &RawInode) -> Result<Found<'a>, Error> {
        let attributes = Attributes::read(&mut self.bytes, &mut self.shared, inode)?;
        let size = inode.size;
        let wrong = |problem| Error::malformed(inode.at, problem);
        let kind = match inode.type_bits {
            S_IFREG if attributes.whiteout => Kind::CharDevice { rdev: 0, size: 0 },
            S_IFREG if size == 0 => Kind::EMPTY_FILE,
            S_IFREG if inode.layout == LAYOUT_CHUNKS => Kind::Backed {
                size,
                path: attributes.backing_path.clone().map(Into::into),
                digest: attributes.digest,
            },
            S_IFREG if size > MAX_INLINE_BYTES as u64 => {
                return Err(wrong(
                    "there is more content than an image may have of a file",
                ));
            }
            S_IFREG => Kind::Inline {
                content: self.content(inode)?,
            },
            S_IFLNK if size == 0 || size > MAX_PATH_BYTES as u64 => {
                return Err(wrong("a symbolic link's target is empty or too long"));
            }
            S_IFLNK => Kind::Symlink {
                target: self.target(inode)?,
            },
            S_IFDIR => Kind::Directory { size },
            S_IFCHR if inode.word == 0 => return Ok(Found::HidingWhiteout),
            S_IFCHR => Kind::CharDevice {
                rdev: inode.word,
                size,
            },
            S_IFBLK => Kind::BlockDevice {
                rdev: inode.word,
                size,
            },
            S_IFIFO => Kind::Fifo { size },
            S_IFSOCK => Kind::Socket { size },
            _ => return Err(wrong("the file type is unknown")),
        };
        Ok(Found::Node {
            kind,
            attributes: Box::new(attributes),
        })
    }

    /// A link's target, which is less than a block and so in one piece.
    fn target(&mut self, inode: &RawInode) -> Result<&'a [u8], Error> {
        let (blocks, tail) = self.bytes.pieces(inode)?;
        Ok(if blocks.is_empty() { tail } else { blocks })
    }

    fn content(&mut self, inode: &RawInode) -> Result<Cow<'a, [u8]>, Error> {
        let (blocks, tail) = self.bytes.pieces(inode)?;
        Ok(match (blocks, tail) {
            (blocks, []) => blocks.into(),
            ([], tail) => tail.into(),
            (blocks, tail) => [blocks, tail].concat().into(),
        })
    }

    fn list(&mut self, inode: &RawInode, node: NodeId) -> Result<Open<'a>, Error> {
        self.seen.insert(inode.slot, Seen::Directory);
        Ok(Open {
            node,
            slot: inode.slot,
            entries: list(&mut self.bytes, inode)?.into_iter(),
        })
    }

    /// Adds all that is below the root, depth first.
    fn walk(&mut self, builder: &mut TreeBuilder, root: &RawInode) -> Result<(), Error> {
        let mut open = vec![self.list(root, NodeId::ROOT)?];
        while let Some((directory, upper)) = open.split_last_mut() {
            let above = upper.last();
            let Some(entry) = directory.entries.next() else {
                open.pop();
                continue;
            };
            let (node, slot) = (directory.node, directory.slot);
            if matches!(entry.name, b"." | b"..") {
                let expected = if entry.name == b"." {
                    slot
                } else {
                    above.map_or(slot, |directory| directory.slot)
                };
                if entry.slot != expected {
                    return Err(Error::malformed(entry.at, ". or .. leads elsewhere"));
                }
                continue;
            }
            if let Some(below) = self.entry(builder, node, &entry)? {
                if open.len() >= MAX_DEPTH {
                    return Err(Error::TooMany {
                        what: "levels of directories",
                        limit: MAX_DEPTH as u64,
                    });
                }
                open.push(below);
            }
        }
        Ok(())
    }

    /// Adds one entry; a directory is given back to be gone into.
    fn entry(
        &mut self,
        builder: &mut TreeBuilder,
        parent: NodeId,
        entry: &Listed<'a>,
    ) -> Result<Option<Open<'a>>, Error> {
        match self.seen.get(&entry.slot) {
            Some(Seen::Directory) => {
                return Err(Error::malformed(entry.at, "a directory has two places"));
            }
            Some(Seen::Other(node)) => {
                builder.add_link(parent, entry.name, *node)?;
                return Ok(None);
            }
            Some(Seen::HidingWhiteout) => return Ok(None),
            None => {}
        }
        let inode = self.inode(entry.slot)?;
        if entry.file_type != dirent_type(inode.type_bits) {
            return Err(Error::malformed(
                entry.at,
                "the file types of entry and inode differ",
            ));
        }
        let Found::Node { kind, attributes } = self.look(&inode)? else {
            self.seen.insert(entry.slot, Seen::HidingWhiteout);
            return Ok(None);
        };
        let node = builder.add(parent, entry.name, &kind, inode.stat, &attributes.xattrs)?;
        if let Kind::Directory { .. } = kind {
            return self.list(&inode, node).map(Some);
        }
        self.seen.insert(entry.slot, Seen::Other(node));
        Ok(None)
    }
}
