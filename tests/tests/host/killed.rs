//! Upgrades ended by SIGKILL at any moment: what boots is what booted before or the new one, each complete; the status
//! works; the same command again completes, and nothing of the dead one is left.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use whole_program_tests::{program, run, snapshot};

use crate::harness::{Boot, Deployed, Host, Os, Shelf};

const VERSIONS: [&str; 3] = ["1", "2", "3"];

/// Three versions that share little, so that each upgrade fetches and each one prunes.
fn shelf() -> Shelf {
    let os = |version: &&str| {
        let mut files = String::new();
        for file in 0..60 {
            let (size, seed) = (1000 + file * 100, format!("{version}{file}"));
            writeln!(
                files,
                "file usr/lib/d{}/f{file} size={size} seed={seed}",
                file % 7
            )
            .unwrap();
        }
        Os::new(version).and(&files)
    };
    Shelf::of(&VERSIONS.map(|version| os(&version)))
}

/// What boots, by version, after everything that boots was compared with its commit.
#[track_caller]
fn complete_versions(host: &Host, moment: &str) -> Vec<String> {
    let order = host.entries();
    let names: Vec<String> = order
        .iter()
        .map(|one| format!("{} {}.{}", one.stateroot, one.commit, one.serial))
        .collect();
    assert_eq!(host.admin_status(), names, "{moment}");
    for deployed in &order {
        assert_complete(host, deployed, moment);
    }
    let status = host.json(["status", "--verbose"]);
    for deployment in status["verbose"]["deployments"].as_array().unwrap() {
        assert_eq!(deployment["problems"], serde_json::json!([]), "{moment}");
    }
    order.iter().map(|one| one.read("usr/version")).collect()
}

/// All that its commit has is there, as it is in a checkout of libostree's, and its kernel in `/boot`.
#[track_caller]
fn assert_complete(host: &Host, deployed: &Deployed, moment: &str) {
    let checkout = host.root().join("checkout");
    let place = checkout.to_str().unwrap();
    host.ostree(&["checkout", "-H", &deployed.commit, place]);
    let mut found = snapshot(&deployed.directory);
    let expected = snapshot(&checkout);
    fs::remove_dir_all(&checkout).unwrap();
    found.retain(|path, _| path != "etc" && !path.starts_with("etc/"));
    assert!(
        found == expected,
        "{moment}: {} is incomplete",
        deployed.commit
    );
    assert!(deployed.directory.join("etc/version").exists(), "{moment}");
    let version = deployed.read("usr/version");
    assert_eq!(deployed.kernel, format!("kernel {version}"), "{moment}");
    assert_eq!(
        deployed.initramfs,
        format!("initramfs {version}"),
        "{moment}"
    );
    assert!(
        deployed.origin().contains("container-image-reference="),
        "{moment}"
    );
    host.fsck();
}

/// Directories of deployments, kernels and unfinished work are those of the boot order, and no more.
#[track_caller]
fn assert_nothing_left(host: &Host, moment: &str) {
    let order = host.boot_order();
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(host.root().join(folder)).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    let mut expected = BTreeSet::new();
    for one in &order {
        let name = format!("{}.{}", one.commit, one.serial);
        expected.insert(format!("{name}.origin"));
        expected.insert(name);
    }
    let deployments = names("ostree/deploy/default/deploy");
    assert_eq!(deployments, expected, "{moment}");
    assert_eq!(names("boot/ostree").len(), order.len(), "{moment}: kernels");
    let left: Vec<String> = names("ostree/repo/tmp")
        .into_iter()
        .filter(|name| name != "cache" && !name.ends_with(".lock"))
        .collect();
    assert!(left.is_empty(), "{moment}: {left:?}");
    host.fsck();
    let images = host.refs_below("ostree/container/image/");
    assert_eq!(images.len(), 1, "{moment}: {images:?}");
}

/// A host with `1` before `2`, whose next upgrade is `3`; upgrades go round.
struct Round {
    shelf: Shelf,
    host: Host,
    /// Place of what boots first in [`VERSIONS`].
    current: usize,
}

impl Round {
    fn new() -> Self {
        let shelf = shelf();
        let host = Host::with(&shelf, &VERSIONS[..2]);
        Self {
            shelf,
            host,
            current: 1,
        }
    }

