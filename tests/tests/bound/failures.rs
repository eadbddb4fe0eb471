//! What fails, and what is left then.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use test_images::Layer;
use test_images::fault_proxy::{Fault, FaultProxy};
use test_images::registry::Registry;

use whole_program_tests::{Run, program, run};

use crate::harness::{Machine, push};

#[test]
fn a_pull_that_fails_leaves_the_host_as_it_was_and_a_rerun_fetches_what_is_missing() {
    let registry = Registry::start();
    let machine = Machine::new(&[&registry]);
    let at = registry.address();
    let name = |app: &str| format!("{at}/{app}:v1");
    let names = ["a", "b", "c"].map(name);
    let [a, b, c] = names.each_ref().map(String::as_str);
    push(&registry, "a:v1", "a", None);
    push(&registry, "b:v1", "b", None);
    machine.put_os("1", &[a]);
    machine.put_os("2", &[a, b, c]);
    machine.deploy("1").ok();
    let (entries, states) = (machine.boot_entries(), machine.states());

    let failed = machine.deploy("2");
    assert_eq!(failed.code, Some(3), "{failed}");
    assert!(failed.stderr.contains(c), "{failed}");
    assert_eq!(machine.boot_entries(), entries);
    assert_eq!(machine.states(), states);

    push(&registry, "c:v1", "c", None);
    let done = machine.deploy("2").ok();
    // What had come before is not fetched again.
    for (image, times) in [(a, 0), (b, 0), (c, 1)] {
        let line = format!("pulling {image} from registry");
        assert_eq!(done.stderr.matches(&line).count(), times, "{image}: {done}");
    }
    assert_eq!(machine.states()[0].len(), 3);
    machine.bound(["verify"]).ok();
}

/// A search path with all that is needed beside podman.
fn tools_without_podman(machine: &Machine) -> PathBuf {
    let tools = machine.path("tools");
    fs::create_dir(&tools).unwrap();
    for tool in ["sh", "mount", "skopeo", "bwrap", "ostree"] {
        let found = ["/usr/bin", "/bin"].map(|folder| format!("{folder}/{tool}"));
        if let Some(found) = found.iter().find(|path| fs::exists(path).unwrap()) {
            std::os::unix::fs::symlink(found, tools.join(tool)).unwrap();
        }
    }
    tools
}

/// The program with no other search path.
fn run_with(machine: &Machine, tools: &Path, arguments: &[&str]) -> Run {
    let mut command = machine.command("/usr/bin/env");
    command
        .arg(format!("PATH={}", tools.display()))
        .arg(program());
    command.arg("--sysroot").arg(machine.root());
    run(command.args(arguments))
}

#[test]
fn what_cannot_be_looked_at_is_not_called_damaged() {
    let registry = Registry::start();
    let (machine, _) = Machine::bound_to_one(&registry, "app");
    let tools = tools_without_podman(&machine);
    let verified = run_with(&machine, &tools, &["bound", "verify"]);
    assert_eq!(verified.code, Some(9), "{verified}");
    assert!(
        verified.stdout.contains("podman is not installed"),
        "{verified}"
    );
    assert!(
        verified
            .stdout
            .contains("Not everything could be looked at"),
        "{verified}"
    );

    machine.as_bootc(&["rm", "--all", "--force"]).ok();
    let verified = machine.bound(["verify"]);
    assert_eq!(verified.code, Some(5), "{verified}");
}

