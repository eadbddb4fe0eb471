//! The attributes of nodes as an image has them: escaped, and with the marks of whiteouts.

use std::{borrow::Cow, collections::HashMap};

use super::{
    super::{
        Error, NodeId, Tree,
        erofs::overlay,
        xattrs::{NameAndValue, index},
    },
    Format,
    order::Order,
};

/// An attribute of the table.
#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) name: Box<[u8]>,
    pub(super) value: Box<[u8]>,
    /// How many inodes have it.
    pub(super) count: u32,
    /// Where it is among the shared ones, in bytes.
    pub(super) shared: Option<u64>,
}

/// What an inode's attributes are changed by, besides the escaping that all get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Marks {
    /// It is a whiteout of the tree, and becomes an empty file with a mark.
    whiteout: bool,
    /// It has such a whiteout.
    has_whiteouts: bool,
    /// It is the root.
    root: bool,
}

/// Puts the attributes of the tree's lists, changed as an image has them, into a table.
#[derive(Debug, Default)]
pub(super) struct Collector {
    pub(super) attributes: Vec<Attribute>,
    attribute_ids: HashMap<NameAndValue, u32>,
    pub(super) lists: Vec<Box<[u32]>>,
    pub(super) list_ids: HashMap<(u32, Marks), u32>,
}

impl Collector {
    /// Number of the list that a node's list becomes.
    pub(super) fn list(
        &mut self,
        tree: &Tree,
        node: NodeId,
        marks: Marks,
        format: Format,
    ) -> Result<u32, Error> {
        let key = (tree.xattr_list_of(node), marks);
        if let Some(list) = self.list_ids.get(&key) {
            return Ok(*list);
        }
        let mut pairs: Vec<(Cow<'_, [u8]>, &[u8])> = tree
            .xattr_list(key.0)
            .map(|(name, value)| (escaped(name), value))
            .collect();
        let mut set = |name: &'static [u8], value: &'static [u8]| {
            pairs.retain(|(other, _)| **other != *name);
            pairs.push((Cow::Borrowed(name), value));
        };
        if marks.whiteout {
            set(overlay::ESCAPED_WHITEOUT, b"");
            set(overlay::USER_WHITEOUT, b"");
        }
        if marks.has_whiteouts {
            set(overlay::ESCAPED_WHITEOUTS, b"");
            set(overlay::USER_WHITEOUTS, b"");
            if format >= Format::V1 {
                set(overlay::ESCAPED_OPAQUE, b"x");
                set(overlay::USER_OPAQUE, b"x");
            }
        }
        if marks.root {
            set(overlay::OPAQUE, b"y");
        }
        let list = self.add(pairs)?;
        self.list_ids.insert(key, list);
        Ok(list)
    }

    /// The list of a whiteout that hides a directory of backing files: the root's label, if it has one.
    pub(super) fn whiteout_list(&mut self, tree: &Tree) -> Result<u32, Error> {
        const LABEL: &[u8] = b"security.selinux";
        let label = tree
            .xattrs(NodeId::ROOT)
            .filter(|(name, _)| *name == LABEL)
            .map(|(name, value)| (Cow::Borrowed(name), value))
            .collect();
        self.add(label)
    }

    fn add(&mut self, mut pairs: Vec<(Cow<'_, [u8]>, &[u8])>) -> Result<u32, Error> {
        pairs.sort_unstable();
        let mut list = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            list.push(self.attribute(&name, value)?);
        }
        let id = index("lists of extended attributes", self.lists.len())?;
        self.lists.push(list.into());
        Ok(id)
    }

    fn attribute(&mut self, name: &[u8], value: &[u8]) -> Result<u32, Error> {
        let key = (Box::from(name), Box::from(value));
        if let Some(id) = self.attribute_ids.get(&key) {
            return Ok(*id);
        }
        let id = index("extended attributes", self.attributes.len())?;
        self.attributes.push(Attribute {
            name: name.into(),
            value: value.into(),
            count: 0,
            shared: None,
        });
        self.attribute_ids.insert(key, id);
        Ok(id)
    }

    /// Counts an inode with that list.
    pub(super) fn count(&mut self, list: u32) {
        for number in &self.lists[list as usize] {
            let count = &mut self.attributes[*number as usize].count;
            *count = count.saturating_add(1);
        }
    }
}

fn escaped(name: &[u8]) -> Cow<'_, [u8]> {
    match name.strip_prefix(overlay::PREFIX) {
        Some(rest) => [overlay::ESCAPED_PREFIX, rest].concat().into(),
        None => name.into(),
    }
}

/// The nodes that get more than escaping.
pub(super) fn marks(tree: &Tree, order: &Order) -> HashMap<NodeId, Marks> {
    let mut marks: HashMap<NodeId, Marks> = HashMap::new();
    marks.entry(NodeId::ROOT).or_default().root = true;
    for node in order.nodes() {
        if tree.is_whiteout(node) {
            marks.entry(node).or_default().whiteout = true;
            marks.entry(tree.parent(node)).or_default().has_whiteouts = true;
        }
    }
    marks
}
