//! Deployments with bound images, ended by SIGKILL: what boots, what is kept and what is told stays as it was, and the same
//! command again fetches only what is missing.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use test_images::registry::Registry;
use whole_program_tests::{Run, run};

use crate::harness::{Machine, push};

/// podman, which ends who calls it: before the call whose number is in `$KILL`, or when that is done.
const PODMAN: &str = r#"#!/bin/sh
number=$(flock "$CALLS" sh -c 'echo "$@" >> "$CALLS"; wc -l < "$CALLS"' sh "$@")
if [ "$KILL" = "before $number" ]; then kill -9 $PPID; sleep 60; fi
if [ "$KILL" != "after $number" ]; then exec /usr/bin/podman "$@"; fi
/usr/bin/podman "$@" > /dev/null
kill -9 $PPID
"#;

/// A host with `1`, bound to `a`, that is to get `2`, bound to all.
struct Scene {
    _registry: Registry,
    machine: Machine,
    names: [String; 3],
    entries: String,
    states: Vec<Vec<String>>,
}

impl Scene {
    fn new() -> Self {
        let registry = Registry::start();
        let machine = Machine::new(&[&registry]);
        let names = ["a", "b", "c"].map(|app| {
            push(&registry, &format!("{app}:v1"), app, None);
            format!("{}/{app}:v1", registry.address())
        });
        let all = names.each_ref().map(String::as_str);
        machine.put_os("1", &all[..1]);
        machine.put_os("2", &all);
        machine.deploy("1").ok();
        let (entries, states) = (machine.boot_entries(), machine.states());
        Self {
            _registry: registry,
            machine,
            names,
            entries,
            states,
        }
    }

    fn records(&self) -> usize {
        let folder = self.machine.root().join("ostree/bootc/bound");
        let names = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| name.to_str().unwrap().ends_with(".json"))
            .count()
    }

    fn is_stored(&self, name: &str) -> bool {
        self.machine.as_bootc(&["exists", name]).code == Some(0)
    }

    /// The host is as it was before; a prune would take nothing of what it needs.
    #[track_caller]
    fn assert_as_before(&self, moment: &str) {
        assert_eq!(self.machine.boot_entries(), self.entries, "{moment}");
        assert_eq!(self.machine.states(), self.states, "{moment}");
        let plan = self.machine.bound(["prune", "--dry-run"]).ok().json();
        let removed = plan["removed"].to_string();
        assert!(!removed.contains(&self.names[0]), "{moment}: {plan}");
    }

    /// The same command, undisturbed: what is there is not fetched, and all is there then.
    #[track_caller]
    fn assert_goes_on(&self, moment: &str) {
        let there: Vec<&String> = self
            .names
            .iter()
            .filter(|name| self.is_stored(name))
            .collect();
        let done = self.machine.deploy("2").ok();
        for name in &self.names {
            let times = done
                .stderr
                .matches(&format!("pulling {name} from registry"))
                .count();
            assert_eq!(
                times,
                usize::from(!there.contains(&name)),
                "{moment}: {name}: {done}"
            );
        }
        self.machine.bound(["verify"]).ok();
        assert_eq!(self.machine.states()[0].len(), 3, "{moment}");
        for left in ["bound.tmp", "storage.tmp"] {
            let left = self.machine.root().join("ostree/bootc").join(left);
            assert!(!left.exists(), "{moment}: {}", left.display());
        }
    }
}

/// A deployment of `2` with the podman that kills.
fn deploy_killed(machine: &Machine, kill: &str) -> Run {
    let calls = machine.path("calls");
    fs::write(&calls, "").unwrap();
    let os = machine.os("2");
    let mut command = machine.with_podman(PODMAN, machine.ours(["host", "deploy", &os]));
    run(command.env("KILL", kill).env("CALLS", &calls))
}

