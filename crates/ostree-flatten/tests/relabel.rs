//! Labels of stored trees: what is wrong is found and set right, and nothing else is touched.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::collections::BTreeMap;

use common::Fixture;
use ostree_flatten::{
    Error, Known, LabelError, LayerTree, Mislabelled, Of, Relabelled, find_mislabelled, relabel,
};
use ostree_objects::{Checksum, ObjectType, RepoMode};
use ostree_store::Repo;

const SELINUX: &[u8] = b"security.selinux";

/// A policy for tests.
type Label = fn(&str, u32) -> Result<Option<Vec<u8>>, LabelError>;

const TREE: &str = "
    usr/bin/tool
    usr/bin/link->tool
    usr/lib/.wh.gone
    usr/lib/private/ 700
    usr/lib/private/key
    usr/none
    var/log/
";

/// Every path's own name, `usr/none` apart.
fn echo(path: &str, mode: u32) -> Result<Option<Vec<u8>>, LabelError> {
    Ok((path != "usr/none").then(|| format!("{path}:{:o}\0", mode >> 12).into_bytes()))
}

fn constant(_: &str, _: u32) -> Result<Option<Vec<u8>>, LabelError> {
    Ok(Some(b"all\0".to_vec()))
}

fn to_right(right: Option<(Checksum, Checksum)>) -> Known<'static> {
    Known {
        right,
        ..Known::default()
    }
}

/// Relabels a published tree and publishes the result.
fn relabelled(
    repo: &Repo,
    tree: &LayerTree,
    of: Of,
    right: Option<(Checksum, Checksum)>,
    label: Label,
) -> Relabelled {
    let stage = repo.stage().unwrap();
    let done = relabel(tree, of, to_right(right), &label, &stage).unwrap();
    stage.publish().unwrap();
    done
}

fn tree_of(done: &Relabelled) -> LayerTree {
    LayerTree {
        tree: done.tree,
        meta: done.meta,
        implied: None,
    }
}

/// Each path's label.
fn labels(repo: &Repo, tree: &LayerTree) -> BTreeMap<String, String> {
    fn walk(
        repo: &Repo,
        path: &str,
        (tree, meta): (Checksum, Checksum),
        found: &mut BTreeMap<String, String>,
    ) {
        let text = |label: Option<&[u8]>| {
            label.map_or_else(
                || "none".to_owned(),
                |label| String::from_utf8(label.to_vec()).unwrap(),
            )
        };
        let meta = repo.read_dirmeta(&meta).unwrap();
        found.insert(path.to_owned(), text(meta.xattrs.get(SELINUX)));
        let below = |name: &str| match path {
            "" => name.to_owned(),
            path => format!("{path}/{name}"),
        };
        let tree = repo.read_dirtree(&tree).unwrap();
        for (name, file) in &tree.files {
            let header = repo.file_stat(file).unwrap().header;
            found.insert(below(name), text(header.xattrs.get(SELINUX)));
        }
        for (name, tree, meta) in &tree.dirs {
            walk(repo, &below(name), (*tree, *meta), found);
        }
    }
    let mut found = BTreeMap::new();
    walk(repo, "", (tree.tree, tree.meta), &mut found);
    found
}

#[test]
fn every_path_gets_its_label_and_a_second_time_changes_nothing() {
    let fixture = Fixture::new();
    let [tree] = &fixture.trees(&[TREE])[..] else {
        panic!("one tree");
    };
    let repo = &fixture.repo;
    let done = relabelled(repo, tree, Of::Layer, None, echo);
    let paths = labels(repo, &tree_of(&done));
    assert_eq!(paths.len(), 12);
    for (path, label) in &paths {
        let expected = match path.as_str() {
            "usr/none" => "none".to_owned(),
            "usr/bin/link" => format!("{path}:12\0"),
            "usr/bin/tool" | "usr/lib/.wh.gone" | "usr/lib/private/key" => format!("{path}:10\0"),
            _ => format!("{path}:4\0"),
        };
        assert_eq!(*label, expected, "{path}");
    }
    assert_eq!((done.looked_at, done.changed), (12, 11));
    assert_eq!(done.changes.len(), 11);
    let again = relabelled(repo, &tree_of(&done), Of::Layer, None, echo);
    assert_eq!(
        (again.tree, again.meta, again.changed),
        (done.tree, done.meta, 0)
    );
}

