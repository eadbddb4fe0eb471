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
    pulled_over(BASE, layers)
}

/// The same over a base of its own.
pub(crate) fn pulled_over(base: &str, layers: &[&str]) -> (Images, BareRepo) {
    let images = Images::new();
    images.base("base", base, &["bin", "lib"]);
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

    compare(what, &images, &by_peer);
}

/// Pulls what the peer pulled, and compares the merged roots.
pub(crate) fn compare(what: &str, images: &Images, by_peer: &BareRepo) {
    let image = by_peer.image_ref();
    let expected = by_peer.root(&image);
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
    let merged = merge(trees.first(), &derived, rule, &mut stage).unwrap();
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

/// Directories that no tar lists get 0:0 0755 with us, with the peer the owner of the last entry that needed one
/// (see [`crate::peer_alone`]): the same for the system's own files.
#[test]
fn implied_directories() {
    check(
        "implied directories",
        &[
            "file usr/a/b/c \"x\"\nfile usr/a/d \"x\"\nfile etc/fresh/conf \"x\"",
            r#"
            file usr/a/b/e/f "x"
            file usr/v/w/x "x"
            dir usr/v/w 0700 3:3
            file usr/v/w/owned 0644 5:6 "x"
            file usr/lib/games/sub/level "x"
            "#,
        ],
    );
}

/// Layers that no one thought of: directories named `d…`, files and links named otherwise (the peer fails where a
/// directory comes over a file), markers for all of them, in an order that is no order.
#[test]
fn random_layers() {
    for seed in 1..=4 {
        let layers: Vec<String> = (0..5)
            .map(|layer| random_layer(&mut Random(seed * 10 + layer)))
            .collect();
        let layers: Vec<&str> = layers.iter().map(String::as_str).collect();
        check(&format!("seed {seed}: {layers:#?}"), &layers);
    }
}

/// Numbers that look random, the same everywhere (the generator of Park and Miller).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0 * 48271 % 0x7fff_ffff;
        self.0 % limit
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}

fn random_layer(random: &mut Random) -> String {
    const FILES: [&str; 5] = ["+f", ".f", "f", "z", "-f"];
    let directories = ["d1", "d2", "d1/d1", "d1/d2", "d2/d3", "d1/d1/d2"];
    let mut lines = vec!["dir usr".to_owned()];
    let mut taken = std::collections::BTreeSet::new();
    // Every directory is listed, parents first, as image builders write them.
    for directory in directories {
        let parent = directory.rsplit_once('/').map_or("", |(parent, _)| parent);
        if (parent.is_empty() || taken.contains(parent)) && random.below(3) > 0 {
            taken.insert(directory.to_owned());
            let mode = random.pick(&["0755", "0700", "02711"]);
            lines.push(format!(
                "dir usr/{directory} {mode} {0}:{0}",
                random.below(3)
            ));
        }
    }
    for directory in taken.clone() {
        for _ in 0..random.below(6) {
            let name = random.pick(&FILES);
            let path = format!("usr/{directory}/{name}");
            let line = match random.below(6) {
                0 => format!(
                    "whiteout usr/{directory}/{}",
                    random.pick(&["d1", "d2", "d3"])
                ),
                1 => format!("opaque usr/{directory}"),
                2 | 3 => format!("whiteout {path}"),
                4 => format!("symlink {path} -> target{}", random.below(2)),
                _ => format!("file {path} 0644 {0}:{0} \"{0}\"", random.below(3)),
            };
            let words: Vec<&str> = line.split(' ').collect();
            if taken.insert(format!(
                "{} {}",
                words[0].replace("symlink", "file"),
                words[1]
            )) {
                lines.push(line);
            }
        }
    }
    lines.join("\n")
}
