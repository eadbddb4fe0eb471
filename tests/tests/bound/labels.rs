//! The storage's SELinux labels: those that libselinux gives podman's own storage under a real policy.

use std::fs;
use std::path::{Path, PathBuf};

use test_images::registry::Registry;
use whole_program_tests::tool;

use crate::harness::{Machine, push};

/// What container-selinux has for the storage, in the types that it has there; Debian's policy knows no containers.
const CONTAINERS: &str = "\
/var/lib/containers(/.*)?\tsystem_u:object_r:container_var_lib_t:s0
/var/lib/containers/storage/overlay(/.*)?\tsystem_u:object_r:container_ro_file_t:s0
/var/lib/containers/storage/overlay-layers(/.*)?\tsystem_u:object_r:container_ro_file_t:s0
/var/lib/containers/storage/overlay-images(/.*)?\tsystem_u:object_r:container_ro_file_t:s0
/var/lib/containers/storage/overlay/l\t-d\tsystem_u:object_r:container_var_lib_t:s0
/var/lib/containers/storage/overlay/l/.*\t-l\tsystem_u:object_r:container_file_t:s0
";

/// Gives a directory Debian's policy, with more rules.
fn write_policy(root: &Path, more: &str) -> PathBuf {
    let data =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/selinux-label/tests/data/debian");
    let policy = root.join("usr/etc/selinux/default");
    let files = policy.join("contexts/files");
    fs::create_dir_all(&files).unwrap();
    fs::create_dir_all(policy.join("policy")).unwrap();
    fs::write(policy.join("policy/policy.33"), "").unwrap();
    let config = "SELINUX=enforcing\nSELINUXTYPE=default\n";
    fs::write(root.join("usr/etc/selinux/config"), config).unwrap();
    for name in ["file_contexts.homedirs", "file_contexts.subs_dist"] {
        fs::copy(data.join(name), files.join(name)).unwrap();
    }
    let rules = files.join("file_contexts");
    let debian = fs::read_to_string(data.join("file_contexts")).unwrap();
    fs::write(&rules, format!("{debian}{more}")).unwrap();
    rules
}

fn label(path: &Path) -> String {
    let mut value = [0_u8; 256];
    let length = rustix::fs::lgetxattr(path, "security.selinux", &mut value[..]);
    let length = length.unwrap_or_else(|errno| panic!("{}: {errno}", path.display()));
    let text = String::from_utf8_lossy(&value[..length]);
    text.trim_end_matches('\0').to_owned()
}

/// Everything in the storage, itself included, by its place in it: kind as `matchpathcon -m` names it, and label.
fn labels(store: &Path) -> Vec<(String, &'static str, String)> {
    let mut found = Vec::new();
    let mut waiting = vec![store.to_owned()];
    while let Some(path) = waiting.pop() {
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        let kind = if kind.is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            waiting.extend(entries.map(|entry| entry.unwrap().path()));
            "dir"
        } else if kind.is_symlink() {
            "lnk_file"
        } else {
            assert!(kind.is_file(), "{}", path.display());
            "file"
        };
        let place = path.strip_prefix(store).unwrap().to_str().unwrap();
        let shown = Path::new("/var/lib/containers/storage").join(place);
        let shown = shown.to_str().unwrap().trim_end_matches('/').to_owned();
        found.push((shown, kind, label(&path)));
    }
    found
}

/// What libselinux says of the same paths.
#[track_caller]
fn assert_as_libselinux(rules: &Path, labels: &[(String, &'static str, String)]) {
    for kind in ["dir", "file", "lnk_file"] {
        let of_kind: Vec<_> = labels.iter().filter(|one| one.1 == kind).collect();
        let paths = of_kind.iter().map(|one| one.0.as_str());
        let options = ["-n", "-N", "-m", kind, "-f", rules.to_str().unwrap()];
        let said = tool("matchpathcon", options.into_iter().chain(paths));
        let said: Vec<&str> = said.lines().collect();
        let ours: Vec<&str> = of_kind.iter().map(|one| one.2.as_str()).collect();
        assert!(!ours.is_empty(), "{kind}");
        assert_eq!(ours, said, "{kind}: {of_kind:?}");
    }
}

#[test]
fn every_file_is_labelled_as_libselinux_labels_podmans_own() {
    let registry = Registry::start();
    let machine = Machine::new(&[&registry]);
    let name = format!("{}/app:v1", registry.address());
    push(&registry, "app:v1", "app", None);
    let root = machine.directory("system", &[&name]);
    let pull = || machine.bound(["pull", "--root", &root]).ok();

    let rules = write_policy(Path::new(&root), "");
    pull();
    let debian = labels(&machine.store());
    assert!(debian.len() > 20, "{}", debian.len());
    assert_as_libselinux(&rules, &debian);

    // Rules that tell the parts of a storage apart.
    fs::remove_file(machine.store().join(".bootc_labeled")).unwrap();
    let rules = write_policy(Path::new(&root), CONTAINERS);
    pull();
    let containers = labels(&machine.store());
    assert_as_libselinux(&rules, &containers);
    for kind in [
        "container_var_lib_t",
        "container_ro_file_t",
        "container_file_t",
    ] {
        let has = |one: &(String, &str, String)| one.2.contains(kind);
        assert!(containers.iter().any(has), "{kind}: {containers:?}");
    }
}