#[test]
fn only_what_differs_is_written_and_the_directories_above_it() {
    let fixture = Fixture::new();
    let repo = &fixture.repo;
    let trees = fixture.trees(&[TREE]);
    let all = relabelled(repo, &trees[0], Of::Tree, None, constant);
    let before: Vec<_> = repo
        .list_objects()
        .map(|entry| entry.unwrap().name)
        .collect();
    let one = |path: &str, _: u32| -> Result<Option<Vec<u8>>, LabelError> {
        Ok(Some(match path {
            "usr/lib/private/key" => b"key\0".to_vec(),
            _ => b"all\0".to_vec(),
        }))
    };
    let stage = repo.stage().unwrap();
    let done = relabel(&tree_of(&all), Of::Tree, Known::default(), &one, &stage).unwrap();
    stage.publish().unwrap();
    assert_eq!(
        done.changes,
        [Mislabelled {
            path: "usr/lib/private/key".to_owned(),
            mode: 0o100_644,
            found: Some(b"all\0".to_vec()),
            wanted: Some(b"key\0".to_vec()),
        }]
    );
    let mut new: Vec<String> = repo
        .list_objects()
        .map(|entry| entry.unwrap().name)
        .filter(|name| !before.contains(name))
        .map(|name| name.object_type.to_string())
        .collect();
    new.sort();
    // The file, and private, lib, usr and the root.
    assert_eq!(new, ["dirtree", "dirtree", "dirtree", "dirtree", "file"]);
    assert_eq!(done.meta, all.meta);
}

#[test]
fn what_a_right_tree_has_is_not_looked_at() {
    let fixture = Fixture::new();
    let repo = &fixture.repo;
    let trees = fixture.trees(&[TREE, &format!("{TREE}\nusr/lib/new\nusr/bin/tool=changed")]);
    let right = relabelled(repo, &trees[0], Of::Layer, None, echo);
    let root = (right.tree, right.meta);
    let same = relabelled(repo, &tree_of(&right), Of::Layer, Some(root), echo);
    assert_eq!((same.looked_at, same.tree), (0, right.tree));
    let whole = relabelled(repo, &trees[1], Of::Layer, None, echo);
    let next = relabelled(repo, &tree_of(&whole), Of::Layer, Some(root), echo);
    // Two files differ; the directories above them have the metadata that they had.
    assert_eq!((next.looked_at, next.changed), (2, 0));
    assert_eq!(next.tree, whole.tree);
    // A tree that is wrong where the right one is not is set right all the same.
    let bare = relabelled(repo, &trees[1], Of::Layer, Some(root), echo);
    assert_eq!((bare.tree, bare.meta), (whole.tree, whole.meta));
}

#[test]
fn what_the_policy_leaves_alone() {
    let fixture = Fixture::new();
    let repo = &fixture.repo;
    let trees = fixture.trees(&["usr/none\nusr/lib/.wh.name"]);
    let all = relabelled(repo, &trees[0], Of::Tree, None, constant);
    let label_of = |of, path: &str| {
        labels(
            repo,
            &tree_of(&relabelled(repo, &tree_of(&all), of, None, echo)),
        )[path]
            .clone()
    };
    assert_eq!(label_of(Of::Tree, "usr/none"), "all\0");
    assert_eq!(label_of(Of::Layer, "usr/none"), "none");
    // A base may have a file that is called like a marker; and a layer's marker is an object like others.
    for of in [Of::Tree, Of::Layer] {
        assert_eq!(label_of(of, "usr/lib/.wh.name"), "usr/lib/.wh.name:10\0");
    }
}

