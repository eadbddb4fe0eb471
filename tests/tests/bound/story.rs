//! A host with bound images, from its first deployment to the last image's end.

use std::fs;

use test_images::registry::{Registry, write_authfile};
use test_images::{Image, Layer, Layout};

use crate::harness::{Machine, app, push, push_layout};

/// An image for this machine and one for another, under one name.
fn push_multi_arch(registry: &Registry, name: &str) {
    let other = Image::of([Layer::listing("file version \"other\"").unwrap()]);
    let other = other.platform("linux/s390x").build();
    let layout = Layout::new().multi_arch("x", &[&other, &app("multi")]);
    push_layout(registry, name, &layout, None);
}

#[test]
fn images_come_with_a_deployment_and_go_with_the_last_that_has_them() {
    let open = Registry::start();
    let closed = Registry::start_with_login("user", "password");
    let machine = Machine::new(&[&open, &closed]);
    let (open_at, closed_at) = (open.address(), closed.address());
    let digest = push(&open, "digested:any", "digested", None);
    push(&open, "tagged:v1", "tagged 1", None);
    push(&open, "tagged:v2", "tagged 2", None);
    push(&open, "new:v1", "new", None);
    push_multi_arch(&open, "multi:v1");
    push(&closed, "secret:v1", "secret", Some(("user", "password")));
    let auth = machine.path("run").join("ostree/auth.json");
    fs::create_dir_all(auth.parent().unwrap()).unwrap();
    write_authfile(&auth, &closed_at, "user", "password");

    let digested = format!("{open_at}/digested@{digest}");
    let tagged = |tag: &str| format!("{open_at}/tagged:{tag}");
    let (multi, secret) = (
        format!("{open_at}/multi:v1"),
        format!("{closed_at}/secret:v1"),
    );
    let new = format!("{open_at}/new:v1");
    machine.put_os("1", &[&digested, &tagged("v1"), &multi, &secret]);
    machine.put_os("2", &[&digested, &tagged("v2"), &secret, &new]);

    machine.deploy("1").ok();
    assert_eq!(
        machine.images(),
        [
            digested.clone(),
            multi.clone(),
            tagged("v1"),
            secret.clone()
        ]
        .sorted()
    );
    let present = |names: &[&String]| -> Vec<String> {
        names.iter().map(|name| format!("{name} present")).collect()
    };
    let first = present(&[&digested, &tagged("v1"), &multi, &secret]);
    assert_eq!(machine.states(), [first.clone()]);
    // podman finds each by its name, and a container gets its files.
    for (name, version) in [
        (&digested, "digested"),
        (&multi, "multi"),
        (&secret, "secret"),
    ] {
        assert_eq!(
            machine.run_container(name, &["/usr/bin/cat", "/version"]),
            version
        );
    }

    machine.deploy("2").ok();
    let second = present(&[&digested, &tagged("v2"), &secret, &new]);
    assert_eq!(machine.states(), [second.clone(), first.clone()]);
    assert_eq!(
        machine.run_container(&tagged("v2"), &["/usr/bin/cat", "/version"]),
        "tagged 2"
    );
    machine.bound(["verify"]).ok();

    // Gone back to, the old one has its own.
    machine.host(["rollback"]).ok();
    assert_eq!(machine.states(), [first.clone(), second]);
    assert_eq!(
        machine.run_container(&tagged("v1"), &["/usr/bin/cat", "/version"]),
        "tagged 1"
    );

    let plan = machine.bound(["prune", "--dry-run"]).ok().json();
    assert_eq!(plan["removed"].as_array().unwrap().len(), 0, "{plan}");
    assert_eq!(plan["kept"].as_array().unwrap().len(), 6, "{plan}");
    machine.host(["undeploy", "1"]).ok();
    assert_eq!(machine.states(), [first]);
    assert_eq!(
        machine.images(),
        [digested.clone(), multi, tagged("v1"), secret].sorted()
    );
    let left = machine.bound(["prune"]).ok().json();
    assert_eq!(left["removed"].as_array().unwrap().len(), 0, "{left}");
}

trait Sorted {
    fn sorted(self) -> Self;
}

impl<const N: usize> Sorted for [String; N] {
    fn sorted(mut self) -> Self {
        self.sort();
        self
    }
}

#[test]
fn a_tag_that_moved_is_told_and_the_recorded_image_comes_back() {
    let registry = Registry::start();
    let machine = Machine::new(&[&registry]);
    let name = format!("{}/app:v1", registry.address());
    push(&registry, "app:v1", "old", None);
    machine.put_os("1", &[&name]);
    machine.deploy("1").ok();
    let plan = machine.bound(["plan"]).ok().json();
    assert_eq!(plan["images"][0]["moved"], false, "{plan}");
    assert_eq!(plan["bytesToFetch"], 0, "{plan}");

    let new = push(&registry, "app:v1", "new", None);
    let plan = machine.bound(["plan"]).ok().json();
    assert_eq!(plan["images"][0]["moved"], true, "{plan}");
    assert_eq!(plan["images"][0]["registryDigest"], new.as_str(), "{plan}");
    // What is there stays, whatever the tag is now.
    assert_eq!(
        machine.bound(["pull"]).ok().json()["pulled"],
        serde_json::json!([])
    );
    assert_eq!(machine.states(), [[format!("{name} present")]]);

    // Somebody pulls the tag by hand: the deployment was made with another image.
    machine.as_bootc(&["pull", "--quiet", &name]).ok();
    assert_eq!(machine.states(), [[format!("{name} drifted")]]);
    let verified = machine.bound(["verify"]);
    assert_eq!(verified.code, Some(5), "{verified}");
    assert_eq!(verified.json()["complete"], false, "{verified}");
    // The recorded one is still there, and is kept.
    let plan = machine.bound(["prune", "--dry-run"]).ok().json();
    assert_eq!(plan["kept"].as_array().unwrap().len(), 2, "{plan}");

    // Gone altogether, it is pulled as what it was.
    machine.as_bootc(&["rm", "--all", "--force"]).ok();
    assert_eq!(machine.states(), [[format!("{name} missing")]]);
    machine.bound(["pull"]).ok();
    assert_eq!(machine.states(), [[format!("{name} present")]]);
    assert_eq!(
        machine.run_container(&name, &["/usr/bin/cat", "/version"]),
        "old"
    );
}

#[test]
fn an_image_beside_the_hosts_needs_no_registry() {
    let machine = Machine::new(&[]);
    let name = "quay.io/exampleos/app:v1";
    machine.put_os("1", &[name]);
    let beside = machine.path("oci").join("1");
    let layout = tempfile::tempdir().unwrap();
    let from = Layout::new().image("x", &app("beside"));
    from.write_dir(layout.path()).unwrap();
    whole_program_tests::tool(
        "skopeo",
        [
            "copy",
            "--quiet",
            &format!("oci:{}:x", layout.path().display()),
            &format!("oci:{}:{name}", beside.display()),
        ],
    );
    machine.deploy("1").ok();
    assert_eq!(
        machine.run_container(name, &["/usr/bin/cat", "/version"]),
        "beside"
    );
}