    /// What boots now, and what did before, and what comes next.
    fn versions(&self) -> [&'static str; 3] {
        let at = |steps: usize| VERSIONS[(self.current + steps) % VERSIONS.len()];
        [at(0), at(2), at(1)]
    }

    /// An upgrade that nobody disturbs, to know how long one takes.
    fn measure(&mut self) -> Duration {
        self.shelf.point("latest", self.versions()[2]);
        let started = Instant::now();
        self.host.ours(["upgrade"]).ok();
        self.current += 1;
        started.elapsed()
    }

    /// An upgrade that nobody disturbs, to know which of its process's ioctl(2) the first one of this kind is.
    fn trace_upgrade(&mut self, kind: &str) -> u32 {
        self.shelf.point("latest", self.versions()[2]);
        let log = self.host.beside().join("strace.log");
        let mut strace = Command::new("strace");
        strace
            .args(["-f", "-qq", "-e", "trace=ioctl", "-o"])
            .arg(&log);
        strace.arg(program()).args(["host", "upgrade", "--sysroot"]);
        run(strace.arg(self.host.root())).ok();
        self.current += 1;
        let log = fs::read_to_string(log).unwrap();
        let found = log.lines().find(|line| line.contains(kind));
        let process = found.unwrap_or_else(|| panic!("no {kind}: {log}"));
        let process = process.split_whitespace().next().unwrap();
        let own = log
            .lines()
            .filter(|line| line.starts_with(process) && line.contains("ioctl("));
        let place = own.take_while(|line| !line.contains(kind)).count();
        u32::try_from(place).unwrap() + 1
    }

    /// Begins an upgrade, which `kill` ends; checks what is there; completes it. Whether the new version booted already.
    fn survive(&mut self, moment: &str, kill: impl FnOnce(&Host)) -> bool {
        let [current, before, next] = self.versions();
        self.shelf.point("latest", next);
        kill(&self.host);
        let found = complete_versions(&self.host, moment);
        let is_new = found == [next, current];
        assert!(is_new || found == [current, before], "{moment}: {found:?}");
        self.host.ours(["upgrade"]).ok();
        assert_eq!(
            complete_versions(&self.host, moment),
            [next, current],
            "{moment}"
        );
        assert_nothing_left(&self.host, moment);
        self.current += 1;
        is_new
    }
}

/// Six of thirty moments, spread over the time that an upgrade takes.
fn six_kills(first: u32) {
    let mut round = Round::new();
    let mut duration = round.measure();
    let mut killed = 0;
    for number in (first..30).step_by(5) {
        let delay = duration * number / 30;
        round.survive(&format!("killed after {delay:?} of {duration:?}"), |host| {
            let mut upgrade = host.command(["upgrade", "--quiet"]);
            let upgrade = upgrade.stdout(Stdio::null()).stderr(Stdio::null());
            let mut upgrade = upgrade.spawn().unwrap();
            thread::sleep(delay);
            upgrade.kill().unwrap();
            if upgrade.wait().unwrap().code().is_none() {
                killed += 1;
            } else {
                // The machine has less to do than when this was measured.
                duration = delay;
            }
        });
    }
    assert!(
        killed >= 2,
        "only {killed} were under way when they were killed"
    );
}

#[test]
fn thirty_kills_spread_over_an_upgrade_1() {
    six_kills(0);
}

#[test]
fn thirty_kills_spread_over_an_upgrade_2() {
    six_kills(1);
}

#[test]
fn thirty_kills_spread_over_an_upgrade_3() {
    six_kills(2);
}

#[test]
fn thirty_kills_spread_over_an_upgrade_4() {
    six_kills(3);
}

#[test]
fn thirty_kills_spread_over_an_upgrade_5() {
    six_kills(4);
}

/// The moments that matter most are system calls; strace kills the program right at the chosen one.
fn kill_at(call: &str, nth: u32, host: &Host) -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e"]);
    strace.arg(format!("trace={call}"));
    strace.args(["-e", &format!("inject={call}:signal=SIGKILL:when={nth}")]);
    strace
        .arg(program())
        .args(["host", "upgrade", "--quiet", "--sysroot"]);
    run(strace.arg(host.root())).code != Some(0)
}

