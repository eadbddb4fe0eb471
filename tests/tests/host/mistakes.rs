//! What an administrator gets wrong: each time a message that says what to do, the exit code of its kind, and a host as
//! it was.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use test_images::fault_proxy::{Fault, FaultProxy};
use test_images::registry::Registry;
use whole_program_tests::{Run, as_nobody, program, run};

use crate::harness::{Boot, Disk, Host, Os, Shelf};
use crate::images::Images;

/// Ended with this code, and these words on standard error.
#[track_caller]
fn assert_told(run: &Run, code: i32, words: &[&str]) {
    assert_eq!(run.code, Some(code), "{run}");
    for word in words {
        assert!(run.stderr.contains(word), "no {word:?}: {run}");
    }
}

fn at(root: &std::path::Path, arguments: &[&str]) -> Run {
    let mut command = Command::new(program());
    run(command
        .arg("host")
        .args(arguments)
        .arg("--sysroot")
        .arg(root))
}

#[test]
fn what_is_no_host_is_told_how_to_become_one() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        &["upgrade"][..],
        &["rollback"],
        &["prune"],
        &["pin", "0"],
        &["unpin", "0"],
        &["undeploy", "0"],
        &["deploy", "oci:/nowhere:1"],
        &["switch", "oci:/nowhere:1"],
    ] {
        let run = at(folder.path(), arguments);
        assert_told(&run, 3, &["no", "ostree host", "--sysroot", "host init"]);
    }
    let status = at(folder.path(), &["status"]);
    assert_told(&status, 0, &["not the root of an ostree host"]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let missing = at(&folder.path().join("nowhere"), &["status"]);
    assert_told(&missing, 3, &["opening", "nowhere"]);
}

#[test]
fn nothing_is_deployed_yet() {
    let host = Host::new();
    for arguments in [
        &["upgrade"][..],
        &["upgrade", "--download-only"],
        &["rollback"],
    ] {
        assert_told(
            &host.ours(arguments),
            3,
            &["nothing is deployed", "host deploy"],
        );
    }
    for arguments in [["pin", "9"], ["unpin", "0"], ["undeploy", "0"]] {
        assert_told(&host.ours(arguments), 3, &["no deployment", "host deploy"]);
    }
    let from_downloaded = host.ours(["upgrade", "--from-downloaded"]);
    assert_told(&from_downloaded, 3, &["host upgrade --download-only"]);
    let status = host.ours(["status"]).ok();
    assert!(status.stdout.contains("host deploy REFERENCE"), "{status}");
}

#[test]
fn references_and_names_that_lead_nowhere() {
    let shelf = Shelf::of(&[Os::new("1"), Os::new("2")]);
    let host = Host::with(&shelf, &["1"]);
    let before = host.boot_order();
    for verb in ["deploy", "switch"] {
        let unknown = host.ours([verb, &shelf.name("nothing")]);
        assert_told(
            &unknown,
            3,
            &["no image tagged \"nothing\"", "1, 2, latest"],
        );
        let nowhere = host.ours([verb, "oci:/nowhere:1"]);
        assert_told(&nowhere, 3, &["/nowhere"]);
        assert_told(
            &host.ours([verb, "quay.io/A B"]),
            2 - i32::from(verb == "switch"),
            &["A B"],
        );
        // Said before anything is fetched.
        let elsewhere = host.ours([verb, "--stateroot", "other", &shelf.name("2")]);
        assert_told(
            &elsewhere,
            3,
            &["no stateroot other", "host init --stateroot other"],
        );
    }
    assert_eq!(host.refs_below("ostree/container/image/").len(), 1);
    assert_eq!(host.boot_order(), before);
}

#[test]
fn numbers_and_options_that_fit_nothing() {
    let shelf = Shelf::of(&[Os::new("1")]);
    let host = Host::with(&shelf, &["1"]);
    let before = host.boot_order();
    assert_told(
        &host.ours(["deploy", "--stateroot", "a/b", &shelf.name("1")]),
        2,
        &["letters"],
    );
    assert_told(&host.ours(["pin", "9"]), 3, &["no deployment 9", "only 0"]);
    assert_told(
        &host.ours(["pin", "nine"]),
        2,
        &["number", "booted, staged, rollback"],
    );
    for verb in ["pin", "undeploy"] {
        assert_told(
            &host.ours([verb, "staged"]),
            3,
            &["no deployment is staged", "host status"],
        );
    }
    assert_told(
        &host.ours(["undeploy", "booted"]),
        3,
        &["no deployment is booted"],
    );
    assert_told(
        &host.ours(["rollback"]),
        3,
        &["no other deployment", "default"],
    );
    assert_told(
        &host.ours(["upgrade", "--check", "--apply"]),
        2,
        &["--check", "--apply"],
    );
    assert_told(
        &host.ours(["--repo", "/x", "status"]),
        2,
        &["--repo", "--sysroot"],
    );
    host.ours(["pin", "0"]).ok();
    assert_told(
        &host.ours(["undeploy", "0"]),
        1,
        &["pinned", "host unpin 0"],
    );
    host.ours(["unpin", "0"]).ok();
    assert_eq!(host.boot_order(), before);
}