/// podman is called before the host's image is fetched, after that, for each image, and when all are there and nothing is
/// recorded yet.
#[test]
fn at_each_call_of_podman() {
    let scene = Scene::new();
    let mut killed = 0;
    'calls: for number in 1..30 {
        for moment in ["before", "after"] {
            let moment = format!("{moment} {number}");
            let run = deploy_killed(&scene.machine, &moment);
            if scene.machine.boot_entries() != scene.entries {
                // What is called then is a prune, which is not a deployment's business.
                break 'calls;
            }
            // By the signal, which the shell around it passes on as its own end.
            assert_eq!(run.code, None, "{moment}: {run}");
            killed += 1;
            scene.assert_as_before(&moment);
        }
    }
    let calls = fs::read_to_string(scene.machine.path("calls")).unwrap();
    assert!(killed >= 6, "{killed}: {calls}");
    // All three came, whatever was killed.
    assert!(scene.names.iter().all(|name| scene.is_stored(name)));
    scene.machine.bound(["verify"]).ok();
}

/// A storage is there when it is whole.
#[test]
fn while_the_storage_is_made() {
    for moment in ["before 3", "after 3"] {
        let registry = Registry::start();
        let machine = Machine::new(&[&registry]);
        push(&registry, "a:v1", "a", None);
        machine.put_os("2", &[&format!("{}/a:v1", registry.address())]);
        // The calls before ask for podman's version.
        let run = deploy_killed(&machine, moment);
        assert_eq!(run.code, None, "{moment}: {run}");
        assert!(!machine.store().exists(), "{moment}");
        assert!(
            machine.root().join("ostree/bootc/storage.tmp").exists(),
            "{moment}"
        );
        assert_eq!(machine.boot_entries(), "", "{moment}");
        machine.deploy("2").ok();
        machine.bound(["verify"]).ok();
        assert!(
            !machine.root().join("ostree/bootc/storage.tmp").exists(),
            "{moment}"
        );
    }
}

/// Killed in the middle of the pulls, the next run fetches what had not come.
#[test]
fn in_the_middle_of_the_pulls() {
    for number in 5..8 {
        let scene = Scene::new();
        let moment = format!("after {number}");
        let run = deploy_killed(&scene.machine, &moment);
        assert_eq!(run.code, None, "{moment}: {run}");
        assert_eq!(scene.records(), 1, "{moment}");
        scene.assert_as_before(&moment);
        scene.assert_goes_on(&moment);
    }
}

/// All images are there and recorded, and there is no deployment yet.
#[test]
fn between_the_record_and_the_deployment() {
    // On a busy machine the moment may pass unseen.
    let scene = (0..8).find_map(|_| killed_after_the_record());
    let scene = scene.expect("one is killed in time");
    scene.assert_as_before("record");
    assert!(scene.names.iter().all(|name| scene.is_stored(name)));
    scene.assert_goes_on("record");
}

/// A scene whose deployment was killed when it had recorded the images; none when that was too late.
fn killed_after_the_record() -> Option<Scene> {
    let scene = Scene::new();
    let os = scene.machine.os("2");
    let mut command = scene.machine.ours(["host", "deploy", &os]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    while scene.records() < 2 && child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(1));
    }
    // Fails only when it has ended.
    let _killed = child.kill();
    child.wait().unwrap();
    (scene.machine.boot_entries() == scene.entries).then_some(scene)
}

/// At any moment, in the middle of a pull too.
#[test]
fn at_any_moment() {
    let scene = Scene::new();
    let os = scene.machine.os("2");
    let mut killed = 0;
    for step in 0..14_u64 {
        let mut command = scene.machine.ours(["host", "deploy", &os]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(40 + step * step * 12));
        if child.try_wait().unwrap().is_none() {
            // The program alone: its podmans end with it.
            child.kill().unwrap();
            killed += 1;
        }
        child.wait().unwrap();
        if scene.machine.boot_entries() != scene.entries {
            break;
        }
        scene.assert_as_before(&format!("step {step}"));
    }
    assert!(killed >= 3, "{killed} were killed");
    scene.assert_goes_on("at last");
}
