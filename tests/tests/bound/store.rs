//! The storage is one that bootc's own podman goes on with.

use std::fs;
use std::path::Path;

use test_images::registry::Registry;
use whole_program_tests::{program, run};

use crate::harness::{Machine, push};

#[test]
fn bootcs_podman_opens_the_storage_and_adds_to_it() {
    let registry = Registry::start();
    let machine = Machine::new(&[&registry]);
    let name = |app: &str| format!("{}/{app}:v1", registry.address());
    push(&registry, "a:v1", "a", None);
    push(&registry, "b:v1", "b", None);
    machine.put_os("1", &[&name("a")]);
    machine.put_os("2", &[&name("a"), &name("b")]);
    machine.deploy("1").ok();
    machine.as_bootc(&["exists", &name("a")]).ok();
    machine.as_bootc(&["pull", "--quiet", &name("b")]).ok();
    // What bootc pulled is not pulled again.
    let done = machine.deploy("2").ok();
    assert!(!done.stderr.contains("pulling"), "{done}");
    machine.bound(["verify"]).ok();
    assert!(!machine.root().join("ostree/bootc/storage.tmp").exists());
    // Nothing of it is left mounted outside of podman.
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let storage = machine.store();
    assert!(!mounts.contains(storage.to_str().unwrap()), "{mounts}");
}

/// bootc's podman with another run root.
const OTHERWISE: &str = r#"
    exec 5< /run/bootc/storage
    cd "$1"
    mount --bind . /run/bootc/storage
    cd /
    exec podman --root /run/bootc/storage --runroot /proc/self/fd/5 image list
"#;

/// The paths in podman's database are bootc's: podman tells when they are not, and of ours it does not.
#[test]
fn the_paths_in_podmans_database_are_bootcs() {
    let registry = Registry::start();
    let (machine, _) = Machine::bound_to_one(&registry, "app");
    assert!(machine.as_bootc(&["list"]).ok().stdout.contains("app"));
    let mut otherwise = machine.command("sh");
    otherwise
        .args(["-ec", OTHERWISE, "sh"])
        .arg(machine.store());
    let refused = run(&mut otherwise).failed();
    assert!(
        refused.stderr.contains("database configuration mismatch"),
        "{refused}"
    );
    assert!(refused.stderr.contains("\"/proc/self/fd/3\""), "{refused}");
}

/// A storage that bootc made, where bootc's other back end has it: behind a link.
#[test]
fn a_storage_of_bootcs_is_gone_on_with() {
    let registry = Registry::start();
    let machine = Machine::new(&[&registry]);
    let name = |app: &str| format!("{}/{app}:v1", registry.address());
    push(&registry, "a:v1", "a", None);
    push(&registry, "b:v1", "b", None);
    machine.put_os("1", &[&name("a"), &name("b")]);
    let real = machine.root().join("composefs/bootc/storage");
    fs::create_dir_all(&real).unwrap();
    std::os::unix::fs::symlink("../composefs/bootc", machine.root().join("ostree/bootc")).unwrap();
    fs::create_dir_all(machine.path("run").join("bootc/storage")).unwrap();
    machine.as_bootc(&["pull", "--quiet", &name("a")]).ok();

    let done = machine.deploy("1").ok();
    assert!(!done.stderr.contains("made the storage"), "{done}");
    assert!(
        !done.stderr.contains(&format!("pulling {}", name("a"))),
        "{done}"
    );
    machine.bound(["verify"]).ok();
    assert!(real.join("overlay-images").exists());
    machine.as_bootc(&["exists", &name("b")]).ok();
    let link = fs::read_link(machine.root().join("ostree/bootc")).unwrap();
    assert_eq!(link, Path::new("../composefs/bootc"));
}

/// The policy of the directory: everything in the storage has one label, images' files another.
const RULES: &str = "/.* u:object_r:default_t:s0\n\
    /var/lib/containers/storage(/.*)? u:object_r:container_var_lib_t:s0\n\
    /var/lib/containers/storage/overlay-images(/.*)? u:object_r:container_ro_file_t:s0\n";

fn label(path: &Path) -> Option<String> {
    let mut value = [0_u8; 256];
    let length = rustix::fs::lgetxattr(path, "security.selinux", &mut value[..]).ok()?;
    Some(
        String::from_utf8_lossy(&value[..length])
            .trim_end_matches('\0')
            .to_owned(),
    )
}