#[test]
fn killed_where_the_boot_order_changes() {
    let mut round = Round::new();
    let mut reached = 0;
    let mut orders = BTreeSet::new();
    // The links of the boot order, the bits that protect a deployment, and the syncs before and after.
    for (call, times) in [
        ("symlinkat", &[1, 2, 3][..]),
        ("renameat", &[1, 2, 3]),
        ("syncfs", &[3, 4, 5]),
        ("ioctl", &[2, 4]),
    ] {
        for nth in times {
            let moment = format!("killed at {call} number {nth}");
            let is_new = round.survive(&moment, |host| {
                reached += u32::from(kill_at(call, *nth, host));
            });
            orders.insert(is_new);
        }
    }
    assert!(reached >= 6, "only {reached} of the calls came");
    assert_eq!(orders.len(), 2, "no kill before or none after the change");
}

/// Between freezing and thawing `/boot`, for which libostree's own watchdog does nothing.
#[test]
fn killed_while_the_file_system_is_frozen() {
    let mut round = Round::new();
    let thaws = round.trace_upgrade("FITHAW");
    let killed = round.survive("killed before it thaws", |host| {
        assert!(kill_at("ioctl", thaws, host), "it was to be killed");
    });
    assert!(!killed, "the order is written after that");
}

#[test]
fn killed_while_it_cleans_up() {
    let mut round = Round::new();
    let mut reached = 0;
    for nth in [1, 5, 20, 60, 100, 140] {
        round.survive(&format!("killed at unlinkat number {nth}"), |host| {
            reached += u32::from(kill_at("unlinkat", nth, host));
        });
    }
    assert!(reached >= 4, "only {reached} of the calls came");
}

/// On a host that runs, nothing of the boot order changes before shutdown.
#[test]
fn killed_while_it_stages() {
    let shelf = shelf();
    let host = Host::new();
    shelf.point("latest", "1");
    let target = Boot::name("latest");
    host.ours(["deploy", "--target", &target, &shelf.name("latest")])
        .ok();
    let boot = Boot::start(&host, &shelf);
    shelf.point("latest", "2");
    let started = Instant::now();
    boot.ours(["upgrade"]).ok();
    let duration = started.elapsed();
    boot.stop();
    let mut staged_when_killed = 0;
    for number in 0..6_u32 {
        let [current, next] = [1, 2].map(|steps| VERSIONS[(number as usize + steps) % 3]);
        shelf.point("latest", next);
        let boot = Boot::start(&host, &shelf);
        let moment = format!("killed after {number}/6 of {duration:?}");
        let mut upgrade = boot.command(["bootc-storage", "host", "upgrade", "--quiet"]);
        let upgrade = upgrade.stdout(Stdio::null()).stderr(Stdio::null());
        let mut upgrade = upgrade.process_group(0).spawn().unwrap();
        thread::sleep(duration * number / 6);
        // All of them: the one that enters the namespaces may have to begin yet.
        rustix::process::kill_process_group(Pid::from_child(&upgrade), Signal::KILL).unwrap();
        upgrade.wait().unwrap();
        assert_eq!(complete_versions(&host, &moment)[0], current, "{moment}");
        let staged = boot.status()["status"]["staged"].clone();
        let version = staged["image"]["version"].as_str();
        assert!(version.is_none_or(|version| version == next), "{moment}");
        staged_when_killed += u32::from(version.is_some());
        let released = version.is_some() && staged["downloadOnly"] == false;
        // The system goes down right after, or the command is given again.
        if number % 2 == 0 {
            boot.stop();
            let found = complete_versions(&host, &moment);
            assert_eq!(found[0], if released { next } else { current }, "{moment}");
            let boot = Boot::start(&host, &shelf);
            boot.ours(["upgrade"]).ok();
            boot.stop();
        } else {
            boot.ours(["upgrade"]).ok();
            assert_eq!(boot.status()["status"]["staged"]["image"]["version"], next);
            boot.stop();
        }
        assert_eq!(
            complete_versions(&host, &moment),
            [next, current],
            "{moment}"
        );
    }
    assert!(staged_when_killed < 6, "every kill came too late");
}