#[test]
fn wrong_labels_are_told_and_nothing_is_written() {
    let fixture = Fixture::new();
    let repo = &fixture.repo;
    let trees = fixture.trees(&[TREE]);
    let right = relabelled(repo, &trees[0], Of::Tree, None, echo);
    let tell = |tree: &LayerTree| {
        let mut found = Vec::new();
        let root = (tree.tree, tree.meta);
        let mut take = |wrong: Mislabelled| found.push(wrong.path);
        let paths = find_mislabelled(repo, root, &echo, &mut take).unwrap();
        (paths, found)
    };
    assert_eq!(tell(&tree_of(&right)), (12, Vec::new()));
    let objects = repo.list_objects().count();
    let (paths, found) = tell(&trees[0]);
    assert_eq!((paths, found.len()), (12, 11));
    assert!(found.contains(&String::new()), "the root too");
    assert_eq!(repo.list_objects().count(), objects);
}

#[test]
fn a_policy_that_cannot_answer_is_an_error_that_names_the_path() {
    let fixture = Fixture::new();
    let trees = fixture.trees(&["usr/bin/tool"]);
    let broken = |path: &str, _: u32| -> Result<Option<Vec<u8>>, LabelError> {
        match path {
            "usr/bin/tool" => Err("no answer".into()),
            _ => Ok(None),
        }
    };
    let stage = fixture.repo.stage().unwrap();
    let error = relabel(&trees[0], Of::Tree, Known::default(), &broken, &stage).unwrap_err();
    assert!(
        matches!(&error, Error::Label { path, .. } if path == "usr/bin/tool"),
        "{error}"
    );
}

#[test]
fn the_same_in_every_repository_mode() {
    let sum = |mode| {
        let fixture = Fixture::with_mode(mode);
        let trees = fixture.trees(&[TREE]);
        let done = relabelled(&fixture.repo, &trees[0], Of::Layer, None, echo);
        (done.tree, done.meta, done.changed)
    };
    let modes = [RepoMode::Bare, RepoMode::BareUser, RepoMode::Archive].map(sum);
    assert!(modes.iter().all(|other| *other == modes[0]), "{modes:?}");
}

#[test]
fn hard_links_are_written_once() {
    let fixture = Fixture::new();
    let repo = &fixture.repo;
    // The same content is the same object.
    let listing: String = (0..50).map(|n| format!("usr/bin/{n}=same\n")).collect();
    let trees = fixture.trees(&[&listing]);
    let done = relabelled(repo, &trees[0], Of::Layer, None, constant);
    assert_eq!(done.changed, 53);
    let files = repo
        .list_objects()
        .map(|entry| entry.unwrap().name)
        .filter(|name| name.object_type == ObjectType::File);
    assert_eq!(files.count(), 2, "the file, and the file with its label");
}

#[test]
fn what_is_known_with_the_right_label_is_not_written_again_and_nothing_else_is_taken_for_it() {
    let fixture = Fixture::new();
    let repo = &fixture.repo;
    let trees = fixture.trees(&["usr/tool=content", "usr/tool=content, longer"]);
    let file = |tree: &Checksum| {
        let usr = repo.read_dirtree(tree).unwrap().dir("usr").unwrap().0;
        repo.read_dirtree(&usr).unwrap().file("tool").unwrap()
    };
    let other = |path: &str, mode: u32| match path {
        "usr/tool" => constant(path, mode),
        _ => Ok(None),
    };
    let right = relabelled(repo, &trees[0], Of::Layer, None, other);
    assert_eq!(right.written, 1);
    let longer = relabelled(repo, &trees[1], Of::Layer, None, other);
    let (unlabelled, known) = (file(&trees[0].tree), file(&right.tree));
    // Known, with no label, with another size.
    for (claimed, written) in [(known, 0), (unlabelled, 1), (file(&longer.tree), 1)] {
        let same = |path: &str, file: &Checksum| {
            assert_eq!((path, *file), ("usr/tool", unlabelled));
            Some(claimed)
        };
        let known = Known {
            same: Some(&same),
            ..Known::default()
        };
        let stage = repo.stage().unwrap();
        let done = relabel(&trees[0], Of::Layer, known, &other, &stage).unwrap();
        assert_eq!((done.changed, done.written), (1, written));
        assert_eq!((done.tree, done.meta), (right.tree, right.meta));
    }
}

