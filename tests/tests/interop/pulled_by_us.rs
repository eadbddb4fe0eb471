//! An image that we pulled: the peer and the `ostree` program work with it.

use std::{collections::BTreeSet, ffi::OsStr, fs, path::Path};

use serde_json::Value;
use whole_program_tests::tool;

use crate::{
    images::{BASE, Images},
    programs::{BareRepo, ostree, ours, peer},
};

const FIRST: &str = r#"
    dir usr
    dir usr/bin
    file usr/bin/tool 0755 7:8 "tool" xattr.user.a=1
    whiteout usr/bin/bash
    dir usr/share
    dir usr/share/doc
    opaque usr/share/doc
    file usr/share/doc/new "new"
"#;
const SECOND: &str = "dir etc\nfile etc/motd \"changed\\n\"";
const THIRD: &str = "dir usr\ndir usr/bin\nfile usr/bin/tool 0755 \"a newer tool\"\nfile usr/bin/more 0755 \"more\"";

/// Two versions of an image: the second has another chunk `lib` and one more derived layer.
fn images() -> Images {
    let images = Images::new();
    images.base("base1", BASE, &["bin", "lib", "share"]);
    let newer = BASE.replace("size=70000 seed=1", "size=70000 seed=2");
    assert_ne!(newer, BASE);
    images.base("base2", &newer, &["bin", "lib", "share"]);
    images.derive("base1", "v1", &[FIRST, SECOND]);
    images.derive("base2", "v2", &[FIRST, SECOND, THIRD]);
    images
}

/// A bare repository into which we pulled `v1` as `stable`.
fn pulled(images: &Images) -> BareRepo {
    images.retag("v1", "stable");
    let repo = BareRepo::new();
    ours(&[
        "image",
        "pull",
        &repo.option(),
        &images.unverified("stable"),
    ]);
    repo
}

#[test]
fn the_peer_lists_and_describes_it() {
    let images = images();
    let repo = pulled(&images);
    let option = repo.option();
    let name = images.reference("stable");
    assert_eq!(peer(&["container", "image", "list", &option]).trim(), name);

    let history = peer(&["container", "image", "history", &option, &name]);
    let layers = images.layers("v1");
    assert_eq!(history.lines().count(), layers.len() + 1, "{history}");
    for (line, digest) in history.lines().skip(1).zip(&layers) {
        let short = digest.strip_prefix("sha256:").unwrap();
        assert!(line.starts_with(&short[..12]), "{history}");
    }
    assert!(history.contains("derived layer 1"), "{history}");

    let json = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    let metadata = json(peer(&["container", "image", "metadata", &option, &name]));
    assert_eq!(metadata["layers"], images.manifest("v1")["layers"]);
    let config = json(peer(&[
        "container",
        "image",
        "metadata",
        "--config",
        &option,
        &name,
    ]));
    assert_eq!(config["rootfs"], images.config("v1")["rootfs"]);
}

/// What the peer's pull says of the layers of `to` that `from` does not have.
fn expected_status(images: &Images, from: &str, to: &str) -> String {
    let have: BTreeSet<String> = images.layers(from).into_iter().collect();
    let (present, needed): (Vec<_>, Vec<_>) = images
        .layers(to)
        .into_iter()
        .partition(|layer| have.contains(layer));
    assert!(
        present.len() >= 3 && needed.len() >= 2,
        "the test's images share layers"
    );
    format!(
        "layers already present: {}; layers needed: {}",
        present.len(),
        needed.len()
    )
}

#[test]
fn the_peer_pulls_the_next_version_over_it() {
    let images = images();
    let repo = pulled(&images);
    images.retag("v2", "stable");
    let pull = [
        "container",
        "image",
        "pull",
        repo.path(),
        &images.unverified("stable"),
    ];
    let output = peer(&pull);
    let status = expected_status(&images, "v1", "v2");
    assert!(output.contains(&status), "expected: {status}\n{output}");

    let image = repo.image_ref();
    let option = repo.option();
    assert_eq!(
        ostree(&["cat", &option, &image, "/usr/bin/tool"]),
        "a newer tool"
    );
    assert_eq!(
        ostree(&["cat", &option, &image, "/usr/etc/motd"]),
        "changed\n"
    );
    let paths = repo.paths(&image);
    assert!(
        !paths.contains(&"/usr/bin/bash".to_owned()),
        "our layer's whiteout holds: {paths:?}"
    );
    assert!(
        !paths.contains(&"/usr/share/doc/readme".to_owned()),
        "and its opaque marker"
    );
    assert!(!paths.iter().any(|path| path.contains(".wh.")), "{paths:?}");
    repo.fsck();
    let again = peer(&pull);
    assert!(again.contains("No changes"), "{again}");
}

