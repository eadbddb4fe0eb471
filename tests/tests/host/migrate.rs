//! Hosts that other programs made are taken over and given back: their real programs, before and after ours.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::{Host, Os, Shelf};
use crate::images::Images;
use crate::programs::peer;

/// What `ostree commit` takes: a tree as a compose server makes it.
fn commit(host: &Host, version: &str) -> String {
    let tree = tempfile::tempdir_in("/var/tmp").unwrap();
    let write = |path: &str, text: &str| {
        let file = tree.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    write(
        "usr/lib/modules/5/vmlinuz",
        &format!("their kernel {version}"),
    );
    write("usr/lib/modules/5/initramfs.img", "their initramfs");
    write("usr/lib/os-release", "ID=debian\nPRETTY_NAME=\"Debian\"\n");
    write("usr/version", version);
    write("usr/etc/plain", "from their commit\n");
    write("usr/etc/theirs", "from their commit\n");
    for folder in ["boot", "sysroot", "var"] {
        fs::create_dir(tree.path().join(folder)).unwrap();
    }
    let tree = format!("--tree=dir={}", tree.path().display());
    let commit = ["commit", "--branch=debian/stable", "--no-bindings", &tree];
    host.ostree(&commit).trim().to_owned()
}

/// A sysroot as Debian's ostree makes it.
fn by_ostree_admin() -> Host {
    let host = Host::empty();
    let root = host.root();
    whole_program_tests::tool("ostree", ["admin", "init-fs", root.to_str().unwrap()]);
    host.admin(&["os-init", "debian"]);
    host
}

fn versions(status: &Value) -> Vec<String> {
    let all = status["status"]["otherDeployments"].as_array().unwrap();
    let version = |one: &Value| one["image"]["version"].as_str().unwrap_or("-").to_owned();
    all.iter().map(version).collect()
}

#[test]
fn a_host_of_ostree_admin() {
    let host = by_ostree_admin();
    let theirs = commit(&host, "theirs 1");
    host.admin(&[
        "deploy",
        "--os=debian",
        "--karg=root=LABEL=x",
        "debian/stable",
    ]);
    let before = host.boot_order().remove(0);
    fs::write(before.directory.join("etc/plain"), "mine\n").unwrap();
    let status = host.json(["status", "--verbose"]);
    assert_eq!(versions(&status), ["-"]);
    assert_eq!(
        status["verbose"]["deployments"][0]["image"],
        "ostree branch debian/stable"
    );
    assert_eq!(
        status["verbose"]["deployments"][0]["problems"],
        serde_json::json!([])
    );
    let upgrade = host.ours(["upgrade"]).failed();
    assert!(upgrade.stderr.contains("debian/stable"), "{upgrade}");

    // Ours.
    let shelf = Shelf::of(&[Os::new("1").arguments(&["quiet"]), Os::new("2")]);
    shelf.point("latest", "1");
    host.ours(["switch", &shelf.name("latest")]).ok();
    let order = host.boot_order();
    assert_eq!(host.versions(), ["1", "theirs 1"]);
    assert_eq!(
        (&*order[0].stateroot, &*order[1].commit),
        ("debian", &*theirs)
    );
    assert_eq!(order[0].options, ["root=LABEL=x", "quiet"]);
    assert_eq!(order[0].read("etc/plain"), "mine\n");
    assert!(!order[0].origin().contains("refspec"));
    let status = host.json(["status"]);
    assert_eq!(versions(&status), ["1", "-"]);
    host.ours(["rollback"]).ok();
    assert_eq!(host.versions(), ["theirs 1", "1"]);

    // Theirs again.
    let text = host.admin(&["status"]);
    assert!(text.contains("origin refspec: debian/stable"), "{text}");
    commit(&host, "theirs 2");
    host.admin(&["deploy", "--os=debian", "debian/stable"]);
    assert_eq!(host.versions(), ["theirs 2", "theirs 1"]);
    assert_eq!(host.boot_order()[0].read("etc/plain"), "mine\n");
    host.admin(&["undeploy", "1"]);
    host.admin(&["cleanup"]);
    assert_eq!(host.versions(), ["theirs 2"]);
    host.fsck();

    // And ours: the image is still there, and nothing is fetched again.
    let again = host.json(["switch", &shelf.name("latest")]);
    assert_eq!(again["layersStored"], 0, "{again}");
    assert_eq!(host.versions(), ["1", "theirs 2"]);
    shelf.point("latest", "2");
    host.ours(["upgrade"]).ok();
    assert_eq!(host.versions(), ["2", "1"]);
    // The branch that the host followed is nobody's to prune.
    host.ours(["prune", "--unused-images"]).ok();
    assert!(host.refs().contains_key("debian/stable"));
    host.fsck();
}

const BASE: &str = r#"
    dir boot
    dir sysroot
    dir var
    dir usr
    dir usr/bin
    file usr/bin/sh 0755 "shell"
    file usr/bin/su 04755 "setuid"
    dir usr/etc
    file usr/etc/plain "from the image\n"
    dir usr/lib
    file usr/lib/os-release "ID=test\nPRETTY_NAME=\"Test OS\"\n"
    dir usr/lib/modules
    dir usr/lib/modules/6
    file usr/lib/modules/6/vmlinuz "kernel"
    file usr/lib/modules/6/initramfs.img "initramfs"
    file usr/lib/libc.so size=70000 seed=1
"#;

/// Versions that share a base, and the one before.
fn images() -> Images {
    let version = |version: &str| format!("dir usr\nfile usr/version {version:?}");
    let images = Images::new();
    images.base("base", BASE, &["bin", "lib"]);
    images.label("base", "ostree.bootable", "true");
    let (one, two, three) = (version("1"), version("2"), version("3"));
    images.derive("base", "v1", &[&one]);
    images.derive("base", "v2", &[&one, &two]);
    images.derive("base", "v3", &[&one, &two, &three]);
    images
}

fn peer_deploys(host: &Host, image: &str) {
    let root = host.root();
    peer(&[
        "container",
        "image",
        "deploy",
        "--sysroot",
        root.to_str().unwrap(),
        "--stateroot",
        "os",
        "--karg=root=LABEL=x",
        "--imgref",
        image,
    ]);
}

/// The manifest digests of all deployments, in boot order.
fn digests(host: &Host) -> Vec<String> {
    let status = host.json(["status", "--verbose"]);
    let all = status["status"]["otherDeployments"].as_array().unwrap();
    for deployment in status["verbose"]["deployments"].as_array().unwrap() {
        assert_eq!(deployment["problems"], serde_json::json!([]));
    }
    let digest = |one: &Value| one["image"]["imageDigest"].as_str().unwrap().to_owned();
    all.iter().map(digest).collect()
}

#[test]
fn a_host_of_ostree_ext() {
    let images = images();
    let digest = |tag: &str| images.manifest_digest(tag);
    let host = by_ostree_admin();
    host.admin(&["os-init", "os"]);
    images.retag("v1", "latest");
    let latest = images.unverified("latest");
    peer_deploys(&host, &latest);
    assert_eq!(digests(&host), [digest("v1")]);
    let order = host.boot_order();
    assert_eq!(order[0].options, ["root=LABEL=x"]);
    fs::write(order[0].directory.join("etc/plain"), "mine\n").unwrap();

    // Ours.
    assert_eq!(host.json(["upgrade", "--check"])["available"], false);
    assert_eq!(host.ours(["upgrade", "--unchanged-exit-77"]).code, Some(77));
    images.retag("v2", "latest");
    let upgraded = host.json(["upgrade"]);
    let layers = images.layers("v1").len();
    assert_eq!(upgraded["layersStored"], 1, "{upgraded}");
    assert_eq!(upgraded["layersReused"], layers, "{upgraded}");
    assert_eq!(host.versions(), ["2", "1"]);
    assert_eq!(digests(&host), [digest("v2"), digest("v1")]);
    let order = host.boot_order();
    assert_eq!(order[0].options, ["root=LABEL=x"]);
    assert_eq!(order[0].read("etc/plain"), "mine\n");
    assert_eq!(order[0].origin(), order[1].origin());
    host.ours(["rollback"]).ok();
    assert_eq!(host.versions(), ["1", "2"]);
    host.ours(["rollback"]).ok();

    // Theirs again.
    let repo = host.root().join("ostree/repo");
    let option = format!("--repo={}", repo.display());
    let list = peer(&["container", "image", "list", &option]);
    assert_eq!(list.trim(), images.reference("latest"));
    let kept = layer_commits(&host, &images.layers("v2"));
    images.retag("v3", "latest");
    peer_deploys(&host, &latest);
    assert_eq!(host.versions(), ["3", "2"]);
    assert_eq!(
        layer_commits(&host, &images.layers("v2")),
        kept,
        "fetched once"
    );
    prune_by_peer(&host.root());
    assert_eq!(digests(&host), [digest("v3"), digest("v2")]);
    assert_eq!(host.boot_order()[0].read("etc/plain"), "mine\n");
    host.fsck();

    // And ours.
    assert_eq!(host.ours(["upgrade", "--unchanged-exit-77"]).code, Some(77));
    host.ours(["rollback"]).ok();
    assert_eq!(host.versions(), ["2", "3"]);
    host.ours(["undeploy", "1"]).ok();
    assert_eq!(host.versions(), ["2"]);
    host.fsck();
}

fn prune_by_peer(root: &Path) {
    let sysroot = root.to_str().unwrap();
    peer(&[
        "container",
        "image",
        "prune-images",
        "--sysroot",
        sysroot,
        "--full",
    ]);
}

/// The commits of layers' refs.
fn layer_commits(host: &Host, layers: &[String]) -> Vec<String> {
    let refs = host.refs();
    let name = |layer: &String| format!("ostree/container/blob/{}", layer.replace(':', "_3A_"));
    layers
        .iter()
        .map(|layer| refs[&name(layer)].clone())
        .collect()
}
