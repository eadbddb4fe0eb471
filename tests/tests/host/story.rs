//! A host's life, on a disk that nothing was booted from: each command, and what it left on the disk.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use test_images::registry::Registry;

use crate::harness::{Deployed, Host, Os, Shelf};

fn shelf() -> Shelf {
    Shelf::of(&[
        Os::new("1").arguments(&["quiet", "console=tty0"]),
        Os::new("2").arguments(&["console=tty0", "audit=0"]),
        Os::new("3")
            .kernel("2")
            .arguments(&["console=tty0", "audit=0"]),
    ])
}

fn origin(image: &str) -> String {
    format!("[origin]\ncontainer-image-reference={image}\n")
}

#[test]
fn a_first_deployment_has_all_that_boots() {
    let shelf = shelf();
    let host = Host::empty();
    let made = host.json(["init", "--stateroot", "os"]);
    assert_eq!(made["repositoryMade"], true, "{made}");
    let again = host.json(["init", "--stateroot", "os"]);
    assert_eq!(
        (&again["repositoryMade"], &again["stateroot"]),
        (&false.into(), &"os".into()),
    );
    assert!(host.boot_order().is_empty());

    shelf.point("latest", "1");
    let name = shelf.name("latest");
    let arguments = [
        "deploy",
        "--stateroot",
        "os",
        "--karg",
        "root=LABEL=root",
        &name,
    ];
    let deployed = host.json(arguments);
    assert_eq!(deployed["staged"], false);
    assert_eq!(deployed["layersStored"], 3);
    assert_eq!(
        deployed["imageDigest"],
        shelf.image("1").manifest_digest.to_string()
    );

    let order = host.boot_order();
    let [first] = order.as_slice() else {
        panic!("{order:#?}");
    };
    assert_eq!(deployed["deployment"]["checksum"], first.commit);
    assert_eq!(first.title, "Test OS 1 (ostree:0)");
    assert_eq!(first.options, ["quiet", "console=tty0", "root=LABEL=root"]);
    assert_eq!(
        (&*first.kernel, &*first.initramfs),
        ("kernel 1", "initramfs 1")
    );
    assert_eq!((&*first.stateroot, &*first.serial), ("os", "0"));
    assert_eq!(
        first.origin(),
        origin(&format!("ostree-unverified-image:{name}"))
    );
    // /etc is a copy of the image's.
    assert_eq!(first.read("etc/plain"), "from the image\n");
    let private = fs::metadata(first.directory.join("etc/app.d/mode")).unwrap();
    assert_eq!(
        (private.mode() & 0o7777, private.uid(), private.gid()),
        (0o600, 5, 6)
    );
    // /var is the stateroot's, filled from the image.
    let seed = host.root().join("ostree/deploy/os/var/lib/app/seed");
    assert_eq!(fs::read_to_string(&seed).unwrap(), "first boot\n");
    let seed = fs::metadata(seed).unwrap();
    assert_eq!(
        (seed.mode() & 0o7777, seed.uid(), seed.nlink()),
        (0o640, 7, 1)
    );
    host.fsck();
}

#[test]
fn upgrade_roll_back_switch_pin_remove() {
    let shelf = shelf();
    let host = Host::with(&shelf, &["1"]);
    let name = shelf.name("latest");
    let first = host.boot_order().remove(0);
    administer(&host, &first);

    // Nothing new.
    let upgrade = ["upgrade", "--unchanged-exit-77"];
    assert_eq!(host.ours(upgrade).code, Some(77));
    let check = host.json(["upgrade", "--check"]);
    assert_eq!(check["available"], false, "{check}");

    shelf.point("latest", "2");
    let check = host.json(["upgrade", "--check"]);
    assert_eq!(
        (&check["available"], &check["version"]),
        (&true.into(), &"2".into())
    );
    assert_eq!(
        (&check["layersMissing"], &check["layersPresent"]),
        (&2.into(), &1.into())
    );
    let upgraded = host.json(upgrade);
    assert_eq!(
        (&upgraded["layersStored"], &upgraded["layersReused"]),
        (&2.into(), &1.into())
    );
    let order = host.boot_order();
    assert_eq!(order[1].commit, first.commit);
    assert_eq!(
        (&*order[0].title, &*order[1].title),
        ("Test OS 2 (ostree:0)", "Test OS 1 (ostree:1)")
    );
    assert_eq!(order[0].options, ["console=tty0", "audit=0"]);
    assert_eq!(
        order[0].origin(),
        origin(&format!("ostree-unverified-image:{name}"))
    );
    check_merge(&host, &order[0]);

    there_and_back(&host, &first);
    another_image(&host, &shelf);
}

