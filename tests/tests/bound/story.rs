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

/// The applications of the story.
struct Apps {
    digested: String,
    tagged: [String; 2],
    multi: String,
    secret: String,
    new: String,
}

/// Puts them into a registry for everybody, and one into a registry whose password the machine knows.
fn publish(open: &Registry, closed: &Registry, machine: &Machine) -> Apps {
    let (open_at, closed_at) = (open.address(), closed.address());
    let digest = push(open, "digested:any", "digested", None);
    push(open, "tagged:v1", "tagged 1", None);
    push(open, "tagged:v2", "tagged 2", None);
    push(open, "new:v1", "new", None);
    push_multi_arch(open, "multi:v1");
    push(closed, "secret:v1", "secret", Some(("user", "password")));
    let auth = machine.path("run").join("ostree/auth.json");
    fs::create_dir_all(auth.parent().unwrap()).unwrap();
    write_authfile(&auth, &closed_at, "user", "password");
    Apps {
        digested: format!("{open_at}/digested@{digest}"),
        tagged: ["v1", "v2"].map(|tag| format!("{open_at}/tagged:{tag}")),
        multi: format!("{open_at}/multi:v1"),
        secret: format!("{closed_at}/secret:v1"),
        new: format!("{open_at}/new:v1"),
    }
}

fn present(names: &[&str]) -> Vec<String> {
    let lines = names.iter().map(|name| format!("{name} present"));
    lines.collect()
}

/// What a container of that image has as `/version`.
fn version(machine: &Machine, image: &str) -> String {
    machine.run_container(image, &["/usr/bin/cat", "/version"])
}

fn sorted(names: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    names.sort();
    names
}