#[test]
fn without_podman_only_a_host_with_bound_images_is_refused() {
    let machine = Machine::new(&[]);
    machine.put_os("plain", &[]);
    machine.put_os("bound", &["quay.io/exampleos/app:v1"]);
    let tools = tools_without_podman(&machine);
    let deploy = |tag: &str| run_with(&machine, &tools, &["host", "deploy", &machine.os(tag)]);
    deploy("plain").ok();
    // A small layer binds it, which a large one above, that nobody looked into yet, takes back.
    let binding = "file usr/share/app.image \"[Image]\\nImage=quay.io/exampleos/app:v1\\n\"
symlink usr/lib/bootc/bound-images.d/app.image -> /usr/share/app.image";
    machine.put_os_over(
        "freed",
        [Layer::listing(binding).unwrap()],
        &[],
        "file usr/lib/bootc/.wh.bound-images.d \"\"\nfile usr/share/large size=3000000 seed=1",
    );
    deploy("freed").ok();
    let entries = machine.boot_entries();
    let failed = deploy("bound");
    assert_eq!(failed.code, Some(9), "{failed}");
    assert!(
        failed.stderr.contains("podman is not installed"),
        "{failed}"
    );
    // Before anything is fetched.
    assert!(!failed.stderr.contains("stored layer"), "{failed}");
    assert_eq!(machine.boot_entries(), entries);
    assert!(
        failed.stderr.contains("install the package podman"),
        "{failed}"
    );
    // One that is older than any that works.
    let podman = tools.join("podman");
    fs::write(&podman, "#!/usr/bin/sh\necho podman version 3.4.4\n").unwrap();
    fs::set_permissions(&podman, fs::Permissions::from_mode(0o755)).unwrap();
    let failed = deploy("bound");
    assert_eq!(failed.code, Some(9), "{failed}");
    assert!(
        failed.stderr.contains("podman version 3.4.4 is too old"),
        "{failed}"
    );
    assert!(!machine.root().join("ostree/bootc").exists());
}

#[test]
fn a_bad_declaration_is_refused_and_named_before_anything_is_deployed() {
    let machine = Machine::new(&[]);
    machine.put_os_and(
        "bad",
        &[],
        "file usr/lib/bootc/bound-images.d/app.image \"[Image]\"",
    );
    let failed = machine.deploy("bad");
    assert_eq!(failed.code, Some(1), "{failed}");
    assert!(
        failed.stderr.contains("bound-images.d/app.image"),
        "{failed}"
    );
    assert!(failed.stderr.contains("not a symbolic link"), "{failed}");
    assert_eq!(machine.boot_entries(), "");
}

/// What an image declares that its builder got wrong, or means badly.
#[test]
fn hostile_declarations_are_refused_with_a_clear_word_and_nothing_is_deployed() {
    let machine = Machine::new(&[]);
    let link = "symlink usr/lib/bootc/bound-images.d/app.image -> /usr/share/app.image";
    let unit = |text: &str| format!("file usr/share/app.image \"{text}\"\n{link}");
    let crowd: String = (0..10_000)
        .map(|number| format!("symlink usr/lib/bootc/bound-images.d/{number}.image -> /x\n"))
        .collect();
    let cases = [
        (
            "symlink usr/lib/bootc/bound-images.d/app.image -> ../../../../../../../../etc/machine-id".to_owned(),
            "the link leads to nothing inside the image",
        ),
        (
            "symlink usr/lib/bootc/bound-images.d/app.image -> app.image".to_owned(),
            "the link leads to nothing inside the image",
        ),
        (
            unit(r"[Image]\nImage=quay.io/os/%i:1\n"),
            "has a systemd specifier (%i)",
        ),
        (
            unit(r"[Image]\nImage=quay.io/os/app:1%\n"),
            "unfinished specifier",
        ),
        (
            unit(r"[Image]\nImage=quay.io/os/app:1\x1b[2J\n"),
            "control characters",
        ),
        (
            unit(r"[Image]\nImage=--authfile=/etc/shadow\n"),
            "Image=--authfile=/etc/shadow",
        ),
        (
            r#"symlink "usr/lib/bootc/bound-images.d/a\x1bb.image" -> /x"#.to_owned(),
            "control characters",
        ),
        (crowd, "more than 1000 entries"),
    ];
    for (number, (listing, said)) in cases.iter().enumerate() {
        let tag = format!("bad{number}");
        machine.put_os_and(&tag, &[], listing);
        let failed = machine.deploy(&tag);
        assert_eq!(failed.code, Some(1), "{number}: {failed}");
        assert!(failed.stderr.contains(said), "{number}, {said}: {failed}");
        assert!(!failed.stderr.contains('\u{1b}'), "{number}: {failed}");
        assert_eq!(machine.boot_entries(), "", "{number}");
    }
    assert!(!machine.root().join("ostree/bootc").exists());
}

