//! Facts about the peer and the libostree beneath it that our rules follow from.

use crate::{
    images::{BASE, Images},
    programs::{BareRepo, peer, peer_error},
};

fn pull(images: &Images, repo: &BareRepo, tag: &str) -> String {
    peer(&[
        "container",
        "image",
        "pull",
        "--quiet",
        repo.path(),
        &images.unverified(tag),
    ])
}

/// The older metadata rule, the whiteout order, opaque directories: what `--compat ostree-ext` follows.
#[test]
fn the_rules_that_compat_follows() {
    let images = Images::new();
    images.base("base", BASE, &[]);
    images.derive(
        "base",
        "v1",
        &[r#"
            dir usr/etc/private 0755
            file usr/etc/private/new "x"
            dir usr/share/doc 0711 9:9
            opaque usr/share/doc
            file usr/share/doc/fresh "x"
            dir usr/bin
            file usr/bin/+x "sorts before its marker"
            file usr/bin/.wh.+x
            file usr/bin/z "sorts after its marker"
            file usr/bin/.wh.z
        "#],
    );
    let repo = BareRepo::new();
    pull(&images, &repo, "v1");
    let image = repo.image_ref();
    let listing = repo.listing(&image);
    let line = |path: &str| {
        let end = format!(" {path}");
        listing
            .lines()
            .find(|line| line.ends_with(&end))
            .unwrap_or_default()
    };
    assert!(
        line("/usr/etc/private").starts_with("d00700 0 0"),
        "{listing}"
    );
    assert!(
        line("/usr/share/doc").starts_with("d00711 9 9"),
        "{listing}"
    );
    assert_eq!(line("/usr/share/doc/readme"), "");
    assert_ne!(line("/usr/share/doc/fresh"), "");
    assert_eq!(line("/usr/bin/+x"), "");
    assert_ne!(line("/usr/bin/z"), "");
}

/// Not followed: a directory over a file, or over a link that leads nowhere, fails there on libostree before 2024.5.
#[test]
fn a_directory_over_a_file_fails_in_the_peer() {
    let images = Images::new();
    images.base("base", BASE, &[]);
    images.derive("base", "v1", &[r#"file usr/bin/sh/x "x""#]);
    let repo = BareRepo::new();
    let pull = [
        "container",
        "image",
        "pull",
        "--quiet",
        repo.path(),
        &images.unverified("v1"),
    ];
    let message = peer_error(&pull);
    assert!(message.contains("Not a directory"), "{message}");
}

/// Not followed: where an entry's parent is missing, libostree makes up the metadata of *every* directory above
/// it anew, those included that the tar listed before. We keep what the tar says, and make up 0:0 0755.
#[test]
fn a_missing_parent_resets_listed_directories_in_the_peer() {
    let images = Images::new();
    images.base("base", BASE, &[]);
    images.derive(
        "base",
        "v1",
        &["dir usr/q 0700 1:1\nfile usr/q/r/s 0644 5:6 \"x\"\nfile usr/q/t/u 0644 7:8 \"x\""],
    );
    let repo = BareRepo::new();
    pull(&images, &repo, "v1");
    let listing = repo.listing(&repo.image_ref());
    let line = |path: &str| {
        let end = format!(" {path}");
        listing
            .lines()
            .find(|line| line.ends_with(&end))
            .unwrap_or_default()
    };
    assert!(line("/usr/q").starts_with("d00755 7 8"), "{listing}");
    assert!(line("/usr/q/r").starts_with("d00755 5 6"), "{listing}");
}
