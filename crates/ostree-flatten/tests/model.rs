//! Random layers: the merge agrees with a naive model, an overlay of lists of paths.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod common;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use common::{Fixture, Listing, Node, assert_tree, parents, split, write};
use ostree_flatten::{DirectoryRule, LayerTree, merge};
use proptest::prelude::*;

/// One layer as the model has it.
#[derive(Debug, Clone)]
struct Layer {
    nodes: Listing,
    /// Directories that the layer did not list; `None` when it does not say.
    implied: Option<BTreeSet<String>>,
}

const OPAQUE: &str = ".wh..wh..opq";

/// Names that sort before and after `.wh.…`; markers for each, the opaque one, and another.
const NAMES: [&str; 4] = ["+a", ".b", "c", "d"];

#[derive(Debug, Clone)]
struct Line {
    parent: Vec<usize>,
    name: String,
    node: Node,
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => (0..NAMES.len()).prop_map(|at| NAMES[at].to_owned()),
        3 => (0..NAMES.len()).prop_map(|at| format!(".wh.{}", NAMES[at])),
        1 => Just(OPAQUE.to_owned()),
        1 => Just(".wh..wh.plnk".to_owned()),
    ]
}

fn nodes() -> impl Strategy<Value = Node> {
    prop_oneof![
        3 => (0..4_u8).prop_map(|content| Node::File(content.to_string())),
        1 => (0..2_u8).prop_map(|target| Node::Link(target.to_string())),
        2 => prop_oneof![Just(0o755), Just(0o700), Just(0o711)].prop_map(Node::Dir),
    ]
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let parent = prop::collection::vec(0..NAMES.len(), 0..3);
    let line = (parent, names(), nodes());
    let line = line.prop_map(|(parent, name, node)| Line { parent, name, node });
    prop::collection::vec(line, 0..12)
}

/// A layer from random lines, which may contradict each other: then the first stays.
fn layer(lines: Vec<Line>, says_implied: bool, root: Option<u32>, markers: bool) -> Layer {
    let mut nodes = Listing::new();
    let mut listed = BTreeSet::new();
    nodes.insert(String::new(), Node::Dir(root.unwrap_or(0o755)));
    if root.is_some() {
        listed.insert(String::new());
    }
    for line in lines {
        let is_marker = line.name.starts_with(".wh.");
        if is_marker && !markers {
            continue;
        }
        let mut path: Vec<&str> = line.parent.iter().map(|at| NAMES[*at]).collect();
        path.push(&line.name);
        let path = path.join("/");
        // Markers are empty regular files, as every builder writes them.
        let node = if is_marker {
            Node::File(String::new())
        } else {
            line.node
        };
        let under_a_file = parents(&path)
            .iter()
            .any(|parent| matches!(nodes.get(*parent), Some(Node::File(_) | Node::Link(_))));
        let known = nodes.get(&path);
        let relisted = matches!((known, &node), (Some(Node::Dir(_)), Node::Dir(_)));
        if under_a_file || (known.is_some() && !relisted) {
            continue;
        }
        for parent in parents(&path) {
            nodes.entry(parent.to_owned()).or_insert(Node::Dir(0o755));
        }
        if matches!(node, Node::Dir(_)) {
            listed.insert(path.clone());
        }
        nodes.insert(path, node);
    }
    let dirs = nodes
        .iter()
        .filter(|(_, node)| matches!(node, Node::Dir(_)));
    let implied = dirs
        .map(|(path, _)| path.clone())
        .filter(|path| !listed.contains(path))
        .collect();
    Layer {
        nodes,
        implied: says_implied.then_some(implied),
    }
}

fn layers() -> impl Strategy<Value = (Option<Layer>, Vec<Layer>)> {
    let root = || prop_oneof![Just(None), Just(Some(0o700)), Just(Some(0o755))];
    let upper = (lines(), prop::bool::weighted(0.8), root());
    let upper = upper.prop_map(|(lines, says, root)| layer(lines, says, root, true));
    let base = (lines(), root()).prop_map(|(lines, root)| layer(lines, false, root, false));
    (prop::option::of(base), prop::collection::vec(upper, 1..5))
}