#[test]
fn the_peer_prunes_beside_it_without_harm() {
    let images = images();
    let repo = pulled(&images);
    let before = repo.refs("ostree/container/");
    let output = peer(&["container", "image", "prune-layers", &repo.option()]);
    assert!(output.contains("Removed layers: 0"), "{output}");
    ostree(&["prune", &repo.option(), "--refs-only", "--depth=0"]);
    assert_eq!(repo.refs("ostree/container/"), before);
    repo.fsck();
    ours(&["image", "check", &repo.option()]);
}

/// Both read every layer commit: a chunk's must list its objects, and nothing else.
#[test]
fn the_peer_copies_and_exports_it() {
    let images = images();
    let repo = pulled(&images);
    let name = images.reference("stable");
    let copy = BareRepo::new();
    let (from, to) = (
        format!("--src-repo={}", repo.path()),
        format!("--dest-repo={}", copy.path()),
    );
    peer(&[
        "container",
        "image",
        "copy",
        &from,
        &to,
        &images.unverified("stable"),
    ]);
    let image = repo.image_ref();
    assert_eq!(copy.image_ref(), image);
    assert_eq!(copy.root(&image), repo.root(&image));
    copy.fsck();
    ours(&["image", "check", &copy.option()]);

    let by_peer = BareRepo::new();
    peer(&[
        "container",
        "image",
        "pull",
        "--quiet",
        by_peer.path(),
        &images.unverified("stable"),
    ]);
    assert_eq!(exported(&repo, &name), exported(&by_peer, &name));
}

/// The layers of the image that the peer makes of the refs in `repo`: digests of the base's, entries of the derived
/// ones (whose times are those of the layer commits: ours have none).
fn exported(repo: &BareRepo, name: &str) -> Vec<String> {
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    let target = format!("oci:{}:again", folder.path().display());
    peer(&[
        "container",
        "image",
        "reexport",
        &repo.option(),
        name,
        &target,
    ]);
    let blob = |digest: &Value| {
        let name = digest.as_str().unwrap().replace(':', "/");
        folder.path().join("blobs").join(name)
    };
    let json = |path: &Path| serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap();
    let index = json(&folder.path().join("index.json"));
    let manifest = json(&blob(&index["manifests"][0]["digest"]));
    let layers = manifest["layers"].as_array().unwrap();
    assert!(
        layers.len() > 5,
        "commit, chunks and derived layers: {layers:?}"
    );
    let derived = layers.len() - 2;
    let mut all: Vec<String> = layers[..derived]
        .iter()
        .map(|layer| layer["digest"].to_string())
        .collect();
    for layer in &layers[derived..] {
        let entries = tool(
            "tar",
            [OsStr::new("-tvf"), blob(&layer["digest"]).as_os_str()],
        );
        for entry in entries.lines() {
            let words: Vec<&str> = entry.split_whitespace().collect();
            let [mode, owner, size, _day, _time, path @ ..] = words.as_slice() else {
                panic!("unknown form of tar's listing: {entry}");
            };
            all.push(format!("{mode} {owner} {size} {}", path.join(" ")));
        }
    }
    all
}

#[test]
fn ostree_itself_agrees() {
    let images = images();
    let repo = pulled(&images);
    let option = repo.option();
    repo.fsck();
    let image = repo.image_ref();
    let listing = repo.listing(&image);
    let find = |path: &str| {
        let end = format!(" {path}");
        let line = listing.lines().find(|line| line.ends_with(&end));
        line.unwrap_or_else(|| panic!("{path} is missing:\n{listing}"))
            .to_owned()
    };
    assert!(find("/usr/bin/su").starts_with("-04755 0 0"));
    assert!(find("/usr/bin/tool").starts_with("-00755 7 8"));
    assert!(find("/usr/bin/tool").contains("user.a"));
    assert!(find("/usr/lib/games").starts_with("d00775 5 60"));

    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    let out = folder.path().join("root");
    ostree(&["checkout", &option, "-H", &image, out.to_str().unwrap()]);
    assert_eq!(
        fs::read_to_string(out.join("usr/bin/tool")).unwrap(),
        "tool"
    );
    assert_eq!(
        fs::read_to_string(out.join("usr/etc/motd")).unwrap(),
        "changed\n"
    );
    assert!(!out.join("usr/bin/bash").exists());
    // Committed again from the files, the tree is the same: every mode, owner and xattr is on disk.
    let tree = format!("--tree=dir={}", out.display());
    let again = ostree(&["commit", &option, "--orphan", &tree]);
    assert_eq!(repo.root(again.trim()), repo.root(&image));
}
