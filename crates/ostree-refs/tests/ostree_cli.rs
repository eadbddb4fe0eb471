//! What libostree itself takes for a ref, asked through its own program.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use std::path::Path;
use std::process::{Command, Output};

use ostree_refs::{RefName, collides, image_ref};

fn ostree(repo: &Path, args: &[&str]) -> Output {
    Command::new("ostree")
        // GLib takes arguments in the locale's encoding.
        .env("LC_ALL", "C.UTF-8")
        .args(args)
        .arg(format!("--repo={}", repo.display()))
        .output()
        .expect("the ostree program is needed by this test")
}

/// A repo with one empty commit, whose checksum is returned.
fn repo_with_commit(dir: &Path) -> String {
    let repo = dir.join("repo");
    let tree = dir.join("tree");
    std::fs::create_dir(&tree).unwrap();
    let made = ostree(&repo, &["init", "--mode=bare-user"]);
    assert!(made.status.success(), "{made:?}");
    let tree = format!("--tree=dir={}", tree.display());
    let commit = ostree(&repo, &["commit", "--orphan", "--subject=x", &tree]);
    assert!(commit.status.success(), "{commit:?}");
    String::from_utf8(commit.stdout).unwrap().trim().to_owned()
}

#[test]
fn libostree_agrees_on_names() {
    let dir = tempfile::tempdir().unwrap();
    let commit = repo_with_commit(dir.path());
    let repo = dir.path().join("repo");
    let long = "a".repeat(255);
    let longer = "a".repeat(256);
    for (position, name) in [
        "a",
        "_",
        "_x",
        "0",
        "a.b",
        "a-",
        "a_",
        "x86_64",
        "ostree/0/1/0",
        "-a",
        ".a",
        "..",
        "a/..",
        "a/-b",
        "a/.b",
        "a//b",
        "a/",
        "/a",
        "a b",
        "a+b",
        "é",
        "\u{1f980}",
        "a@b",
        "_2F_foo_2F_",
        "a/_2F_b",
        "x___2F_y",
        &long,
        &longer,
    ]
    .into_iter()
    .enumerate()
    {
        // Below a directory of its own, so that no name is in the way of another.
        let full = if name.starts_with('/') {
            name.to_owned()
        } else {
            format!("n{position}/{name}")
        };
        let taken = ostree(&repo, &["refs", &format!("--create={full}"), &commit])
            .status
            .success();
        assert_eq!(full.parse::<RefName>().is_ok(), taken, "{full}");
    }
}

#[test]
fn libostree_stores_and_lists_image_refs() {
    let dir = tempfile::tempdir().unwrap();
    let commit = repo_with_commit(dir.path());
    let repo = dir.path().join("repo");
    let images = [
        "docker://quay.io/exampleos/blah:latest",
        "docker://localhost:5000/a_b/c-d",
        "oci:/var/tmp/./../a//b é\u{1f980}:t/",
        "containers-storage:[overlay@/s+/r]x@sha256:ab",
    ];
    for image in images {
        let name = image_ref(&image.parse().unwrap()).unwrap();
        let made = ostree(&repo, &["refs", &format!("--create={name}"), &commit]);
        assert!(made.status.success(), "{made:?}");
        let read = ostree(&repo, &["rev-parse", name.as_str()]);
        assert_eq!(String::from_utf8(read.stdout).unwrap().trim(), commit);
    }
    let listed = String::from_utf8(ostree(&repo, &["refs"]).stdout).unwrap();
    assert_eq!(listed.lines().count(), images.len());
}

#[test]
fn what_collides_cannot_be_stored() {
    let dir = tempfile::tempdir().unwrap();
    let commit = repo_with_commit(dir.path());
    let repo = dir.path().join("repo");
    let of = |text: &str| image_ref(&text.parse().unwrap()).unwrap();
    let first = of("docker://h/a/b");
    let create = |name: &RefName| {
        ostree(&repo, &["refs", &format!("--create={name}"), &commit])
            .status
            .success()
    };
    assert!(create(&first));
    for (image, fits) in [
        ("docker://h/a/b/c:t", false),
        ("docker://h/a/bc", true),
        ("docker://h/a/b:t", true),
    ] {
        let second = of(image);
        assert_eq!(collides(&first, &second), !fits, "{image}");
        assert_eq!(create(&second), fits, "{image}");
    }
}
