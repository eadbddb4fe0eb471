//! Deployments of systems that ask for more: an SELinux policy, a composefs image.

use std::path::Path;
use std::process::Command;

use whole_program_tests::{Run, program, run};

use crate::harness::{Boot, Deployed, Host, Os, Shelf, policy};

const COMPOSEFS: &str = "file usr/lib/ostree/prepare-root.conf \"[composefs]\\nenabled = yes\\n\"";

fn shelf() -> Shelf {
    let policy = policy();
    let os = |version: &str| {
        let os = Os::new(version).and(&policy).and(COMPOSEFS);
        os.and("file etc/shadow 0000 \"\"\ndir etc/ssh\nsymlink etc/mtab -> /proc/mounts")
    };
    Shelf::of(&[os("1"), os("2")])
}

fn label(path: &Path) -> String {
    let mut value = [0; 256];
    let length = rustix::fs::lgetxattr(path, "security.selinux", &mut value[..])
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = String::from_utf8_lossy(&value[..length]).into_owned();
    text.trim_end_matches('\0').to_owned()
}

#[track_caller]
fn assert_labels(deployed: &Deployed, expected: &[(&str, &str)]) {
    for (path, kind) in expected {
        let label = label(&deployed.directory.join(path));
        assert_eq!(label, format!("system_u:object_r:{kind}:s0"), "{path}");
    }
}

/// `composefs check` of a deployment.
fn check_image(host: &Host, deployed: &Deployed) -> Run {
    let mut command = Command::new(program());
    command.args(["composefs", "check", "--repo"]);
    command.arg(host.root().join("ostree/repo"));
    run(command.arg(&deployed.directory))
}

#[test]
fn etc_has_the_labels_of_its_own_policy_and_the_image_is_right() {
    let shelf = shelf();
    let host = Host::with(&shelf, &["1"]);
    let first = host.boot_order().remove(0);
    let image = [
        ("etc", "etc_t"),
        ("etc/shadow", "shadow_t"),
        ("etc/ssh", "etc_t"),
        ("etc/mtab", "etc_t"),
        ("etc/plain", "etc_t"),
        ("usr/lib/os-release", "lib_t"),
    ];
    assert_labels(&first, &image);
    check_image(&host, &first).ok();
    let seed = host.root().join("ostree/deploy/default/var/lib/app/seed");
    assert_eq!(label(&seed), "system_u:object_r:var_lib_t:s0");

    let etc = first.directory.join("etc");
    std::fs::create_dir(etc.join("own")).unwrap();
    std::fs::write(etc.join("own/file"), "").unwrap();
    shelf.point("latest", "2");
    host.ours(["upgrade"]).ok();
    let second = host.boot_order().remove(0);
    assert_labels(&second, &image);
    assert_labels(&second, &[("etc/own", "etc_t"), ("etc/own/file", "etc_t")]);
    assert!(second.read("etc/selinux/rebuilt").starts_with("-N "));
    check_image(&host, &second).ok();
    host.fsck();
}

#[test]
fn a_staged_deployment_has_its_image_and_its_policy_is_set_up() {
    let shelf = shelf();
    let host = Host::new();
    let target = Boot::name("latest");
    let arguments = ["deploy", "--target", &target, &shelf.name("1")];
    host.ours(arguments).ok();
    shelf.point("latest", "2");
    let boot = Boot::start(&host, &shelf);
    boot.ours(["upgrade"]).ok();
    boot.stop();
    let order = host.boot_order();
    assert_eq!(host.versions(), ["2", "1"]);
    assert!(order[0].read("etc/selinux/rebuilt").starts_with("-N "));
    assert_labels(&order[0], &[("etc/shadow", "shadow_t")]);
    check_image(&host, &order[0]).ok();
}

/// An administrator finds out that an image was damaged.
#[test]
fn a_damaged_image_is_found() {
    let shelf = shelf();
    let host = Host::with(&shelf, &["1"]);
    let first = host.boot_order().remove(0);
    let image = first.directory.join(".ostree.cfs");
    let mut bytes = std::fs::read(&image).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    run(Command::new("chattr").arg("-i").arg(&first.directory)).ok();
    std::fs::remove_file(&image).unwrap();
    std::fs::write(&image, bytes).unwrap();
    assert_eq!(check_image(&host, &first).code, Some(5));
}