#[test]
fn the_storage_is_labelled_once_as_the_machines_own_would_be() {
    let registry = Registry::start();
    let machine = Machine::new(&[&registry]);
    let name = format!("{}/app:v1", registry.address());
    push(&registry, "app:v1", "app", None);
    let root = machine.path("system");
    let write = |path: &str, text: &str| {
        let file = root.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    write("usr/share/app.image", &format!("[Image]\nImage={name}\n"));
    fs::create_dir_all(root.join("usr/lib/bootc/bound-images.d")).unwrap();
    let link = root.join("usr/lib/bootc/bound-images.d/app.image");
    std::os::unix::fs::symlink("/usr/share/app.image", link).unwrap();

    let verify = || machine.bound(["verify", "--root", root.to_str().unwrap()]);
    let missing = verify();
    assert_eq!(missing.code, Some(5), "{missing}");
    let missing = missing.json();
    assert_eq!(
        missing["deployments"][0]["images"][0]["state"], "missing",
        "{missing}"
    );

    // Without a policy there are no labels, and nothing says that there were.
    let pull = || {
        machine
            .bound(["pull", "--root", root.to_str().unwrap()])
            .ok()
            .json()
    };
    assert_eq!(pull()["pulled"][0], name.as_str());
    let stamp = machine.store().join(".bootc_labeled");
    assert!(!stamp.exists());
    let there = verify().ok().json();
    assert_eq!(there["complete"], true, "{there}");
    assert_eq!(
        there["deployments"][0]["deployment"],
        serde_json::Value::Null,
        "{there}"
    );

    write(
        "etc/selinux/config",
        "SELINUX=enforcing\nSELINUXTYPE=small\n",
    );
    write("etc/selinux/small/policy/policy.33", "");
    write("etc/selinux/small/contexts/files/file_contexts", RULES);
    assert_eq!(pull()["pulled"].as_array().unwrap().len(), 0);
    let usual = Some("u:object_r:container_var_lib_t:s0".to_owned());
    let images = Some("u:object_r:container_ro_file_t:s0".to_owned());
    assert_eq!(label(&machine.store()), usual);
    assert_eq!(label(&machine.store().join("storage.lock")), usual);
    assert_eq!(label(&stamp), usual);
    assert_eq!(label(&machine.store().join("overlay-images")), images);
    assert_eq!(
        label(&machine.store().join("overlay-images/images.json")),
        images
    );

    // Once is once: what has a label keeps it. Where SELinux does not run, nobody else labels what podman adds later.
    let set = |path: &Path, label: &str| {
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::lsetxattr(path, "security.selinux", label.as_bytes(), flags).unwrap();
    };
    let lock = machine.store().join("storage.lock");
    set(&lock, "u:object_r:chosen_t:s0");
    let added = machine.store().join("overlay-images/added");
    fs::write(&added, "").unwrap();
    assert_eq!(label(&added), None, "SELinux runs here");
    pull();
    assert_eq!(label(&lock).unwrap(), "u:object_r:chosen_t:s0");
    assert_eq!(label(&added), images);
}

/// As a running host has its physical root.
const READ_ONLY: &str = r#"
    mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"; shift
    exec "$@"
"#;

#[test]
fn a_physical_root_that_is_mounted_read_only_can_be_looked_at() {
    let registry = Registry::start();
    let (machine, _) = Machine::bound_to_one(&registry, "app");
    let mut command = machine.command("sh");
    command.args(["-ec", READ_ONLY, "sh"]).arg(machine.root());
    command.arg(program()).arg("--sysroot").arg(machine.root());
    let listed = run(command.args(["bound", "list", "--json"])).ok().json();
    let tree = &listed["trees"][0];
    assert_eq!(tree["images"][0]["state"], "present", "{listed}");
    assert_eq!(tree["problems"], serde_json::json!([]), "{listed}");
    assert_eq!(
        tree["declarations"][0]["unit"],
        "/usr/share/containers/systemd/app0.container"
    );
    // Of the unit: it does not say where its image is.
    assert_eq!(tree["lints"].as_array().unwrap().len(), 1, "{listed}");
}
