//! The attributes that inodes have in an image, and which of them are shared.
//!
//! An attribute that more than one inode has, name and value alike, is stored once. Those that come with each
//! file (where its content is, its digest) are not collected in a table, which would be as large as the tree.

use std::{borrow::Cow, collections::HashMap, hash::Hash};

use super::{
    super::{
        Error, FsVerityDigest, Kind, NodeId, Tree,
        erofs::{ACL_NAMES, FILTER_SEED, XATTR_ENTRY, XATTR_HEADER, overlay, split_xattr_name},
        limits::MAX_SHARED_XATTRS,
        tree::short,
    },
    Format,
    collector::{Attribute, Collector, Marks, marks},
    order::Order,
    xxh32::xxh32,
};

/// The attributes of all inodes of an image.
#[derive(Debug)]
pub(super) struct Attributes<'a> {
    tree: &'a Tree,
    attributes: Vec<Attribute>,
    /// Attribute numbers, sorted by name.
    lists: Vec<Box<[u32]>>,
    list_of: ListOf,
    /// The list of the whiteouts that are added to the root.
    whiteout_list: u32,
    /// Numbers of those that are shared, in the order in which they are stored.
    shared: Vec<u32>,
    shared_bytes: u64,
    metacopy_empty: Option<u32>,
    metacopies: HashMap<FsVerityDigest, u32>,
    redirects: HashMap<Vec<u8>, u32>,
    pub(super) has_acl: bool,
}

/// Which list an inode has, without a number for each.
#[derive(Debug)]
struct ListOf {
    /// Of those that have some.
    marks: HashMap<NodeId, Marks>,
    /// By the tree's list and the marks; it has those of all inodes.
    lists: HashMap<(u32, Marks), u32>,
}

impl ListOf {
    fn get(&self, tree: &Tree, node: NodeId) -> u32 {
        let marks = self.marks.get(&node).copied().unwrap_or_default();
        self.lists[&(tree.xattr_list_of(node), marks)]
    }
}

/// One attribute of an inode.
#[derive(Debug, Clone)]
pub(super) struct Item<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: Cow<'a, [u8]>,
    pub(super) shared: Option<u64>,
}

impl Item<'_> {
    /// Bytes of the entry where it is stored.
    pub(super) fn entry_bytes(&self) -> u64 {
        entry_bytes(self.name, &self.value)
    }

    /// The bit of the filter that says that a name like this is there.
    pub(super) fn filter_bit(&self) -> u32 {
        let (prefix, rest) = split_xattr_name(self.name);
        1 << (xxh32(rest, FILTER_SEED.wrapping_add(prefix.into())) & 31)
    }
}

fn entry_bytes(name: &[u8], value: &[u8]) -> u64 {
    let (_, rest) = split_xattr_name(name);
    (XATTR_ENTRY + rest.len() as u64 + value.len() as u64).next_multiple_of(4)
}