/// Each image's layer, by what is in the storage of it: podman's record of layers, and directories.
fn assert_layers(machine: &Machine, count: usize) {
    let store = machine.store();
    let layers = fs::read(store.join("overlay-layers/layers.json")).unwrap();
    let layers: serde_json::Value = serde_json::from_slice(&layers).unwrap();
    assert_eq!(layers.as_array().unwrap().len(), count, "{layers}");
    let entries = fs::read_dir(store.join("overlay")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    // A directory of short links, and the mark of a file system's abilities.
    let layers: Vec<String> = names.filter(|name| name.len() == 64).collect();
    assert_eq!(layers.len(), count, "{layers:?}");
}

#[test]
fn images_come_with_a_deployment_and_go_with_the_last_that_has_them() {
    let open = Registry::start();
    let closed = Registry::start_with_login("user", "password");
    let machine = Machine::new(&[&open, &closed]);
    let apps = publish(&open, &closed, &machine);
    let [old, changed] = apps.tagged.each_ref().map(String::as_str);
    let first = [apps.digested.as_str(), old, &apps.multi, &apps.secret];
    let second = [apps.digested.as_str(), changed, &apps.secret, &apps.new];

    machine.put_os("os", &first);
    machine.deploy("os").ok();
    assert_eq!(machine.images(), sorted(&first));
    assert_eq!(machine.states(), [present(&first)]);
    assert_layers(&machine, 4);
    // podman finds each by its name, mounts it, and a container gets its files.
    for (name, content) in [
        (apps.digested.as_str(), "digested"),
        (old, "tagged 1"),
        (&apps.multi, "multi"),
        (&apps.secret, "secret"),
    ] {
        assert_eq!(machine.mounted_version(name), content);
        assert_eq!(version(&machine, name), content);
    }

    // One is changed, one new, one gone.
    machine.put_os("os", &second);
    let upgraded = machine.host(["upgrade", "--json"]).ok().json();
    let mut pulled = [changed, &apps.new].map(str::to_owned);
    pulled.sort();
    let mut said: Vec<String> =
        serde_json::from_value(upgraded["boundImagesPulled"].clone()).unwrap();
    said.sort();
    assert_eq!(said, pulled);
    assert_eq!(machine.states(), [present(&second), present(&first)]);
    assert_eq!(machine.mounted_version(changed), "tagged 2");
    assert_eq!(version(&machine, &apps.new), "new");
    machine.bound(["verify"]).ok();
    assert_layers(&machine, 6);

    // Gone back to, the old one has its own.
    machine.host(["rollback"]).ok();
    assert_eq!(machine.states(), [present(&first), present(&second)]);
    assert_eq!(version(&machine, old), "tagged 1");
    assert_eq!(machine.mounted_version(&apps.multi), "multi");

    let plan = machine.bound(["prune", "--dry-run"]).ok().json();
    assert_eq!(plan["removed"].as_array().unwrap().len(), 0, "{plan}");
    assert_eq!(plan["kept"].as_array().unwrap().len(), 6, "{plan}");
    let undeployed = machine.host(["undeploy", "1"]).ok();
    for (name, goes) in [(changed, true), (&apps.new, true), (old, false)] {
        let said = undeployed
            .stderr
            .contains(&format!("removed bound image {name}"));
        assert_eq!(said, goes, "{name}: {undeployed}");
    }
    assert_eq!(machine.states(), [present(&first)]);
    assert_eq!(machine.images(), sorted(&first));
    assert_layers(&machine, 4);
    let left = machine.bound(["prune"]).ok().json();
    assert_eq!(left["removed"].as_array().unwrap().len(), 0, "{left}");
}

#[test]
fn a_dry_run_of_the_hosts_prune_has_the_bound_images_too() {
    let registry = Registry::start();
    let machine = Machine::new(&[&registry]);
    let name = |app: &str| format!("{}/{app}:v1", registry.address());
    push(&registry, "app:v1", "app", None);
    push(&registry, "other:v1", "other", None);
    machine.put_os("1", &[&name("app")]);
    machine.deploy("1").ok();
    // Somebody pulls what nobody declares.
    machine.as_bootc(&["pull", "--quiet", &name("other")]).ok();

    let plan = machine.host(["prune", "--dry-run", "--json"]).ok().json();
    let bound = &plan["boundImages"];
    assert_eq!(
        bound["removed"][0]["names"][0],
        name("other").as_str(),
        "{plan}"
    );
    assert!(bound["removed"][0]["bytes"].as_u64().unwrap() > 0, "{plan}");
    // The directories and links that both have are in one layer; its own is not shared.
    let freed = bound["freedBytes"].as_u64().unwrap();
    let whole = bound["removed"][0]["bytes"].as_u64().unwrap();
    assert!((1..=whole).contains(&freed), "{plan}");
    let reasons = bound["kept"][0]["reasons"].to_string();
    assert!(
        reasons.contains(&format!("declares {}", name("app"))),
        "{plan}"
    );
    assert!(plan["objects"].is_u64(), "{plan}");
    let said = machine.host(["prune", "--dry-run"]).ok().stdout;
    let line = format!("Would remove: {} (", name("other"));
    assert!(
        said.contains(&line) && said.contains("no deployment declares it"),
        "{said}"
    );
    assert_eq!(machine.images(), sorted(&[&name("app"), &name("other")]));

    machine.host(["prune"]).ok();
    assert_eq!(machine.images(), [name("app")]);
}

#[test]
fn a_tag_that_moved_is_told_and_the_recorded_image_comes_back() {
    let registry = Registry::start();
    let (machine, name) = Machine::bound_to_one(&registry, "old");
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
    // A pull that has nothing to fetch does not make it right, nor another deployment's.
    machine.bound(["pull"]).ok();
    assert_eq!(machine.states(), [[format!("{name} drifted")]]);
    machine.host(["upgrade"]).ok();
    assert_eq!(machine.states(), [[format!("{name} drifted")]]);
    // The recorded one is still there, and is kept.
    let plan = machine.bound(["prune", "--dry-run"]).ok().json();
    assert_eq!(plan["kept"].as_array().unwrap().len(), 2, "{plan}");

    // Gone altogether, it is pulled as what it was.
    machine.as_bootc(&["rm", "--all", "--force"]).ok();
    assert_eq!(machine.states(), [[format!("{name} missing")]]);
    machine.bound(["pull"]).ok();
    assert_eq!(machine.states(), [[format!("{name} present")]]);
    assert_eq!(version(&machine, &name), "old");
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
    assert_eq!(version(&machine, name), "beside");

    // Nor when it is pulled again as what it was.
    machine.as_bootc(&["rm", name]).ok();
    let source = format!("oci:{}", beside.display());
    machine.bound(["pull", "--bound-from", &source]).ok();
    assert_eq!(machine.states(), [[format!("{name} present")]]);

    // What a killed pull left of blobs is in nobody's way.
    let left = machine.root().join("ostree/bootc/bound.tmp");
    fs::create_dir_all(left.join("7/storage1")).unwrap();
    machine.bound(["prune"]).ok();
    assert!(!left.exists());
}

#[test]
fn an_image_that_a_container_uses_stays_and_is_told() {
    let registry = Registry::start();
    let (machine, name) = Machine::bound_to_one(&registry, "used");
    machine.put_os("2", &[]);
    machine
        .podman(&[
            "create",
            "--name=web",
            "--pull=never",
            &name,
            "/usr/bin/true",
        ])
        .ok();
    machine.deploy("2").ok();
    machine.host(["undeploy", "1"]).ok();
    let plan = machine.bound(["prune"]).ok().json();
    assert_eq!(plan["removed"], serde_json::json!([]), "{plan}");
    assert_eq!(
        plan["kept"][0]["reasons"][0], "container web uses it",
        "{plan}"
    );
    machine.podman(&["rm", "web"]).ok();
    let pruned = machine.bound(["prune"]).ok().json();
    assert_eq!(pruned["removed"][0]["names"][0], name.as_str(), "{pruned}");
    assert_eq!(machine.images(), [""; 0]);
}
