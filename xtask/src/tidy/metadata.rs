//! The parts of `cargo metadata` that tidy looks at.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    packages: Vec<Package>,
    workspace_members: BTreeSet<String>,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) features: BTreeMap<String, Vec<String>>,
    pub(crate) manifest_path: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `dev`, `build`, or nothing for a normal one.
    pub(crate) kind: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Resolved>,
}

#[derive(Debug, Deserialize)]
struct Resolved {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Debug, Deserialize)]
struct Kind {
    kind: Option<String>,
}

impl Metadata {
    /// The packages of the workspace.
    pub(crate) fn own(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| self.workspace_members.contains(&package.id))
    }

    /// The chain of normal dependencies that brings `wanted` to whoever uses `from`.
    pub(crate) fn path(&self, from: &str, wanted: &str) -> Option<Vec<&str>> {
        let names: BTreeMap<_, _> = self
            .packages
            .iter()
            .map(|p| (p.id.as_str(), p.name.as_str()))
            .collect();
        let start = self.own().find(|package| package.name == from)?.id.as_str();
        let mut came_from = BTreeMap::from([(start, start)]);
        let mut queue = vec![start];
        while let Some(id) = queue.pop() {
            if names.get(id) == Some(&wanted) {
                return Some(way_back(id, &came_from, &names));
            }
            for next in self.normal_dependencies(id) {
                if !came_from.contains_key(next) {
                    came_from.insert(next, id);
                    queue.push(next);
                }
            }
        }
        None
    }

    fn normal_dependencies(&self, id: &str) -> impl Iterator<Item = &str> {
        let node = self.resolve.nodes.iter().find(move |node| node.id == id);
        let normal = |dep: &&Resolved| dep.dep_kinds.iter().any(|kind| kind.kind.is_none());
        node.into_iter()
            .flat_map(|node| &node.deps)
            .filter(normal)
            .map(|dep| dep.pkg.as_str())
    }
}

fn way_back<'a>(
    mut id: &'a str,
    came_from: &BTreeMap<&'a str, &'a str>,
    names: &BTreeMap<&'a str, &'a str>,
) -> Vec<&'a str> {
    let mut path = Vec::new();
    loop {
        path.push(names.get(id).copied().unwrap_or(id));
        match came_from.get(id) {
            Some(before) if *before != id => id = before,
            _ => break,
        }
    }
    path.reverse();
    path
}
