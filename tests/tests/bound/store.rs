//! The storage is one that bootc's own podman goes on with.

use std::fs;

use test_images::registry::Registry;

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
