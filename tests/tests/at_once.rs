//! Several programs at one repository: pulls of the same image, and prunes beside them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use std::{fmt::Write as _, process::Stdio};

use test_images::{Image, Layer};
use whole_program_tests::{Mode, Place, Repo};

/// Four layers of many small files and a large one.
fn image() -> Image {
    Image::of((0..4).map(|number| {
        let mut listing = String::new();
        for file in 0..200 {
            let seed = number * 1000 + file;
            writeln!(listing, "file usr/l{number}/f{file} size=3000 seed={seed}").unwrap();
        }
        writeln!(listing, "file usr/big{number} size=3000000 seed={number}").unwrap();
        Layer::listing(&listing).unwrap()
    }))
}

/// Starts a pull without waiting for it.
fn start(repo: &Repo, reference: &str) -> std::process::Child {
    repo.command("pull", ["--quiet", reference])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn pulls_of_one_image_at_once_all_succeed() {
    let image = image();
    let (place, _) = Place::image(&image);
    let repo = Repo::new(Mode::BareUser);
    let pulls: Vec<_> = (0..3).map(|_| start(&repo, &place.latest())).collect();
    for pull in pulls {
        let output = pull.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }
    assert_eq!(repo.refs().len(), 5);
    repo.check_clean();
}

#[test]
fn a_prune_beside_a_pull_takes_nothing_that_the_pull_needs() {
    let image = image();
    let (place, _) = Place::image(&image);
    let repo = Repo::new(Mode::BareUser);
    for _ in 0..3 {
        let mut pull = start(&repo, &place.latest());
        // Prunes of ours and of ostree's, as long as the pull runs.
        while pull.try_wait().unwrap().is_none() {
            repo.image("prune", [] as [&str; 0]).ok();
            repo.ostree(["prune", "--refs-only"]);
        }
        assert!(pull.wait().unwrap().success());
        repo.check_clean();
        let tree = repo.pulled(&place.latest());
        assert!(tree.has("/usr/big3") && tree.has("/usr/l0/f0"));
        repo.image("remove", [place.latest()]).ok();
    }
}
