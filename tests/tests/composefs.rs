//! composefs images of pulled images: those of libostree, the same everywhere, mounted as they are checked out, and of
//! digests that nothing but reading can make wrong. Needs root, erofs, overlayfs, and the reference programs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panic, and opens paths of the host"
)]

#[path = "../../crates/ostree-flatten/tests/composefs/reference.rs"]
mod reference;

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use cap_std::{ambient_authority, fs::Dir};
use ostree_store::FsVerityDigest;
use reference::Reference;
use test_images::{Image, Layer, Layout};
use whole_program_tests::{EVERY_KIND, Mode, Place, Repo, Run, program, run, snapshot};

/// Beside [`EVERY_KIND`], what a root file system has.
const BASE: &str = "dir boot 0700\ndir sysroot 0755";

const UPDATE: &str = r#"
    file usr/bin/x 0700 1:2 "changed"
    whiteout usr/setgid
    file usr/new 0644 size=300000 seed=9
    file usr/big-too 0644 size=5000001 seed=3
"#;

const COMMON: &str = "file usr/common 0644 size=70000 seed=7\nfile usr/small \"small\"";

/// Two versions that share their lowest layers.
fn versions() -> Place {
    let layer = |text: &str| Layer::listing(text).unwrap();
    let base = layer(&[EVERY_KIND, BASE].concat());
    let first = Image::of([base.clone(), layer(COMMON)]);
    let second = Image::of([base, layer(COMMON), layer(UPDATE)]);
    let (first, second) = (first.build(), second.build());
    Place::of(&Layout::new().image("v1", &first).image("v2", &second))
}

/// `bootc-storage composefs VERB --repo … ARGUMENTS`.
fn composefs<A: AsRef<OsStr>>(
    repo: &Repo,
    verb: &str,
    arguments: impl IntoIterator<Item = A>,
) -> Run {
    let mut command = Command::new(program());
    command.args(["composefs", verb, "--json", "--repo"]);
    run(command.arg(repo.path()).args(arguments))
}

fn pulled(repo: &Repo, reference: &str) -> String {
    let json = repo.pull(reference).ok().json();
    json["mergeCommit"].as_str().unwrap().to_owned()
}

/// The image's digest, which must be the one that the commit names.
fn digest(repo: &Repo, name: &str) -> String {
    let json = composefs(repo, "digest", [name]).ok().json();
    assert_eq!(json["digest"], json["expected"], "{name}");
    json["digest"].as_str().unwrap().to_owned()
}

fn folder(repo: &Repo) -> PathBuf {
    repo.path().join("bootc-storage/fsverity")
}

/// Files with digests.
fn kept(repo: &Repo) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(repo)).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Compares all that is kept of each file with the file; says of how many something is.
fn check_kept(repo: &Repo) -> usize {
    let dir = Dir::open_ambient_dir(repo.path(), ambient_authority()).unwrap();
    let store = ostree_store::Repo::open(&dir).unwrap();
    let commits = kept(repo).into_iter().map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.parse().unwrap()
    });
    let known = store.file_digests(commits);
    let mut found = 0;
    for object in store.list_objects() {
        let name = object.unwrap().name;
        let Some(facts) = known.facts(&name.checksum) else {
            continue;
        };
        let file = store.open_file(&name.checksum).unwrap();
        assert_eq!(facts.size, file.size);
        assert_eq!(facts.header.as_deref(), Some(&file.header));
        let is_link = file.header.is_symlink();
        let digest = FsVerityDigest::of_reader(file.content).unwrap();
        assert_eq!(facts.digest, (!is_link).then_some(digest));
        found += 1;
    }
    assert_eq!(found, known.len(), "facts of files that are not there");
    found
}