fn there_and_back(host: &Host, first: &Deployed) {
    let dry = host.json(["rollback", "--dry-run"]);
    assert_eq!(dry["deployment"]["checksum"], first.commit);
    assert_eq!(host.versions(), ["2", "1"]);
    host.ours(["rollback"]).ok();
    assert_eq!(host.versions(), ["1", "2"]);
    host.ours(["rollback"]).ok();
    assert_eq!(host.versions(), ["2", "1"]);
}

/// Another image to follow, and what has become of the old one when none of its deployments is left.
fn another_image(host: &Host, shelf: &Shelf) {
    host.ours(["pin", "1"]).ok();
    assert!(
        host.boot_order()[1]
            .origin()
            .contains("[libostree-transient]\npinned=true\n")
    );
    let other = shelf.name("3");
    let switched = host.json(["switch", &other]);
    assert_eq!(
        switched["image"],
        format!("ostree-unverified-image:{other}")
    );
    assert_eq!(host.versions(), ["3", "2", "1"]);
    assert_eq!(
        host.boot_order()[0].origin(),
        origin(&format!("ostree-unverified-image:{other}"))
    );
    let refused = host.ours(["undeploy", "2"]).failed();
    assert!(refused.stderr.contains("host unpin 2"), "{refused}");
    host.ours(["unpin", "2"]).ok();
    host.ours(["undeploy", "2"]).ok();
    assert_eq!(host.versions(), ["3", "2"]);
    assert_eq!(host.refs_below("ostree/container/image/").len(), 2);
    host.ours(["undeploy", "1"]).ok();
    assert_eq!(host.versions(), ["3"]);
    assert_eq!(host.refs_below("ostree/container/image/").len(), 1);
    assert_eq!(host.refs_below("ostree/container/blob/").len(), 3);
    host.ours(["prune"]).ok();
    assert_eq!(host.refs_below("ostree/container/blob/").len(), 3);
    host.fsck();
}

/// An installer fetches from a mirror what the host will follow elsewhere.
#[test]
fn from_a_registry_for_another_one() {
    let shelf = shelf();
    let registry = Registry::start();
    registry.push(&shelf.name("1"), "os:stable", None);
    let name = format!("docker://{}/os:stable", registry.address());
    let host = Host::new();
    let plain = "--insecure-skip-tls-verification";
    let target = "ostree-unverified-registry:quay.io/example/os:stable";
    host.ours(["deploy", plain, "--target", target, &name]).ok();
    let deployed = host.boot_order().remove(0);
    assert_eq!(deployed.origin(), origin(target));
    let status = host.json(["status"]);
    let image = &status["status"]["otherDeployments"][0]["image"];
    assert_eq!(image["image"]["image"], "quay.io/example/os:stable");
    assert_eq!(
        image["imageDigest"],
        shelf.image("1").manifest_digest.to_string()
    );
    let images = host.refs_below("ostree/container/image/");
    assert_eq!(images.len(), 1);
    assert!(images[0].contains("quay_2E_io"), "{images:?}");

    // Followed where it was fetched, it is one more name of the same image: nothing is fetched, the order changes.
    let switched = host.json(["switch", plain, &name]);
    assert_eq!(switched["layersStored"], 0, "{switched}");
    registry.push(&shelf.name("2"), "os:stable", None);
    let upgraded = host.json(["upgrade", plain]);
    assert_eq!(upgraded["layersStored"], 2, "{upgraded}");
    assert_eq!(host.versions(), ["2", "1"]);
    host.fsck();
}

