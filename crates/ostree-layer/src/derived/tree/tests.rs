//! The tree alone: replacements, links, and its cost.

use ostree_objects::Checksum;

use super::{Before, Kind, ROOT, Tree};
use crate::Limits;
use crate::derived::object::Object;

fn checksum(byte: u8) -> Object {
    Object::Written(Checksum::from_bytes([byte; 32]))
}

fn paths(tree: &Tree) -> Vec<String> {
    let mut paths: Vec<String> = (0..tree.len())
        .filter(|id| tree.is_visible(*id) && *id != ROOT)
        .map(|id| tree.path(id))
        .collect();
    paths.sort();
    paths
}

#[test]
fn what_is_dropped_comes_back_empty() {
    let limits = Limits::default();
    let mut tree = Tree::new(&limits).unwrap();
    for _ in 0..3 {
        let (_, before) = tree
            .put_file(ROOT, "a/b/c/d", Kind::File, checksum(1))
            .unwrap();
        assert_eq!(before, Before::Nothing);
        assert_eq!(paths(&tree), ["a", "a/b", "a/b/c", "a/b/c/d"]);
        let (_, before) = tree
            .put_file(ROOT, "a", Kind::Symlink, checksum(2))
            .unwrap();
        assert_eq!(
            (before, paths(&tree)),
            (Before::Other, vec!["a".to_owned()])
        );
        let (id, before) = tree.put_directory(ROOT, "a", 3).unwrap();
        assert_eq!((before, tree.owner(id)), (Before::Other, Some(3)));
        assert_eq!(tree.children(id).count(), 0);
    }
    assert_eq!(tree.len(), 6, "nodes are used again");
}

#[test]
fn children_come_after_their_parents() {
    let limits = Limits::default();
    let mut tree = Tree::new(&limits).unwrap();
    for number in 0..5000_u32 {
        let path = format!("d{}/e{}/f{number}", number % 7, number % 31);
        tree.put_file(ROOT, &path, Kind::File, checksum(1)).unwrap();
    }
    for id in 2..tree.len() {
        assert!(tree.nodes.get(id).parent < id);
    }
    let files: usize = (0..tree.len())
        .filter(|id| tree.kind(*id) == Kind::File)
        .count();
    assert_eq!(files, 5000);
}

#[test]
fn links_to_what_comes_later() {
    let limits = Limits::default();
    let mut tree = Tree::new(&limits).unwrap();
    tree.put_link(ROOT, "a", (ROOT, "d/b")).unwrap();
    tree.put_link(ROOT, "d/b", (ROOT, "d/c")).unwrap();
    tree.put_file(ROOT, "d/c", Kind::Symlink, checksum(9))
        .unwrap();
    tree.resolve_links().unwrap();
    let (id, _) = tree.put_link(ROOT, "e", (ROOT, "a")).unwrap();
    assert_eq!(
        (tree.kind(id), tree.object(id)),
        (Kind::Symlink, checksum(9))
    );
}