#[test]
fn a_label_that_is_known_is_not_looked_for() {
    let fixture = Fixture::new();
    let repo = &fixture.repo;
    let trees = fixture.trees(&["usr/a=one\nusr/b=two"]);
    let usr = repo.read_dirtree(&trees[0].tree).unwrap();
    let usr = repo.read_dirtree(&usr.dir("usr").unwrap().0).unwrap();
    let (a, b) = (usr.file("a").unwrap(), usr.file("b").unwrap());
    let only_files = |path: &str, mode: u32| match path {
        "usr/a" | "usr/b" => constant(path, mode),
        _ => Ok(None),
    };
    // As if one had the right label; nothing is known of the other.
    let label = |file: &Checksum| (*file == a).then(|| (0o100_644, Some(b"all\0".to_vec())));
    let known = Known {
        label: Some(&label),
        ..Known::default()
    };
    let stage = repo.stage().unwrap();
    let done = relabel(&trees[0], Of::Layer, known, &only_files, &stage).unwrap();
    assert_eq!((done.looked_at, done.changed), (4, 1));
    stage.publish().unwrap();
    let usr = repo.read_dirtree(&done.tree).unwrap();
    let usr = repo.read_dirtree(&usr.dir("usr").unwrap().0).unwrap();
    assert_eq!(usr.file("a"), Some(a));
    assert_ne!(usr.file("b"), Some(b));
}

#[test]
fn what_is_damaged_gets_no_good_name() {
    let fixture = Fixture::new();
    let repo = &fixture.repo;
    let trees = fixture.trees(&["usr/bin/tool=content"]);
    let name = repo
        .list_objects()
        .map(|entry| entry.unwrap().name)
        .find(|name| name.object_type == ObjectType::File)
        .unwrap();
    let path = format!("objects/{}", name.loose_path(RepoMode::BareUser));
    let mut file = repo
        .dir()
        .open_with(&path, cap_std::fs::OpenOptions::new().write(true))
        .unwrap();
    std::io::Write::write_all(&mut file, b"CONTENT").unwrap();
    drop(file);
    let stage = repo.stage().unwrap();
    let error = relabel(&trees[0], Of::Layer, Known::default(), &constant, &stage).unwrap_err();
    assert!(
        matches!(&error, Error::Damaged { path, checksum } if path == "usr/bin/tool" && *checksum == name.checksum),
        "{error}"
    );
}

/// Twice the same directory in each of many levels: few objects, and more paths than there are atoms.
#[test]
fn a_tree_of_countless_paths_is_refused() {
    let fixture = Fixture::new();
    let repo = &fixture.repo;
    let stage = repo.stage().unwrap();
    let meta = stage
        .write_dirmeta(&ostree_objects::DirMeta::root_default())
        .unwrap();
    let mut tree = stage
        .write_dirtree(&ostree_objects::DirTree::default())
        .unwrap();
    for _ in 0..200 {
        let dirs = vec![("a".to_owned(), tree, meta), ("b".to_owned(), tree, meta)];
        let files = Vec::new();
        tree = stage
            .write_dirtree(&ostree_objects::DirTree { files, dirs })
            .unwrap();
    }
    stage.publish().unwrap();
    let never = |_: &str, _: u32| -> Result<Option<Vec<u8>>, LabelError> { Ok(None) };
    let found = find_mislabelled(repo, (tree, meta), &never, &mut |_| {});
    assert!(
        matches!(found, Err(Error::TooManyPaths { .. })),
        "{found:?}"
    );
}