fn is_below(path: &str, dir: &str) -> bool {
    !path.is_empty()
        && (dir.is_empty()
            || path
                .strip_prefix(dir)
                .is_some_and(|rest| rest.starts_with('/')))
}

fn remove_tree(tree: &mut Listing, path: &str) {
    tree.retain(|have, _| have != path && !is_below(have, path));
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() {
        name.to_owned()
    } else {
        format!("{parent}/{name}")
    }
}

/// The model: `layer` over `tree`, path by path.
fn overlay(tree: &mut Listing, layer: &Layer, rule: DirectoryRule) {
    let mut opaque = BTreeSet::new();
    // Markers first, on what is below only.
    for path in layer.nodes.keys().filter(|path| !path.is_empty()) {
        let (parent, name) = split(path);
        if name == OPAQUE {
            opaque.insert(parent.to_owned());
            tree.retain(|have, _| !is_below(have, parent));
        } else if let Some(hidden) = name.strip_prefix(".wh.") {
            remove_tree(tree, &join(parent, hidden));
        }
    }
    for (path, node) in &layer.nodes {
        let (parent, name) = split(path);
        if name.starts_with(".wh.") {
            continue;
        }
        let deletes_itself = rule == DirectoryRule::LowerKept
            && !matches!(node, Node::Dir(_))
            && layer
                .nodes
                .contains_key(&join(parent, &format!(".wh.{name}")))
            && name.as_bytes() < format!(".wh.{name}").as_bytes();
        if deletes_itself {
            continue;
        }
        let below = tree.get(path).cloned();
        let both_directories = matches!((&below, node), (Some(Node::Dir(_)), Node::Dir(_)));
        if !both_directories {
            remove_tree(tree, path);
        }
        let takes_metadata = match (rule, &layer.implied) {
            (DirectoryRule::UpperWins, Some(implied)) => !implied.contains(path),
            _ => opaque.contains(path),
        };
        if !both_directories || takes_metadata {
            tree.insert(path.clone(), node.clone());
        }
    }
}

fn model(base: Option<&Layer>, layers: &[Layer], rule: DirectoryRule) -> Listing {
    let mut tree = base.map_or_else(BTreeMap::new, |base| base.nodes.clone());
    for layer in layers {
        overlay(&mut tree, layer, rule);
    }
    tree
}

#[test]
fn agrees_with_the_model() {
    let fixture = Fixture::new();
    // The few files that layers are made of: a merge looks at those that it replaces.
    let mut stage = fixture.repo.stage().unwrap();
    let mut nodes = Listing::from([(String::new(), Node::Dir(0o755))]);
    for content in ["", "0", "1", "2", "3"] {
        nodes.insert(format!("f{content}"), Node::File(content.to_owned()));
        nodes.insert(format!("l{content}"), Node::Link(format!("{content}0")));
    }
    nodes.insert("l0".to_owned(), Node::Link("0".to_owned()));
    nodes.insert("l1".to_owned(), Node::Link("1".to_owned()));
    write(&mut stage, &nodes);
    stage.publish().unwrap();

    let stage = RefCell::new(fixture.repo.stage().unwrap());
    let rules = prop_oneof![
        Just(DirectoryRule::UpperWins),
        Just(DirectoryRule::LowerKept)
    ];
    proptest!(ProptestConfig::with_cases(2000), |((base, layers) in layers(), rule in rules)| {
        let stage = &mut *stage.borrow_mut();
        let mut stored = |layer: &Layer| {
            let (tree, meta) = write(stage, &layer.nodes);
            LayerTree { tree, meta, implied: layer.implied.clone() }
        };
        let base_tree = base.as_ref().map(&mut stored);
        let trees: Vec<LayerTree> = layers.iter().map(&mut stored).collect();
        let merged = merge(base_tree.as_ref(), &trees, rule, stage).unwrap();
        let expected = model(base.as_ref(), &layers, rule);
        assert_tree("model", stage, (merged.tree, merged.meta), &expected);
    });
}
