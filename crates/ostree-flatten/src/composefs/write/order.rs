//! Which inodes an image has, in which order: breadth first, names by their bytes, and 256 whiteouts in the root.
//!
//! An overlayfs over the image has the directory of backing files as its lowest layer. The whiteouts `00` to `ff`
//! hide what it has by those names.

use super::super::{
    Error, Kind, NodeId, Stat, Tree,
    erofs::{S_IFCHR, S_IFDIR, S_IFREG},
};

const HEX_NAMES: [[u8; 2]; 256] = hex_names();

const fn hex_names() -> [[u8; 2]; 256] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut names = [[0; 2]; 256];
    let mut at = 0;
    while at < 256 {
        names[at] = [DIGITS[at >> 4], DIGITS[at & 15]];
        at += 1;
    }
    names
}

/// An inode of the image: its number is the node's, or follows those of all nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Member(u32);

impl Member {
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// An entry of a directory in the image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dirent<'a> {
    pub(super) name: &'a [u8],
    pub(super) member: Member,
    /// File type, as it stands in a mode.
    pub(super) type_bits: u16,
}

/// All inodes, in the image's order.
#[derive(Debug)]
pub(super) struct Order {
    nodes: u32,
    members: Vec<Member>,
    /// The numbers, 0 to 255, of the whiteouts that are added.
    added: Vec<u8>,
}

impl Order {
    pub(super) fn new(tree: &Tree) -> Result<Self, Error> {
        let nodes = super::super::xattrs::index("files", tree.len())?;
        let added = (0..=255)
            .filter(|number| {
                let name = HEX_NAMES[usize::from(*number)];
                tree.lookup(NodeId::ROOT, &name).is_none()
            })
            .collect();
        let mut order = Self {
            nodes,
            members: Vec::with_capacity(tree.len() + 256),
            added,
        };
        order.members.push(Member(0));
        let mut dirents = Vec::new();
        let mut next = 0;
        while let Some(member) = order.members.get(next).copied() {
            next += 1;
            let Some(node) = order.node(member) else {
                continue;
            };
            if node != NodeId::ROOT {
                let own = tree.entries(node).filter(|entry| !entry.is_link);
                let own = own.map(|entry| Member(entry.node.number()));
                order.members.extend(own);
                continue;
            }
            order.root(tree, &mut dirents);
            let links = tree.entries(node).filter(|entry| entry.is_link);
            let links: std::collections::HashSet<_> = links.map(|entry| entry.name).collect();
            let own = dirents.iter().filter(|entry| !links.contains(entry.name));
            order.members.extend(own.map(|entry| entry.member));
        }
        Ok(order)
    }

    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// How many numbers members have.
    pub(super) fn number_count(&self) -> usize {
        self.nodes as usize + 256
    }

    /// The tree's nodes, without added whiteouts.
    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.members.iter().filter_map(|member| self.node(*member))
    }

    pub(super) fn added_whiteouts(&self) -> usize {
        self.added.len()
    }

    /// The node; none for an added whiteout.
    pub(super) fn node(&self, member: Member) -> Option<NodeId> {
        (member.0 < self.nodes).then_some(NodeId::from_number(member.0))
    }

    /// The entries of a directory, with `.` and `..`; none for what is no directory.
    pub(super) fn dirents<'a>(&self, tree: &'a Tree, node: NodeId, dirents: &mut Vec<Dirent<'a>>) {
        if !tree.is_directory(node) {
            dirents.clear();
            return;
        }
        if node == NodeId::ROOT {
            self.root(tree, dirents);
        } else {
            tree_entries(tree, node, dirents);
        }
        let mut insert = |name: &'static [u8], node: NodeId| {
            let entry = Dirent {
                name,
                member: Member(node.number()),
                type_bits: S_IFDIR,
            };
            let place = dirents.partition_point(|other| other.name < name);
            dirents.insert(place, entry);
        };
        insert(b".", node);
        insert(b"..", tree.parent(node));
    }

    /// The root's entries, without `.` and `..`.
    fn root<'a>(&self, tree: &'a Tree, dirents: &mut Vec<Dirent<'a>>) {
        tree_entries(tree, NodeId::ROOT, dirents);
        let whiteout = |number: &u8| Dirent {
            name: &HEX_NAMES[usize::from(*number)],
            member: Member(self.nodes + u32::from(*number)),
            type_bits: S_IFCHR,
        };
        dirents.extend(self.added.iter().map(whiteout));
        dirents.sort_unstable_by_key(|entry| entry.name);
    }
}

fn tree_entries<'a>(tree: &'a Tree, node: NodeId, dirents: &mut Vec<Dirent<'a>>) {
    dirents.clear();
    dirents.extend(tree.entries(node).map(|entry| Dirent {
        name: entry.name,
        member: Member(entry.node.number()),
        type_bits: if tree.is_whiteout(entry.node) {
            S_IFREG
        } else {
            tree.type_bits(entry.node)
        },
    }));
}

/// What an added whiteout is.
pub(super) const WHITEOUT: Kind<'static> = Kind::CharDevice { rdev: 0, size: 0 };

/// Owner, permissions and time of an added whiteout.
pub(super) fn whiteout_stat(root: Stat) -> Stat {
    Stat {
        permissions: 0o644,
        nlink: 1,
        ..root
    }
}

/// What a node of the tree is in the image: a whiteout is escaped, as an empty file.
pub(super) fn image_kind(kind: Kind<'_>) -> Kind<'_> {
    if kind.is_whiteout() {
        Kind::EMPTY_FILE
    } else {
        kind
    }
}