#[test]
fn images_that_could_not_boot() {
    let policy = "file etc/selinux/config \"SELINUXTYPE=x\\n\"\n\
        file etc/selinux/x/policy/policy.33 \"\"\n\
        file etc/selinux/x/contexts/files/file_contexts \"/.* system_u:object_r:x_t:s0\\n\"";
    let shelf = Shelf::of(&[
        Os::new("good"),
        Os::new("without").and("whiteout usr/lib/modules"),
        Os::new("two").and("file usr/lib/modules/7/vmlinuz \"another\""),
        Os::new("empty").and("file usr/lib/modules/6.empty/vmlinuz \"\""),
        Os::new("nameless").without_os_release(),
        Os::new("kargs").and("file usr/lib/bootc/kargs.d/1.toml \"# none\\nkargs = 1\\n\""),
        Os::new("policy").and(policy),
    ]);
    let host = Host::with(&shelf, &["good"]);
    let before = host.boot_order();
    for (tag, words) in [
        (
            "without",
            &["no kernel", "usr/lib/modules/<version>/vmlinuz"][..],
        ),
        ("two", &["more than one kernel", "6.two, 7"]),
        (
            "empty",
            &["kernel is empty", "usr/lib/modules/6.empty/vmlinuz"],
        ),
        ("nameless", &["/usr/lib/os-release"]),
        (
            "kargs",
            &[
                "usr/lib/bootc/kargs.d/1.toml is damaged in line 2",
                "integer",
            ],
        ),
        ("policy", &["SELinux policy", "semodule"]),
    ] {
        for verb in ["deploy", "switch"] {
            let run = host.ours([verb, &shelf.name(tag)]);
            assert_told(&run, 1, &[&[shelf.name(tag).as_str()], words].concat());
        }
    }
    assert_eq!(host.boot_order(), before);
    host.ours(["prune", "--unused-images"]).ok();
    assert_eq!(host.refs_below("ostree/container/image/").len(), 1);
    host.fsck();
}

/// Only a commit that a compose server made can have both: layers have one place for it.
#[test]
fn an_image_with_both_etc_and_usr_etc() {
    let images = Images::new();
    let base = "dir etc\nfile etc/one \"1\"\ndir usr\ndir usr/etc\nfile usr/etc/two \"2\"\n\
        dir usr/lib\nfile usr/lib/os-release \"ID=x\\n\"\ndir usr/lib/modules\ndir usr/lib/modules/6\n\
        file usr/lib/modules/6/vmlinuz \"kernel\"";
    images.base("both", base, &[]);
    let host = Host::new();
    let run = host.ours(["deploy", &images.unverified("both")]);
    assert_told(&run, 1, &["both /etc and /usr/etc"]);
    assert!(host.boot_order().is_empty());
}

#[test]
fn a_full_boot_is_told_before_anything_is_deployed() {
    let kernel = |name: &str, bytes: u64| {
        let modules = "usr/lib/modules/6.large";
        format!(
            "whiteout usr/lib/modules/6.{name}\nfile {modules}/initramfs.img \"the same\"\n\
             file {modules}/vmlinuz size={bytes} seed=1"
        )
    };
    let shelf = Shelf::of(&[
        Os::new("1").and(&kernel("1", 3_000_000)),
        Os::new("2").and(&kernel("2", 3_000_000)),
        Os::new("3").and(&kernel("3", 9_000_000)),
    ]);
    let host = Host::new();
    let boot = Disk::new(6 * 1024 * 1024);
    boot.mount_also_at(&host.root().join("boot"));
    host.ours(["deploy", &shelf.name("1")]).ok();
    let large = host.ours(["switch", &shelf.name("3")]);
    assert_told(&large, 6, &["/boot has", "host prune", "host undeploy"]);
    assert!(!large.stderr.contains("image prune"), "{large}");
    // The same kernel needs no more room.
    host.ours(["switch", &shelf.name("2")]).ok();
    assert_eq!(host.versions(), ["2", "1"]);
    boot.unmount_at(&host.root().join("boot"));
}