/// In a directory, names and texts can be no text.
#[test]
fn what_is_not_utf_8_is_refused() {
    use std::os::unix::ffi::OsStringExt as _;
    let machine = Machine::new(&[]);
    let refused = |root: &str, said: &str| {
        let failed = machine.bound(["pull", "--root", root]);
        assert_eq!(failed.code, Some(1), "{failed}");
        assert!(failed.stderr.contains(said), "{said}: {failed}");
    };
    let root = machine.directory("text", &["quay.io/os/app:1"]);
    let unit = Path::new(&root).join("usr/share/app0.image");
    fs::write(unit, b"[Image]\nImage=quay.io/os/\xff:1\n").unwrap();
    refused(&root, "it is not UTF-8");
    let root = machine.directory("name", &[]);
    let name = std::ffi::OsString::from_vec(b"a\xff.image".to_vec());
    let links = Path::new(&root).join("usr/lib/bootc/bound-images.d");
    std::os::unix::fs::symlink("/x", links.join(name)).unwrap();
    refused(&root, "the name is not UTF-8");
}

#[test]
fn a_deployment_that_cannot_be_read_keeps_everything() {
    let registry = Registry::start();
    let machine = Machine::new(&[&registry]);
    let name = |app: &str| format!("{}/{app}:v1", registry.address());
    push(&registry, "a:v1", "a", None);
    push(&registry, "b:v1", "b", None);
    machine.put_os("1", &[&name("a")]);
    machine.put_os("2", &[&name("b")]);
    machine.deploy("1").ok();
    let commit = commit_of_first(&machine);
    machine.deploy("2").ok();
    // The first one's unit is gone from the repository, and so is its record.
    let (shard, rest) = commit.split_at(2);
    let objects = machine.root().join("ostree/repo/objects");
    fs::remove_file(objects.join(shard).join(format!("{rest}.commit"))).unwrap();
    fs::remove_dir_all(machine.root().join("ostree/bootc/bound")).unwrap();
    let plan = machine.bound(["prune"]).ok().json();
    assert_eq!(plan["removed"], serde_json::json!([]), "{plan}");
    assert_eq!(plan["unreadable"].as_array().unwrap().len(), 1, "{plan}");
    assert_eq!(machine.images().len(), 2);
}

fn commit_of_first(machine: &Machine) -> String {
    let status = machine.host(["status", "--verbose", "--json"]).ok().json();
    let first = &status["verbose"]["deployments"][0]["checksum"];
    first.as_str().unwrap().to_owned()
}

#[test]
fn a_registry_that_fails_for_a_while_is_asked_again() {
    let registry = Registry::start();
    let proxy = FaultProxy::start(&registry.address());
    let machine = Machine::with_insecure(&[proxy.address()]);
    push(&registry, "app:v1", "app", None);
    machine.put_os("1", &[&format!("{}/app:v1", proxy.address())]);
    // More often than podman itself tries, and than the size is asked for.
    proxy.fail("app/blobs", Fault::Status(503), 5);
    let done = machine.deploy("1").ok();
    assert!(done.stderr.contains("trying again"), "{done}");
    machine.bound(["verify"]).ok();
    // What will not pass is not tried again.
    machine.put_os("2", &[&format!("{}/none:v1", proxy.address())]);
    let failed = machine.deploy("2");
    assert_eq!(failed.code, Some(3), "{failed}");
    assert!(!failed.stderr.contains("trying again"), "{failed}");
}
