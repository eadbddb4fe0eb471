//! Pulls ended by SIGKILL at any moment: the repository stays sound, what was finished is kept, and the next pull
//! completes and leaves nothing of the dead one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panic; how far the killed pulls came is worth reading in the log"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use test_images::{Image, Layer};
use whole_program_tests::{Mode, Place, Repo, program, run};

const LAYERS: usize = 8;
const KILLS: u32 = 50;

/// Enough small files for directories and renames to take time, and enough bytes for the transfer to.
fn image() -> Image {
    let layers = (0..LAYERS).map(|layer| {
        let mut listing = String::new();
        for file in 0..60 {
            let seed = layer * 1000 + file;
            writeln!(
                listing,
                "file usr/l{layer}/d{}/f{file} size={} seed={seed}",
                file % 10,
                500 + file * 50
            )
            .unwrap();
        }
        writeln!(listing, "file usr/l{layer}/big size=1500000 seed={layer}").unwrap();
        if layer > 0 {
            writeln!(
                listing,
                "whiteout usr/l{}/d3\nfile usr/shared \"{layer}\"",
                layer - 1
            )
            .unwrap();
        }
        Layer::listing(&listing).unwrap()
    });
    Image::of(layers)
}

/// What must hold right after a kill, and after the retry; says how many layers the dead pull had finished.
fn assert_survives(repo: &Repo, reference: &str, expected_commit: &str, moment: &str) -> u64 {
    repo.ostree(["fsck", "--quiet"]);
    let refs = repo.refs();
    let finished = refs
        .keys()
        .filter(|name| name.starts_with("ostree/container/blob/"))
        .count() as u64;
    if let Some(commit) = refs
        .iter()
        .find(|(name, _)| name.starts_with("ostree/container/image/"))
    {
        assert_eq!(
            commit.1, expected_commit,
            "{moment}: the image's ref names something else"
        );
    }
    let retried = repo.pull(reference).ok().json();
    assert_eq!(retried["mergeCommit"], expected_commit, "{moment}");
    if retried["unchanged"] == false {
        assert_eq!(
            retried["layersReused"], finished,
            "{moment}: finished layers are fetched again"
        );
        let stored = retried["layersStored"].as_array().unwrap().len() as u64;
        assert_eq!(finished + stored, LAYERS as u64, "{moment}");
    }
    repo.check_clean();
    finished
}

fn reference_run(place: &Place) -> (String, Duration) {
    let repo = Repo::new(Mode::BareUser);
    let started = Instant::now();
    let json = repo.pull(&place.latest()).ok().json();
    (
        json["mergeCommit"].as_str().unwrap().to_owned(),
        started.elapsed(),
    )
}

#[test]
fn fifty_kills_spread_over_the_pull() {
    let (place, _) = Place::image(&image());
    let (expected, duration) = reference_run(&place);
    // How long a pull takes depends on who else uses the disk: the kills go on to its end, whenever that is, and begin anew.
    let step = duration / 16;
    let mut delay = Duration::ZERO;
    let mut killed = 0;
    let mut finished_layers = Vec::new();
    for _ in 0..KILLS {
        let repo = Repo::new(Mode::BareUser);
        let mut pull = repo
            .command("pull", ["--quiet", "--jobs", "2", &place.latest()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(delay);
        pull.kill().unwrap();
        let was_killed = pull.wait().unwrap().code().is_none();
        killed += u32::from(was_killed);
        let moment = format!("killed after {delay:?}, where one took {duration:?}");
        finished_layers.push(assert_survives(&repo, &place.latest(), &expected, &moment));
        delay = match was_killed {
            true => delay + step,
            false => step / 2,
        };
    }
    println!(
        "{killed} of {KILLS} pulls were killed under way; layers they had finished: {finished_layers:?}"
    );
    assert!(
        killed >= KILLS / 2,
        "only {killed} pulls were still running when they were killed"
    );
    assert!(
        finished_layers
            .iter()
            .any(|finished| (1..LAYERS as u64).contains(finished)),
        "no kill came between the first and the last layer: {finished_layers:?}"
    );
}

/// The moments that matter most are system calls; strace kills the program right at the chosen one. Needs strace.
#[test]
fn killed_at_each_kind_of_step() {
    let (place, _) = Place::image(&image());
    let (expected, _) = reference_run(&place);
    for (call, times) in [
        ("mkdirat", [1, 20]),
        ("syncfs", [1, LAYERS]),
        ("linkat", [1, LAYERS]),
        ("renameat2", [1, 300]),
        ("fsync", [1, LAYERS]),
        ("flock", [1, 4]),
        ("unlinkat", [1, 30]),
    ] {
        for nth in times {
            let repo = Repo::new(Mode::BareUser);
            let killed = kill_at(call, nth, &repo, &place.latest());
            let moment = format!("killed at {call} number {nth} ({killed})");
            assert_survives(&repo, &place.latest(), &expected, &moment);
        }
    }
}

/// Whether the call came at all is told for the message.
fn kill_at(call: &str, nth: usize, repo: &Repo, reference: &str) -> &'static str {
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-qq", "-o", "/dev/null", "-e"])
        .arg(format!("trace={call}"))
        .args(["-e", &format!("inject={call}:signal=SIGKILL:when={nth}")])
        .arg(program())
        .args(["image", "pull", "--quiet", "--repo"])
        .arg(AsRef::<Path>::as_ref(&repo.path()))
        .arg(reference);
    if run(&mut strace).code == Some(0) {
        "it was not reached"
    } else {
        "it was reached"
    }
}
