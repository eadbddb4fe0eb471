//! `host status` of hosts that are damaged in one place: that is said, all else is shown, and it is what bootc's schema
//! has. All of it as an ordinary user.

use std::fs;
use std::process::Command;

use serde_json::Value;
use whole_program_tests::{Run, as_nobody, program, run};

use crate::harness::{Deployed, Host, Os, Shelf};
use crate::schema::faults;

const SCHEMA: &str =
    include_str!("../../../crates/bootc-storage/tests/data/bootc/host-v1.schema.json");

fn shelf() -> Shelf {
    Shelf::of(&[Os::new("1"), Os::new("2")])
}

fn status(host: &Host, arguments: &[&str]) -> Run {
    let mut command = as_nobody(program());
    command.args(["host", "status"]).args(arguments);
    run(command.arg("--sysroot").arg(host.root())).ok()
}

/// The document, after bootc's schema has judged it.
fn document(host: &Host) -> Value {
    let plain = status(host, &["--format", "json"]).json();
    let schema = serde_json::from_str(SCHEMA).unwrap();
    assert_eq!(faults(&schema, &plain), [""; 0], "{plain:#}");
    let verbose = status(host, &["--verbose", "--format", "json"]).json();
    assert_eq!(verbose["status"], plain["status"]);
    verbose
}

/// Versions of all deployments, `-` where the image is unknown.
fn versions(document: &Value) -> Vec<&str> {
    let all = document["status"]["otherDeployments"].as_array().unwrap();
    all.iter()
        .map(|one| one["image"]["version"].as_str().unwrap_or("-"))
        .collect()
}

/// Problems of all deployments.
fn problems(document: &Value) -> Vec<String> {
    let all = document["verbose"]["deployments"].as_array().unwrap();
    all.iter()
        .map(|one| {
            let problems = one["problems"].as_array().unwrap().iter();
            let problems = problems.map(|problem| problem.as_str().unwrap());
            problems.collect::<Vec<_>>().join("; ")
        })
        .collect()
}

#[test]
fn a_sound_host_has_no_problem() {
    let shelf = shelf();
    let host = Host::with(&shelf, &["1", "2"]);
    let found = document(&host);
    assert_eq!(versions(&found), ["2", "1"]);
    assert_eq!(problems(&found), ["", ""]);
    assert_eq!(found["verbose"]["brokenEntries"], serde_json::json!([]));
    assert_eq!(found["spec"]["image"]["transport"], "oci");
    let image = &found["status"]["otherDeployments"][0]["image"];
    assert_eq!(
        image["imageDigest"],
        shelf.image("2").manifest_digest.to_string()
    );
    let text = status(&host, &[]).stdout;
    for word in [
        "0  ostree-unverified-image:oci:",
        "Version:   2",
        "rollback",
    ] {
        assert!(text.contains(word), "no {word:?}: {text}");
    }
    let yaml = status(&host, &["--format", "yaml"]).stdout;
    assert!(
        yaml.contains("apiVersion: org.containers.bootc/v1"),
        "{yaml}"
    );
}

#[test]
fn an_origin_that_is_broken_or_missing() {
    let shelf = shelf();
    let host = Host::with(&shelf, &["1", "2"]);
    let [first, second] = two(&host);
    for (deployed, expected) in [(&first, "its origin file"), (&second, "its origin file")] {
        let right = deployed.origin();
        for damage in [Some("[origin\nthis is none"), None] {
            match damage {
                Some(text) => fs::write(deployed.origin_file(), text).unwrap(),
                None => fs::remove_file(deployed.origin_file()).unwrap(),
            }
            let found = document(&host);
            let place = usize::from(deployed.commit == second.commit);
            assert!(problems(&found)[place].contains(expected), "{found:#}");
            assert_eq!(problems(&found)[1 - place], "");
            let other = ["2", "1"][1 - place];
            assert_eq!(versions(&found)[1 - place], other);
            let text = status(&host, &[]).stdout;
            assert!(text.contains("Problem:   its origin file"), "{text}");
            if damage.is_none() {
                let pinned = host.ours(["pin", &place.to_string()]);
                assert_eq!(pinned.code, Some(5), "{pinned}");
                assert!(pinned.stderr.contains(".origin"), "{pinned}");
            }
        }
        fs::write(deployed.origin_file(), right).unwrap();
        assert_eq!(versions(&document(&host)), ["2", "1"]);
    }
}