/// What a look for updates found is noted beside the commit, except where the initramfs would take the note for a
/// signature.
#[test]
fn what_a_check_found_is_noted_unless_the_boot_is_signed() {
    let shelf = shelf();
    for (argument, noted) in [
        ("quiet", true),
        ("ostree.prepare-root.composefs=signed", false),
    ] {
        let host = Host::new();
        shelf.point("latest", "1");
        host.ours(["deploy", "--karg", argument, &shelf.name("latest")])
            .ok();
        let deployed = host.boot_order().remove(0);
        shelf.point("latest", "2");
        assert_eq!(host.json(["upgrade", "--check"])["available"], true);
        let status = host.json(["status"]);
        let found = &status["status"]["otherDeployments"][0]["cachedUpdate"];
        let note = host
            .commit_file(&deployed.commit)
            .with_extension("commitmeta");
        assert_eq!(
            (found.is_object(), note.exists()),
            (noted, noted),
            "{argument}"
        );
        shelf.point("latest", "1");
        assert_eq!(host.json(["upgrade", "--check"])["available"], false);
        assert!(
            !note.exists(),
            "{argument}: nothing is to be noted any more"
        );
    }
}

/// Two systems on one disk: what one does leaves the other alone.
#[test]
fn two_stateroots() {
    let shelf = shelf();
    let host = Host::with(&shelf, &["1"]);
    host.ours(["init", "--stateroot", "other"]).ok();
    let name = shelf.name("3");
    host.ours(["deploy", "--stateroot", "other", &name]).ok();
    assert_eq!(host.versions(), ["3", "1"]);
    let order = host.boot_order();
    assert_eq!(
        (&*order[0].stateroot, &*order[1].stateroot),
        ("other", "default")
    );
    let seed = host.root().join("ostree/deploy/other/var/lib/app/seed");
    assert_eq!(fs::read_to_string(seed).unwrap(), "first boot\n");
    shelf.point("latest", "2");
    host.ours(["upgrade", "--stateroot", "default"]).ok();
    assert_eq!(host.versions(), ["2", "3", "1"]);
    let none = host.ours(["upgrade", "--unchanged-exit-77", "--stateroot", "other"]);
    assert_eq!(none.code, Some(77), "{none}");
    // A rollback stays in the stateroot of what boots.
    host.ours(["rollback"]).ok();
    assert_eq!(host.versions()[0], "1");
    host.fsck();
}

/// What an administrator does between deployment and upgrade.
fn administer(host: &Host, deployed: &Deployed) {
    let etc = deployed.directory.join("etc");
    fs::write(etc.join("plain"), "mine\n").unwrap();
    fs::write(etc.join("own"), "only here\n").unwrap();
    fs::remove_file(etc.join("link")).unwrap();
    let var = host.root().join("ostree/deploy/default/var");
    fs::write(var.join("lib/app/seed"), "used\n").unwrap();
}

/// `/etc` of the next deployment: theirs where it was changed, the image's elsewhere; `/var` as it was left.
fn check_merge(host: &Host, deployed: &Deployed) {
    assert_eq!(deployed.read("etc/plain"), "mine\n");
    assert_eq!(deployed.read("etc/own"), "only here\n");
    assert_eq!(deployed.read("etc/version"), "2");
    assert!(!deployed.directory.join("etc/link").exists());
    let var = host.root().join("ostree/deploy/default/var");
    assert_eq!(
        fs::read_to_string(var.join("lib/app/seed")).unwrap(),
        "used\n"
    );
}