#[test]
fn the_image_and_its_digest_are_libostrees() {
    let place = versions();
    let repo = Repo::new(Mode::Bare);
    let commit = pulled(&repo, &place.tag("v2"));
    repo.check_clean();
    let (ours, theirs) = (repo.beside().join("ours"), repo.beside().join("theirs"));
    let built = composefs(&repo, "build", [&place.tag("v2"), "-o", path(&ours)]).ok();
    let option = format!("--repo={}", repo.path().display());
    let arguments = [&option, "checkout", "--composefs", &commit, path(&theirs)];
    Reference::get().run("ostree", arguments);
    assert!(fs::read(&ours).unwrap() == fs::read(&theirs).unwrap());
    assert_eq!(built.json()["digest"], digest(&repo, &place.tag("v2")));
    assert_eq!(built.json()["digest"], digest(&repo, &commit));
    let file = composefs(&repo, "digest", [&theirs]).ok().json();
    assert_eq!(file["digest"], built.json()["digest"]);
    // As other programs read it.
    let key = "--print-metadata-key=ostree.composefs.digest.v0";
    let shown = repo.ostree(["show", key, &commit]);
    let bytes: Vec<u8> = shown
        .split("0x")
        .skip(1)
        .map(|byte| u8::from_str_radix(&byte[..2], 16).unwrap())
        .collect();
    assert_eq!(hex::encode(bytes), built.json()["digest"].as_str().unwrap());
    check_deployment(&repo, &commit, &theirs);
}

/// A deployment of that commit with that image, and with others.
fn check_deployment(repo: &Repo, commit: &str, image: &Path) {
    let deployment = repo.beside().join(format!("{commit}.0"));
    fs::create_dir(&deployment).unwrap();
    let check = || composefs(repo, "check", [&deployment]);
    let missing = check();
    assert_eq!(missing.code, Some(5), "{missing}");
    let cfs = deployment.join(".ostree.cfs");
    fs::copy(image, &cfs).unwrap();
    assert_eq!(check().ok().json()["fileDigests"], true);
    let option = format!("--repo={}", repo.path().display());
    let without = repo.beside().join("without");
    let arguments = [
        &option,
        "checkout",
        "--composefs-noverity",
        commit,
        path(&without),
    ];
    Reference::get().run("ostree", arguments);
    fs::copy(&without, &cfs).unwrap();
    assert_eq!(check().ok().json()["fileDigests"], false);
    let mut bytes = fs::read(image).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&cfs, bytes).unwrap();
    let damaged = check();
    assert_eq!(damaged.code, Some(5), "{damaged}");
}

#[test]
fn under_the_other_programs_rules_no_digest_is_named_or_kept() {
    let place = versions();
    let repo = Repo::new(Mode::BareUser);
    let arguments = ["--compat", "ostree-ext", &place.tag("v1")];
    repo.image("pull", arguments).ok();
    assert!(kept(&repo).is_empty());
    let json = composefs(&repo, "digest", [place.tag("v1")]).ok().json();
    assert!(json["expected"].is_null(), "{json}");
    // What somebody asks for is found out once, and it is known what it is.
    assert_eq!(kept(&repo).len(), 1);
    assert!(check_kept(&repo) > 10);
    let small = |object: &PathBuf| fs::read(object).unwrap() == b"small";
    let objects = files(&repo.path().join("objects"));
    fs::write(objects.into_iter().find(small).unwrap(), "SMALL").unwrap();
    let again = composefs(&repo, "digest", [place.tag("v1")]).ok().json();
    assert_eq!(again["digest"], json["digest"]);
}

/// Unmounted whatever comes.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = run(Command::new("umount").arg("-l").arg(&self.0));
    }
}

