//! An image goes into a repository of each mode and comes out again: every byte, mode, owner and xattr is what umoci
//! unpacks, which shares no code with us. Needs root, as umoci's unpacking does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
};

use test_images::{Content, Entry, Image, Layer, Listing, Node, Packing, tar::Dialect};
use whole_program_tests::{EVERY_KIND, Mode, Place, Repo, as_nobody, program, run, snapshot, tool};

/// Beside [`EVERY_KIND`], what an update can change, and what a host has a place for only as a whole.
const BASE: &str = r#"
    file etc/passwd 0644 "root"
    dir var/lib 0711 9:9
    file var/lib/data 0600 9:9 "data"
    dir opt 0755
    file opt/tool 0755 "opt"
    dir run 0755
    dir tmp 01777
    dir usr/doomed 0755
    file usr/doomed/a "a"
    dir usr/hidden 0755
    file usr/hidden/below "below"
    file usr/becomes-dir "file"
    dir usr/becomes-file 0755
    file usr/becomes-file/x "x"
    symlink usr/becomes-dir-too -> bin
"#;

const UPDATE: &str = r#"
    dir usr 0755
    file usr/bin/x 0700 1:2 "changed"
    whiteout usr/doomed
    opaque usr/hidden
    dir usr/hidden 0750 1:1
    file usr/hidden/new "new"
    dir usr/becomes-dir 0711
    file usr/becomes-dir/inside "inside"
    file usr/becomes-file "file"
    dir usr/becomes-dir-too 0700
    file usr/becomes-dir-too/x "x"
    dir usr/sticky 0711 2:2 xattr.user.other=1
    whiteout etc/passwd
    file etc/group "group"
    file var/lib/more 0644 9:9 "more"
"#;

fn image() -> Image {
    let long = format!("usr/{}", "long-name/".repeat(30));
    let mut base = Listing::parse(&[EVERY_KIND, BASE].concat()).unwrap();
    for depth in (4..=long.len()).filter(|at| long.as_bytes().get(*at) == Some(&b'/')) {
        base.entries.push(Entry::new(&long[..depth], Node::Dir));
    }
    let content = Content::from("deep");
    base.entries
        .push(Entry::new(format!("{long}file"), Node::File(content)));
    // umoci of Debian 12 reads no zstd.
    Image::of([
        Layer::new(&base.to_tar(Dialect::Pax).unwrap(), Packing::GZIP),
        Layer::listing(UPDATE).unwrap(),
        Layer::listing("file usr/last \"layer\"").unwrap(),
    ])
}

/// What umoci unpacks, as an ostree tree has it: `etc` is `usr/etc`.
fn independent(place: &Place, folder: &Path) -> BTreeMap<String, String> {
    let bundle = folder.join("bundle");
    let image = format!("{}:latest", place.path().display());
    tool(
        "umoci",
        ["unpack", "--image", &image, bundle.to_str().unwrap()],
    );
    let root = bundle.join("rootfs");
    fs::rename(root.join("etc"), root.join("usr/etc")).unwrap();
    snapshot(&root)
}

/// Checks the merge commit out and compares.
fn compare(repo: &Repo, commit: &str, expected: &BTreeMap<String, String>) {
    repo.check_clean();
    let out = repo.beside().join("out");
    repo.ostree(["checkout", commit, out.to_str().unwrap()]);
    let found = snapshot(&out);
    for (path, entry) in expected {
        assert_eq!(found.get(path), Some(entry), "{path}");
    }
    let more: Vec<_> = found
        .keys()
        .filter(|path| !expected.contains_key(*path))
        .collect();
    assert!(more.is_empty(), "not in the image: {more:?}");
    // What `ostree ls` says agrees on mode and owner, whatever the repository's files look like.
    for (path, listed) in repo.tree(commit).0 {
        let path = if path == "/" { "." } else { &path[1..] };
        let owner = format!("{:04o} {}:{}", listed.mode, listed.uid, listed.gid);
        assert!(expected[path].contains(&owner), "{path}: {owner}");
    }
}

#[test]
fn every_repo_mode_gives_back_what_the_image_has() {
    let (place, _) = Place::image(&image());
    let folder = tempfile::tempdir().unwrap();
    let expected = independent(&place, folder.path());
    assert!(
        expected["usr/bin/setuid"].starts_with("104711 5:6 7 "),
        "{expected:#?}"
    );
    let mut commits = Vec::new();
    for mode in [Mode::Bare, Mode::BareUser, Mode::Archive] {
        let repo = Repo::new(mode);
        let json = repo.pull(&place.latest()).ok().json();
        let commit = json["mergeCommit"].as_str().unwrap().to_owned();
        compare(&repo, &commit, &expected);
        commits.push(commit);
    }
    assert!(
        commits.iter().all(|commit| *commit == commits[0]),
        "one image, one commit: {commits:?}"
    );
}

#[test]
fn an_ordinary_user_pulls_into_a_repository_of_its_own() {
    let (place, _) = Place::image(&image());
    let folder = tempfile::tempdir().unwrap();
    let expected = independent(&place, folder.path());
    let as_root = Repo::new(Mode::BareUser);
    let root_commit = as_root.pull(&place.latest()).ok().json()["mergeCommit"].clone();

    // The program, the image and the repository must be reachable for nobody.
    let repo = Repo::new(Mode::BareUser);
    for folder in [repo.beside(), &place.path()] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let copy = repo.beside().join("bootc-storage");
    fs::copy(program(), &copy).unwrap();
    let home = repo.beside().join("home");
    fs::create_dir(&home).unwrap();
    chown(&home, Some(65534), Some(65534)).unwrap();
    let own = home.join("repo");
    // Missing: the pull makes it, in mode bare-user.
    let pull = run(as_nobody(&copy)
        .args(["image", "pull", "--json", "--repo"])
        .arg(&own)
        .arg(place.latest())
        .env("HOME", &home))
    .ok();
    let commit = pull.json()["mergeCommit"].clone();
    assert_eq!(commit, root_commit, "the same commit as root gets");
    let config = fs::read_to_string(own.join("config")).unwrap();
    assert!(config.contains("mode=bare-user\n"), "{config}");
    fs::remove_dir_all(repo.path()).unwrap();
    fs::rename(&own, repo.path()).unwrap();
    compare(&repo, commit.as_str().unwrap(), &expected);
}
