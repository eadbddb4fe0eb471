//! fs-verity in a pull: required and maybe, where no file system can have it. Needs root.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panic, and opens paths of the host"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use test_images::{Image, Layer, Layout};
use whole_program_tests::{Mode, Place, Repo, program, run, tool};

/// A repository on a tmpfs, which never has fs-verity.
struct OnTmpfs(Repo);

impl OnTmpfs {
    fn new(config: &str) -> Self {
        let repo = Repo::new(Mode::Bare);
        let path = repo.path();
        tool("mount", ["-t", "tmpfs", "tmpfs", path.to_str().unwrap()]);
        let repo = Self(repo);
        repo.0.ostree(["init", "--mode=bare"]);
        repo.configure(config);
        repo
    }

    fn configure(&self, lines: &str) {
        let config = "[core]\nrepo_version=1\nmode=bare\n".to_owned();
        fs::write(self.0.path().join("config"), config + lines).unwrap();
    }
}

impl Drop for OnTmpfs {
    fn drop(&mut self) {
        tool("umount", ["-l", self.0.path().to_str().unwrap()]);
    }
}

fn place() -> Place {
    let layer = |text: &str| Layer::listing(text).unwrap();
    let image = Image::of([
        layer("file usr/a \"a\"\nfile usr/big size=300000 seed=1"),
        layer("symlink usr/link -> a\nfile usr/b \"b\""),
    ]);
    Place::of(&Layout::new().image("latest", &image.build()))
}

#[test]
fn required_and_not_to_be_had_nothing_is_stored() {
    let place = place();
    for config in [
        "[ex-integrity]\nfsverity=yes\n",
        "[ex-fsverity]\nrequired=true\n",
    ] {
        let repo = OnTmpfs::new(config);
        let pull = repo.0.pull(&place.tag("latest")).failed();
        assert_eq!(pull.code, Some(1), "{pull}");
        assert!(pull.stderr.contains("fs-verity is required"), "{pull}");
        assert!(repo.0.refs().is_empty());
        assert_eq!(files(&repo.0.path().join("objects")), 0);
        repo.0.check_clean();
        // What is asked for is what stood in the way.
        repo.configure("");
        repo.0.pull(&place.tag("latest")).ok();
    }
}

#[test]
fn wanted_if_possible_the_image_is_as_ever() {
    let place = place();
    let plain = Repo::new(Mode::Bare);
    let expected = plain.pull(&place.tag("latest")).ok().json();
    for config in [
        "[ex-integrity]\ncomposefs=yes\n",
        "[ex-integrity]\nfsverity=maybe\n",
    ] {
        let repo = OnTmpfs::new(config);
        let pulled = repo.0.pull(&place.tag("latest")).ok().json();
        assert_eq!(pulled["mergeCommit"], expected["mergeCommit"]);
        repo.0.check_clean();
    }
}

#[test]
fn an_image_that_is_to_have_it_is_not_written_without() {
    let place = place();
    let repo = OnTmpfs::new("");
    repo.0.pull(&place.tag("latest")).ok();
    let image = repo.0.path().join("image");
    let build = |more: &[&str]| {
        let mut command = Command::new(program());
        command.args(["composefs", "build", "--repo"]);
        command.arg(repo.0.path()).arg(place.tag("latest"));
        run(command.arg("-o").arg(&image).args(more))
    };
    let refused = build(&["--verity"]).failed();
    let said = "cannot enable fs-verity on";
    assert!(refused.stderr.contains(said), "{refused}");
    assert!(!image.exists());
    build(&[]).ok();
    assert!(image.exists());
}

/// How many files there are two levels down.
fn files(folder: &Path) -> usize {
    let entries = |folder: &Path| fs::read_dir(folder).unwrap();
    entries(folder)
        .map(|shard| entries(&shard.unwrap().path()).count())
        .sum()
}