#[test]
fn mounted_and_checked_out_a_tree_is_the_same() {
    let place = versions();
    let repo = Repo::new(Mode::Bare);
    let commit = pulled(&repo, &place.tag("v2"));
    let (mount, out) = (repo.beside().join("mount"), repo.beside().join("out"));
    fs::create_dir(&mount).unwrap();
    composefs(&repo, "mount", [&place.tag("v2"), path(&mount)]).ok();
    let mounted = Mounted(mount.clone());
    repo.image("checkout", [&place.tag("v2"), path(&out)]).ok();
    let mut found = snapshot(&mount);
    let expected = snapshot(&out);
    // The image has a place for the machine's; the commit has it below /usr.
    assert!(!expected.contains_key("etc"));
    assert_eq!(found.remove("etc").as_deref(), Some("040755 0:0"));
    assert_same(&found, &expected);
    assert!(found["usr/bin/setuid"].starts_with("104711 5:6 7 "));
    assert!(found["usr/bin/capable"].contains("security.capability="));
    assert!(fs::write(mount.join("usr/new-file"), "").is_err());
    // Files are the objects themselves.
    let object = |file: &str| {
        let tree = repo.ostree(["ls", "-C", &commit, file]);
        let sum = tree.split_whitespace().nth(4).unwrap().to_owned();
        repo.path()
            .join(format!("objects/{}/{}.file", &sum[..2], &sum[2..]))
    };
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    assert_eq!(inode(&object("/usr/big")), inode(&out.join("usr/big")));
    // It outlives the image's removal from the command line, not from the repository.
    drop(mounted);
    assert!(fs::read_dir(&mount).unwrap().next().is_none());
    let again = repo.image("checkout", [&place.tag("v2"), path(&out)]);
    assert!(again.failed().stderr.contains("is there already"));
    // Verification by the kernel is required or not had: without fs-verity nothing is mounted.
    let verified = composefs(&repo, "mount", ["--verity", &place.tag("v2"), path(&mount)]);
    if verified.code == Some(0) {
        let _mounted = Mounted(mount.clone());
        assert_same(&snapshot(&mount.join("usr")), &snapshot(&out.join("usr")));
    } else {
        assert!(verified.failed().stderr.contains("has no fs-verity"));
        assert!(fs::read_dir(&mount).unwrap().next().is_none());
    }
    repo.check_clean();
}

fn assert_same(found: &BTreeMap<String, String>, expected: &BTreeMap<String, String>) {
    for (path, entry) in expected {
        assert_eq!(found.get(path), Some(entry), "{path}");
    }
    let more: Vec<_> = found
        .keys()
        .filter(|path| !expected.contains_key(*path))
        .collect();
    assert!(more.is_empty(), "not checked out: {more:?}");
}

#[test]
fn only_a_bare_repository_can_be_mounted() {
    let place = versions();
    let repo = Repo::new(Mode::BareUser);
    pulled(&repo, &place.tag("v1"));
    let mount = repo.beside().join("mount");
    fs::create_dir(&mount).unwrap();
    let refused = composefs(&repo, "mount", [&place.tag("v1"), path(&mount)]).failed();
    assert!(refused.stderr.contains("bare repository"), "{refused}");
}

#[test]
fn repositories_modes_and_orders_do_not_show_in_the_digest() {
    let place = versions();
    let (first, second) = (place.tag("v1"), place.tag("v2"));
    let mut digests = Vec::new();
    for mode in [Mode::Bare, Mode::BareUser, Mode::Archive] {
        for order in [[&first, &second], [&second, &first]] {
            let repo = Repo::new(mode);
            for reference in order {
                pulled(&repo, reference);
            }
            digests.push((digest(&repo, &first), digest(&repo, &second)));
            assert!(check_kept(&repo) > 10);
            repo.check_clean();
        }
    }
    assert!(
        digests.iter().all(|found| *found == digests[0]),
        "{digests:?}"
    );
    assert_ne!(digests[0].0, digests[0].1);
}

