//! An image that the peer pulled: we list, inspect, check, update and prune it.

use serde_json::Value;

use crate::{
    images::{BASE, Images},
    programs::{BareRepo, ours, peer},
};

const FIRST: &str = r#"
    dir usr
    dir usr/bin
    file usr/bin/tool 0755 7:8 "tool" xattr.user.a=1
    whiteout usr/bin/bash
"#;
const SECOND: &str = "dir usr\ndir usr/share\ndir usr/share/doc\nopaque usr/share/doc\nfile usr/share/doc/new \"new\"";

fn images() -> Images {
    let images = Images::new();
    images.base("base", BASE, &["bin", "lib"]);
    images.derive("base", "v1", &[FIRST]);
    images.derive("base", "v2", &[FIRST, SECOND]);
    images
}

/// A bare repository into which the peer pulled `v1` as `stable`.
fn pulled(images: &Images) -> BareRepo {
    images.retag("v1", "stable");
    let repo = BareRepo::new();
    let reference = images.unverified("stable");
    peer(&[
        "container",
        "image",
        "pull",
        "--quiet",
        repo.path(),
        &reference,
    ]);
    repo
}

fn json(arguments: &[&str]) -> Value {
    let mut all = vec!["image"];
    all.extend(arguments);
    all.push("--json");
    let text = ours(&all);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn we_list_inspect_and_check_it() {
    let images = images();
    let repo = pulled(&images);
    let option = repo.option();
    let name = images.reference("stable");
    let list = json(&["list", &option]).to_string();
    assert!(list.contains(&name), "{list}");
    let inspect = json(&["inspect", &option, &name]).to_string();
    for digest in images.layers("v1") {
        assert!(inspect.contains(&digest), "{digest} is not in {inspect}");
    }
    let history = json(&["history", &option, &name]).to_string();
    assert!(history.contains("derived layer 0"), "{history}");
    ours(&["image", "check", &option]);
    ours(&["image", "check", &option, &name]);
}

#[test]
fn we_update_it_and_reuse_its_layers() {
    let images = images();
    let repo = pulled(&images);
    let option = repo.option();
    let before = repo.refs("ostree/container/blob/");
    images.retag("v2", "stable");
    let heads: Vec<_> = before.iter().map(|name| repo.root(name)).collect();
    ours(&["image", "pull", &option, &images.unverified("stable")]);
    let after = repo.refs("ostree/container/blob/");
    assert_eq!(after.len(), before.len() + 1, "one layer is new: {after:?}");
    let kept: Vec<_> = before.iter().map(|name| repo.root(name)).collect();
    assert_eq!(kept, heads, "the peer's layers are reused as they are");
    let paths = repo.paths(&repo.image_ref());
    assert!(
        !paths.contains(&"/usr/bin/bash".to_owned()),
        "the peer's layer's whiteout holds"
    );
    assert!(
        !paths.contains(&"/usr/share/doc/readme".to_owned()),
        "so does our layer's marker"
    );
    assert!(!paths.iter().any(|path| path.contains(".wh.")), "{paths:?}");
    repo.fsck();
    ours(&["image", "check", &option]);
    // And the peer goes on from there.
    let again = peer(&[
        "container",
        "image",
        "pull",
        repo.path(),
        &images.unverified("stable"),
    ]);
    assert!(again.contains("No changes"), "{again}");
}

#[test]
fn we_remove_and_prune_it() {
    let images = images();
    let repo = pulled(&images);
    let option = repo.option();
    let reference = images.unverified("v2");
    peer(&[
        "container",
        "image",
        "pull",
        "--quiet",
        repo.path(),
        &reference,
    ]);
    ours(&["image", "prune", &option]);
    assert_eq!(
        repo.refs("ostree/container/image/").len(),
        2,
        "prune takes nothing that is in use"
    );
    let layers = images.layers("v2").len();
    assert_eq!(repo.refs("ostree/container/blob/").len(), layers);

    ours(&["image", "remove", &option, &images.reference("v2")]);
    ours(&["image", "prune", &option]);
    assert_eq!(repo.refs("ostree/container/blob/").len(), layers - 1);
    let list = peer(&["container", "image", "list", &option]);
    assert_eq!(list.trim(), images.reference("stable"));
    repo.fsck();
    ours(&["image", "check", &option]);

    ours(&["image", "remove", &option, &images.reference("stable")]);
    ours(&["image", "prune", &option]);
    assert_eq!(repo.refs("ostree/"), Vec::<String>::new());
    repo.fsck();
}