#[test]
fn origins_that_cannot_be_upgraded() {
    let shelf = Shelf::of(&[Os::new("1"), Os::new("2")]);
    let host = Host::with(&shelf, &["1"]);
    let deployed = host.boot_order().remove(0);
    let right = deployed.origin();
    let write = |text: &str| fs::write(deployed.origin_file(), text).unwrap();
    shelf.point("latest", "2");

    write(&format!("{right}[packages]\nrequested=vim;\n"));
    for arguments in [&["upgrade"][..], &["switch", &shelf.name("2")]] {
        assert_told(&host.ours(arguments), 1, &["packages", "rpm-ostree reset"]);
    }
    write("[origin]\nrefspec=debian:stable\n");
    assert_told(
        &host.ours(["upgrade"]),
        1,
        &["debian:stable", "host switch REFERENCE"],
    );
    write("[origin]\ncontainer-image-reference=nonsense\n");
    assert_told(&host.ours(["upgrade"]), 1, &["origin", "nonsense"]);
    write("");
    assert_told(
        &host.ours(["upgrade"]),
        1,
        &["no image", "host switch REFERENCE"],
    );
    assert_eq!(host.versions(), ["1"]);
    // And that is what helps.
    host.ours(["switch", &shelf.name("2")]).ok();
    assert_eq!(host.versions(), ["2", "1"]);
}

#[test]
fn an_ordinary_user_is_told_to_be_root() {
    let shelf = Shelf::of(&[Os::new("1")]);
    let host = Host::with(&shelf, &["1"]);
    let root = host.root();
    for arguments in [
        &["upgrade"][..],
        &["rollback"],
        &["pin", "0"],
        &["prune"],
        &["init"],
        &["init", "--stateroot", "mine"],
    ] {
        let mut command = as_nobody(program());
        command.arg("host").args(arguments);
        let run = run(command.arg("--sysroot").arg(&root));
        assert_told(&run, 10, &["as root"]);
        assert!(!run.stderr.contains("hint:"), "{run}");
    }
}

#[test]
fn what_runs_and_what_is_staged_stay() {
    let shelf = Shelf::of(&[Os::new("1"), Os::new("2")]);
    let host = Host::new();
    shelf.point("latest", "1");
    let target = Boot::name("latest");
    host.ours(["deploy", "--target", &target, &shelf.name("latest")])
        .ok();
    shelf.point("latest", "2");
    let boot = Boot::start(&host, &shelf);
    for which in ["booted", "0"] {
        assert_told(
            &boot.ours(["undeploy", which]),
            1,
            &["what runs now", "boot another"],
        );
    }
    boot.ours(["upgrade"]).ok();
    for which in ["staged", "0"] {
        assert_told(
            &boot.ours(["pin", which]),
            1,
            &["staged", "once it has been booted"],
        );
    }
    boot.ours(["undeploy", "staged"]).ok();
    assert_eq!(boot.status()["status"]["staged"], serde_json::Value::Null);
    boot.stop();
    assert_eq!(host.versions(), ["1"]);
}

/// The first one waits for a registry that says nothing more; the second one says who is at work.
#[test]
fn a_second_command_says_who_holds_the_lock() {
    let shelf = Shelf::of(&[Os::new("1").and("file usr/large size=3000000 seed=5")]);
    let host = Host::new();
    let registry = Registry::start();
    registry.push(&shelf.name("1"), "os:1", None);
    let proxy = FaultProxy::start(&registry.address());
    proxy.fail("/blobs/", Fault::StallAfter(10), 1000);
    let reference = format!("docker://{}/os:1", proxy.address());
    let mut first = host.command(["deploy", "--insecure-skip-tls-verification", &reference]);
    let mut first = first
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while proxy.requests("/blobs/") == 0 {
        assert!(first.try_wait().unwrap().is_none(), "it failed at once");
        thread::sleep(Duration::from_millis(20));
    }
    let second = host.ours(["prune", "--lock-timeout", "1"]);
    let holder = format!("bootc-storage (process {})", first.id());
    let told = [&*holder, "gave up after 1 s", "--lock-timeout"];
    // Looking is always possible.
    let status = host.ours(["status"]);
    first.kill().unwrap();
    first.wait().unwrap();
    assert_told(&second, 8, &told);
    assert_told(&status, 0, &[]);
    host.ours(["prune", "--lock-timeout", "1"]).ok();
}
