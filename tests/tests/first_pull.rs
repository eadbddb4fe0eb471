//! The first pull into a repository that is not there yet, and one that has no room.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use test_images::{Image, Layer};
use whole_program_tests::{Mode, Place, Repo, Run, program, run};

fn image() -> Place {
    let layer = Layer::listing("file usr/x \"1\"").unwrap();
    Place::image(&Image::of([layer])).0
}

fn pull(repo: &Path, reference: &str, options: &[&str]) -> Run {
    let mut command = Command::new(program());
    command.args(["image", "pull", "--repo"]).arg(repo);
    run(command.args(options).arg(reference))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn a_repository_is_made_only_for_an_image_that_is_there() {
    let place = image();
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("empty");
    fs::create_dir(&inside).unwrap();
    for repo in [folder.path().join("missing/repo"), inside] {
        let absent = pull(&repo, &place.tag("absent"), &[]).failed();
        assert_eq!(absent.code, Some(3), "{absent}");
        assert!(!absent.stderr.contains("made the repository"), "{absent}");
        assert_eq!(names(folder.path()), ["empty"], "{absent}");
        assert!(names(&folder.path().join("empty")).is_empty(), "{absent}");
    }
    let repo = folder.path().join("empty");
    let made = pull(&repo, &place.latest(), &[]).ok();
    assert!(made.stderr.contains("made the repository"), "{made}");
    assert_eq!(names(folder.path()), ["empty"]);
    let left = names(&repo);
    assert!(
        !left.iter().any(|name| name.starts_with(".bootc-storage")),
        "{left:?}"
    );
    let again = pull(&repo, &place.latest(), &[]).ok();
    assert!(!again.stderr.contains("made the repository"), "{again}");
}

#[test]
fn what_does_not_fit_is_planned_all_the_same() {
    let place = image();
    let repo = Repo::new(Mode::BareUser);
    repo.ostree(["config", "set", "core.min-free-space-size", "900TB"]);
    let dry = repo.image("pull", ["--dry-run", &place.latest()]).failed();
    assert_eq!(dry.code, Some(6), "{dry}");
    assert!(dry.stdout.contains("missing"), "the plan: {dry}");
    assert!(dry.stderr.contains("not enough space"), "{dry}");
    assert!(dry.stderr.contains(" TB"), "sizes for people: {dry}");
    assert!(!dry.stderr.contains("prune"), "nothing to prune: {dry}");

    let plan = repo.image("pull", ["--dry-run", "--json", &place.latest()]);
    assert_eq!(plan.code, Some(6), "{plan}");
    assert_eq!(plan.json()["space"]["fits"], false, "one document: {plan}");
    let refused = repo.pull(&place.latest()).failed();
    assert_eq!(refused.json()["error"]["kind"], "no-space", "{refused}");
}

#[test]
fn prune_is_advised_when_there_is_something_to_prune() {
    let place = image();
    let repo = Repo::new(Mode::BareUser);
    let pulled = repo.pull(&place.latest()).ok().json();
    repo.ostree(["refs", "--delete", pulled["ref"].as_str().unwrap()]);
    repo.ostree(["config", "set", "core.min-free-space-size", "900TB"]);
    let other = Layer::listing("file usr/other \"2\"").unwrap();
    let other = Place::image(&Image::of([other])).0;
    let refused = repo.image("pull", [other.latest()]).failed();
    assert_eq!(refused.code, Some(6), "{refused}");
    assert!(refused.stderr.contains("image prune"), "{refused}");
}