#[test]
fn what_is_kept_is_not_computed_again_and_what_is_damaged_is() {
    let place = versions();
    let clean = Repo::new(Mode::BareUser);
    pulled(&clean, &place.tag("v1"));
    let expected = pulled(&clean, &place.tag("v2"));
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 4] = [
        ("removed", |file| fs::remove_file(file).unwrap()),
        ("emptied", |file| fs::write(file, "").unwrap()),
        ("cut", |file| {
            let bytes = fs::read(file).unwrap();
            fs::write(file, &bytes[..bytes.len() - 70]).unwrap();
        }),
        ("changed", |file| {
            let mut bytes = fs::read(file).unwrap();
            let at = bytes.len() / 2;
            bytes[at] ^= 1;
            fs::write(file, bytes).unwrap();
        }),
    ];
    for (what, damage) in damages {
        let repo = Repo::new(Mode::BareUser);
        pulled(&repo, &place.tag("v1"));
        kept(&repo).iter().for_each(|file| damage(file));
        assert_eq!(pulled(&repo, &place.tag("v2")), expected, "{what}");
        digest(&repo, &place.tag("v1"));
        // What had to be computed is kept with the second image.
        let all = check_kept(&repo);
        assert!(all >= check_kept(&clean) - 2, "{what}: {all}");
        repo.check_clean();
    }
    // Files that are not read cannot show their damage.
    let mut damaged = 0;
    for object in files(&clean.path().join("objects")) {
        if fs::read(&object).unwrap() == b"small" {
            fs::write(object, "SMALL").unwrap();
            damaged += 1;
        }
    }
    assert_eq!(damaged, 1);
    digest(&clean, &place.tag("v2"));
    kept(&clean)
        .iter()
        .for_each(|file| fs::remove_file(file).unwrap());
    let read = composefs(&clean, "digest", [place.tag("v2")]);
    assert_eq!(read.code, Some(5), "{read}");
}

#[test]
fn nothing_is_kept_for_what_was_pruned() {
    let place = versions();
    let repo = Repo::new(Mode::BareUser);
    pulled(&repo, &place.tag("v1"));
    let first = kept(&repo);
    assert!(!first.is_empty());
    pulled(&repo, &place.tag("v2"));
    repo.image("remove", [place.tag("v2")]).ok();
    let mut left = kept(&repo);
    left.sort();
    let mut expected = first;
    expected.sort();
    assert_eq!(left, expected, "what the first image has, and nothing else");
    assert!(check_kept(&repo) > 10);
    repo.image("remove", [place.tag("v1")]).ok();
    assert!(kept(&repo).is_empty());
    repo.check_clean();
}

#[test]
fn an_image_becomes_a_dump_and_the_dump_the_image() {
    let place = versions();
    let repo = Repo::new(Mode::BareUser);
    pulled(&repo, &place.tag("v2"));
    let file = |name: &str| repo.beside().join(name);
    let (image, dump, again) = (file("image"), file("dump"), file("again"));
    composefs(&repo, "build", [&place.tag("v2"), "-o", path(&image)]).ok();
    let printed = run(Command::new(program())
        .args(["composefs", "dump"])
        .arg(&image))
    .ok();
    let theirs = Reference::get().run("composefs-info", ["dump", path(&image)]);
    assert!(
        printed.stdout.as_bytes() == theirs,
        "composefs-info differs"
    );
    fs::write(&dump, &printed.stdout).unwrap();
    let arguments = ["--from-dump", path(&dump), "-o", path(&again)];
    composefs(&repo, "build", arguments).ok();
    assert!(fs::read(&image).unwrap() == fs::read(&again).unwrap());
    composefs(&repo, "check", [&again]).ok();
    // What is no image is told from one that is, and a failure leaves the file that was there.
    let refused = composefs(&repo, "check", [&dump]);
    assert_eq!(refused.code, Some(5), "{refused}");
    fs::write(&dump, "no dump\n").unwrap();
    composefs(&repo, "build", arguments).failed();
    assert!(fs::read(&image).unwrap() == fs::read(&again).unwrap());
}

/// Files two levels down.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| fs::read_dir(folder).unwrap();
    entries(folder)
        .flat_map(|shard| entries(&shard.unwrap().path()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| fs::symlink_metadata(path).unwrap().is_file())
        .collect()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