#[test]
fn refs_that_are_missing_are_not_needed_to_see() {
    let shelf = shelf();
    let host = Host::with(&shelf, &["1", "2"]);
    let layer = shelf.image("2").blobs[0].0.to_string();
    host.remove_ref(&format!(
        "ostree/container/blob/{}",
        layer.replace(':', "_3A_")
    ));
    let found = document(&host);
    assert_eq!(
        (versions(&found), problems(&found)),
        (vec!["2", "1"], vec![String::new(); 2])
    );
    for name in host.refs_below("ostree/container/image/") {
        host.remove_ref(&format!("ostree/container/image/{name}"));
    }
    let found = document(&host);
    assert_eq!(
        (versions(&found), problems(&found)),
        (vec!["2", "1"], vec![String::new(); 2])
    );
    // The next upgrade brings back what is missing, and nothing else.
    let upgraded = host.json(["upgrade"]);
    assert_eq!(
        (&upgraded["layersStored"], &upgraded["layersReused"]),
        (&1.into(), &2.into()),
        "{upgraded}"
    );
    assert_eq!(host.refs_below("ostree/container/image/").len(), 1);
    assert_eq!(host.versions(), ["2", "1"]);
}

#[test]
fn a_commit_that_is_missing_is_said_of_its_deployment() {
    let shelf = shelf();
    let host = Host::with(&shelf, &["1", "2"]);
    let [first, second] = two(&host);
    fs::remove_file(host.commit_file(&second.commit)).unwrap();
    let found = document(&host);
    assert_eq!(versions(&found), ["2", "-"]);
    assert!(problems(&found)[1].contains(&second.commit), "{found:#}");
    assert_eq!(problems(&found)[0], "");
    fs::write(host.commit_file(&first.commit), "rubbish").unwrap();
    let found = document(&host);
    assert_eq!(versions(&found), ["-", "-"]);
    assert!(problems(&found).iter().all(|one| !one.is_empty()));
}

#[test]
fn entries_and_directories_that_lead_nowhere() {
    let shelf = shelf();
    let host = Host::with(&shelf, &["1", "2"]);
    let [_, second] = two(&host);
    let entries = host.root().join("boot/loader/entries");
    let stray = "title Gone\nversion 9\noptions quiet ostree=/ostree/boot.0/default/abcd/0\n";
    fs::write(entries.join("ostree-9-default.conf"), stray).unwrap();
    fs::write(entries.join("ostree-8-default.conf"), "title No options\n").unwrap();
    fs::write(entries.join("other.conf"), "title Not ours\nlinux /x\n").unwrap();
    let found = document(&host);
    assert_eq!(
        (versions(&found), problems(&found)),
        (vec!["2", "1"], vec![String::new(); 2])
    );
    let broken = found["verbose"]["brokenEntries"].as_array().unwrap();
    let files: Vec<&Value> = broken.iter().map(|entry| &entry["file"]).collect();
    assert_eq!(files, ["ostree-8-default.conf", "ostree-9-default.conf"]);
    let run = status(&host, &[]);
    assert!(
        run.stderr.contains("boot entry ostree-9-default.conf"),
        "{run}"
    );

    // libostree refuses all of it then; what to do is said.
    let refused = host.ours(["upgrade"]);
    assert_eq!(refused.code, Some(5), "{refused}");
    assert!(
        refused
            .stderr
            .contains("boot entry ostree-9-default.conf: "),
        "{refused}"
    );
    assert!(refused.stderr.contains("boot/loader/entries"), "{refused}");
    for name in [
        "ostree-9-default.conf",
        "ostree-8-default.conf",
        "other.conf",
    ] {
        fs::remove_file(entries.join(name)).unwrap();
    }
    assert_eq!(host.ours(["upgrade", "--unchanged-exit-77"]).code, Some(77));

    run_chattr(&second);
    fs::rename(&second.directory, host.root().join("ostree/moved")).unwrap();
    let found = document(&host);
    assert!(problems(&found)[1].contains("is missing"), "{found:#}");
    let refused = host.ours(["rollback"]);
    assert_eq!(refused.code, Some(5), "{refused}");
    assert!(
        refused.stderr.contains("its directory is missing"),
        "{refused}"
    );
    assert_eq!(versions(&found), ["2", "1"]);
}

#[test]
fn a_repository_that_cannot_be_read_hides_no_deployment() {
    let shelf = shelf();
    let host = Host::with(&shelf, &["1", "2"]);
    fs::write(host.root().join("ostree/repo/config"), "rubbish").unwrap();
    let found = document(&host);
    assert_eq!(versions(&found), ["-", "-"]);
    assert!(
        problems(&found)
            .iter()
            .all(|one| one.contains("repository"))
    );
}

fn two(host: &Host) -> [Deployed; 2] {
    host.boot_order().try_into().unwrap()
}

fn run_chattr(deployed: &Deployed) {
    run(Command::new("chattr").arg("-i").arg(&deployed.directory)).ok();
}