/// Bytes of all attributes behind an inode.
pub(super) fn inode_bytes(items: &[Item<'_>]) -> u64 {
    if items.is_empty() {
        return 0;
    }
    items.iter().fold(XATTR_HEADER, |sum, item| {
        sum + if item.shared.is_some() {
            XATTR_ENTRY
        } else {
            item.entry_bytes()
        }
    })
}

impl<'a> Attributes<'a> {
    pub(super) fn new(tree: &'a Tree, order: &Order, format: Format) -> Result<Self, Error> {
        let mut collector = Collector::default();
        let marks = marks(tree, order);
        for node in order.nodes() {
            let marks = marks.get(&node).copied().unwrap_or_default();
            let list = collector.list(tree, node, marks, format)?;
            collector.count(list);
        }
        let whiteout_list = collector.whiteout_list(tree)?;
        for _ in 0..order.added_whiteouts() {
            collector.count(whiteout_list);
        }
        let mut attributes = Self {
            tree,
            has_acl: collector
                .attributes
                .iter()
                .any(|attribute| attribute.count > 0 && ACL_NAMES.contains(&&*attribute.name)),
            attributes: collector.attributes,
            lists: collector.lists,
            list_of: ListOf {
                marks,
                lists: collector.list_ids,
            },
            whiteout_list,
            shared: Vec::new(),
            shared_bytes: 0,
            metacopy_empty: None,
            metacopies: HashMap::new(),
            redirects: HashMap::new(),
        };
        attributes.find_repeated_backings(order);
        attributes.share();
        Ok(attributes)
    }

    /// Puts backing paths and digests that several files have into the table.
    fn find_repeated_backings(&mut self, order: &Order) {
        let tree = self.tree;
        let is_without = |node: &NodeId| tree.is_backed(*node) && tree.digest(*node).is_none();
        let without_digest = order.nodes().filter(is_without).count();
        if without_digest > 0 {
            self.metacopy_empty = Some(self.repeated(overlay::METACOPY, b"", without_digest));
        }
        let short_digest = |node| tree.digest(node).map(|digest| short(digest.as_bytes()));
        let digest = |node| tree.digest(node).copied();
        for (digest, count) in repeated_values(order, short_digest, digest) {
            let number = self.repeated(overlay::METACOPY, &metacopy(&digest), count);
            self.metacopies.insert(digest, number);
        }
        let short_path = |node| tree.short_backing_path(node);
        let path = |node| match tree.kind(node) {
            Kind::Backed { path, .. } => path.map(|path| redirect(&path)),
            _ => None,
        };
        for (value, count) in repeated_values(order, short_path, path) {
            let number = self.repeated(overlay::REDIRECT, &value, count);
            self.redirects.insert(value, number);
        }
    }

    fn repeated(&mut self, name: &[u8], value: &[u8], count: usize) -> u32 {
        self.attributes.push(Attribute {
            name: name.into(),
            value: value.into(),
            count: u32::try_from(count).unwrap_or(u32::MAX),
            shared: None,
        });
        // At most one for two inodes beside those of the collector, whose number is below that of inodes.
        u32::try_from(self.attributes.len() - 1).unwrap_or(u32::MAX)
    }

    /// Gives each attribute that several inodes have its place among the shared ones.
    fn share(&mut self) {
        let numbers = 0_u32..;
        let several = numbers.zip(&self.attributes).filter(|(_, a)| a.count > 1);
        let mut shared: Vec<u32> = several.map(|(number, _)| number).collect();
        shared.sort_unstable_by(|a, b| {
            let key = |number: &u32| {
                let attribute = &self.attributes[*number as usize];
                (&attribute.name, attribute.value.len(), &attribute.value)
            };
            key(b).cmp(&key(a))
        });
        for number in &shared {
            let attribute = &mut self.attributes[*number as usize];
            attribute.shared = Some(self.shared_bytes);
            self.shared_bytes += entry_bytes(&attribute.name, &attribute.value);
        }
        self.shared = shared;
    }

    pub(super) const fn shared_bytes(&self) -> u64 {
        self.shared_bytes
    }

    /// The shared attributes, in the order in which they are stored.
    pub(super) fn shared(&self) -> impl Iterator<Item = Item<'_>> {
        self.shared.iter().map(|number| self.item(*number))
    }

    fn item(&self, number: u32) -> Item<'_> {
        let attribute = &self.attributes[number as usize];
        Item {
            name: &attribute.name,
            value: Cow::Borrowed(&attribute.value),
            shared: attribute.shared,
        }
    }

    /// Puts the attributes of a node, sorted by name, into `items`; of an added whiteout for `None`.
    pub(super) fn of<'s>(&'s self, node: Option<NodeId>, items: &mut Vec<Item<'s>>) {
        items.clear();
        let list = node.map_or(self.whiteout_list, |node| self.list_of.get(self.tree, node));
        items.extend(
            self.lists[list as usize]
                .iter()
                .map(|number| self.item(*number)),
        );
        if let Some(node) = node
            && let Kind::Backed { path, digest, .. } = self.tree.kind(node)
        {
            self.insert(items, self.metacopy_item(digest));
            if let Some(path) = path {
                self.insert(items, self.redirect_item(&path));
            }
        }
        let mut left = MAX_SHARED_XATTRS;
        for item in items.iter_mut().filter(|item| item.shared.is_some()) {
            if left == 0 {
                item.shared = None;
            } else {
                left -= 1;
            }
        }
    }

    #[expect(clippy::unused_self, reason = "ties the lifetimes together")]
    fn insert<'s>(&'s self, items: &mut Vec<Item<'s>>, item: Item<'s>) {
        let place = items.partition_point(|other| other.name < item.name);
        items.insert(place, item);
    }

    fn metacopy_item(&self, digest: Option<FsVerityDigest>) -> Item<'_> {
        let number = match digest {
            Some(digest) => self.metacopies.get(&digest).copied(),
            None => self.metacopy_empty,
        };
        number.map_or_else(
            || Item {
                name: overlay::METACOPY,
                value: digest.map_or(Cow::Borrowed(&[]), |digest| {
                    metacopy(&digest).to_vec().into()
                }),
                shared: None,
            },
            |number| self.item(number),
        )
    }

    fn redirect_item(&self, path: &[u8]) -> Item<'_> {
        let value = redirect(path);
        match self.redirects.get(&value) {
            Some(number) => self.item(*number),
            None => Item {
                name: overlay::REDIRECT,
                value: value.into(),
                shared: None,
            },
        }
    }
}

fn metacopy(digest: &FsVerityDigest) -> [u8; 36] {
    let mut value = [0; 36];
    value[..4].copy_from_slice(&overlay::METACOPY_HEADER);
    value[4..].copy_from_slice(digest.as_bytes());
    value
}

fn redirect(path: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(path.len() + 1);
    value.push(b'/');
    value.extend_from_slice(path);
    value
}

/// In how many parts values are looked through for repeated ones: room for one part of a million files is 2 MB.
const PARTS: u32 = 4;

/// The values that several nodes have, and how many; `shortened` ones are equal for equal values.
fn repeated_values<V: Eq + Hash>(
    order: &Order,
    shortened: impl Fn(NodeId) -> Option<u32>,
    value: impl Fn(NodeId) -> Option<V>,
) -> Vec<(V, usize)> {
    let mut repeated = Vec::new();
    let mut nodes: Vec<(u32, NodeId)> = Vec::new();
    for part in 0..PARTS {
        nodes.clear();
        let shortened = order
            .nodes()
            .filter_map(|node| Some((shortened(node)?, node)));
        nodes.extend(shortened.filter(|(short, _)| short % PARTS == part));
        nodes.sort_unstable();
        for like in nodes
            .chunk_by(|a, b| a.0 == b.0)
            .filter(|like| like.len() > 1)
        {
            let mut counts: HashMap<V, usize> = HashMap::new();
            for value in like.iter().filter_map(|(_, node)| value(*node)) {
                *counts.entry(value).or_default() += 1;
            }
            repeated.extend(counts.into_iter().filter(|(_, count)| *count > 1));
        }
    }
    repeated
}
