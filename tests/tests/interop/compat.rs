//! `--compat ostree-ext`: the merged tree is the peer's, checksum for checksum.

use std::fs::File;

use cap_std::fs::Dir;
use ostree_flatten::{DirectoryRule, LayerTree, merge};
use ostree_store::Repo;

use crate::{
    images::{BASE, Images},
    programs::{BareRepo, ours, peer},
};

/// The base with `layers` on top, pulled by the peer into a repository of its own.
fn pulled_by_peer(layers: &[&str]) -> (Images, BareRepo) {
    let images = Images::new();
    images.base("base", BASE, &["bin", "lib"]);
    images.derive("base", "v1", layers);
    let repo = BareRepo::new();
    let reference = images.unverified("v1");
    peer(&[
        "container",
        "image",
        "pull",
        "--quiet",
        repo.path(),
        &reference,
    ]);
    (images, repo)
}

/// Pulls the base with `layers` on top by both programs and compares the merged roots.
fn check(what: &str, layers: &[&str]) {
    let (images, by_peer) = pulled_by_peer(layers);
    let image = by_peer.image_ref();
    let expected = by_peer.root(&image);
    assert_eq!(
        merged(&images, &by_peer),
        expected,
        "{what}: our merge of the peer's own layer commits"
    );

    let by_us = BareRepo::new();
    let repo = by_us.option();
    ours(&[
        "image",
        "pull",
        "--compat",
        "ostree-ext",
        &repo,
        &images.unverified("v1"),
    ]);
    assert_eq!(by_us.image_ref(), image, "{what}: the ref's name");
    if by_us.root(&image) != expected {
        let (got, expected) = (by_us.listing(&image), by_peer.listing(&image));
        let only = |lines: &str, others: &str| {
            let only = lines
                .lines()
                .filter(|line| !others.lines().any(|other| other == *line));
            only.collect::<Vec<_>>().join("\n")
        };
        panic!(
            "{what}: merged trees differ\nonly ours:\n{}\nonly the peer's:\n{}",
            only(&got, &expected),
            only(&expected, &got)
        );
    }
    by_us.fsck();
}

/// The root that our merge makes of the layer commits in `repo`, the importer left out.
fn merged(images: &Images, repo: &BareRepo) -> (String, String) {
    let dir = Dir::from_std_file(File::open(repo.path()).unwrap());
    let repo = Repo::open(&dir).unwrap();
    let base_layers = images.layers("base").len();
    let mut trees = Vec::new();
    for digest in images.layers("v1") {
        let name = format!("ostree/container/blob/{}", digest.replace(':', "_3A_"));
        let commit = repo
            .resolve_ref(&name)
            .unwrap()
            .expect("the peer wrote a ref for each layer");
        trees.push(LayerTree::from_commit(&repo.read_commit(&commit).unwrap()));
    }
    let derived = trees.split_off(base_layers);
    let mut stage = repo.stage().unwrap();
    let rule = DirectoryRule::LowerKept;
    let merged = merge(&repo, trees.first(), &derived, rule, &mut stage).unwrap();
    (merged.tree.to_string(), merged.meta.to_string())
}

#[test]
fn the_base_alone() {
    check("no derived layer", &[]);
}

#[test]
fn files_added_and_replaced() {
    check(
        "files",
        &[
            r#"
            dir usr
            dir usr/bin
            file usr/bin/sh 0755 "another shell"
            file usr/bin/new 0755 7:8 "new" xattr.user.a=1
            dir etc
            file etc/motd "changed\n"
            file etc/new "new"
            hardlink usr/bin/newer -> usr/bin/new
            symlink usr/bin/bash -> new
            file usr/share/doc/readme
            "#,
            r#"file usr/bin/new 0755 "newest""#,
        ],
    );
}

#[test]
fn whiteouts() {
    check(
        "whiteouts",
        &[
            "whiteout usr/bin/bash\nwhiteout etc/motd\nwhiteout usr/share/doc/old\nwhiteout usr/lib64\nwhiteout usr/bin/nothing",
            r#"
            dir usr/share/doc/old
            file usr/share/doc/old/again "x"
            file usr/bin/+x "sorts before its marker"
            whiteout usr/bin/+x
            file usr/bin/z "sorts after its marker"
            whiteout usr/bin/z
            dir usr/lib/games
            dir usr/lib/games/new
            file usr/lib/games/new/.rc "rc"
            whiteout usr/lib/games/new/.rc
            "#,
            "whiteout usr/share/doc/old/again",
        ],
    );
}

#[test]
fn opaque_directories() {
    check(
        "opaque directories",
        &[
            r#"
            dir usr/share/doc 0711 9:9
            file usr/share/doc/new "new"
            opaque usr/share/doc
            dir usr/lib/games
            opaque usr/lib/games
            dir usr/lib/games/sub
            file usr/lib/games/sub/go "go"
            "#,
            "dir usr/etc/private 0755\nopaque usr/etc/private",
        ],
    );
}

#[test]
fn directory_metadata() {
    check(
        "directory metadata",
        &[
            r#"
            dir usr 0700
            dir usr/etc/private 0755 1:1
            file usr/etc/private/more "x"
            dir usr/share/doc 01777 xattr.user.d=x
            dir usr/fresh 02750 6:7 xattr.user.d=x
            file usr/fresh/file "x"
            "#,
            "dir usr/fresh 0700",
        ],
    );
}

#[test]
fn types_change() {
    check(
        "types",
        &[
            r#"
            file usr/share/doc "a file over a directory"
            symlink usr/lib/games -> /nowhere
            file usr/lib64 "a file over a link"
            symlink usr/bin/sh -> bash
            "#,
            "whiteout usr/bin/sh\nwhiteout usr/lib64",
            r#"
            dir usr/bin/sh
            file usr/bin/sh/inside "x"
            file usr/lib/games "a file over a link"
            "#,
        ],
    );
}

#[test]
fn content_that_is_remapped_or_dropped() {
    check(
        "remapped and dropped",
        &[
            r#"
            dir var
            dir var/lib
            dir var/lib/app 0750 7:7
            file var/lib/app/db 0640 7:7 "db"
            dir var/log
            dir opt
            file opt/x "x"
            dir run
            dir run/lock
            file run/lock/x "x"
            dir tmp 01777
            file tmp/x "x"
            file boot/vmlinuz "x"
            "#,
            "whiteout var/lib/app/db\nwhiteout opt\nfile etc/new \"x\"",
        ],
    );
}

/// Directories that no tar lists: the metadata that libostree makes up for them is part of the tree.
#[test]
fn implied_directories() {
    check(
        "implied directories",
        &[
            r#"
            file usr/a/b/c 0644 5:6 "x"
            file usr/a/d 0644 7:8 "x"
            "#,
            r#"file usr/a/b/e/f 0644 9:9 "x""#,
        ],
    );
}

/// The same, where several entries needed a directory that no tar lists: the last one that needed to make
/// directories owns all that it went through.
#[test]
fn implied_directories_that_several_entries_need() {
    check(
        "implied directories again",
        &[r#"
            file usr/q/r/s 0644 5:6 "x"
            file usr/q/t/u 0644 7:8 "x"
            file usr/q/r/v 0644 9:9 "x"
            file usr/v/w/x 0644 5:6 "x"
            dir usr/v/w 0700 3:3
            file usr/v/y/z 0644 7:8 "x"
        "#],
    );
}
