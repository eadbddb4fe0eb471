//! The program as a user meets it: verbs, output, exit codes, wrong inputs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;
use test_images::{Image, Layer, Layout};
use whole_program_tests::{Mode, Place, Repo, Run, as_nobody, program, run};

fn layer(listing: &str) -> Layer {
    Layer::listing(listing).unwrap()
}

fn bootc_storage(arguments: &[&str]) -> Run {
    run(Command::new(program()).args(arguments))
}

/// Two versions of an image, of which the second has one layer more.
fn versions() -> Layout {
    let first = Image::of([layer("file usr/x \"1\"").created_by("COPY x")]);
    let second = first
        .clone()
        .layer(layer("file usr/y \"2\"").created_by("COPY y"));
    let version = |image: Image, version| image.label("org.opencontainers.image.version", version);
    Layout::new()
        .image("latest", &version(first, "1.0").build())
        .image("next", &version(second, "2.0").build())
}

#[test]
fn help_names_every_verb() {
    let help = bootc_storage(&["image", "--help"]).ok().stdout;
    for verb in [
        "pull", "list", "inspect", "history", "remove", "prune", "check",
    ] {
        assert!(help.contains(&format!("  {verb} ")), "{verb}: {help}");
        bootc_storage(&["image", verb, "--help"]).ok();
    }
    assert!(
        bootc_storage(&["--version"])
            .ok()
            .stdout
            .starts_with("bootc-storage ")
    );
}

#[test]
fn wrong_usage_is_2_and_says_what_is_wrong() {
    for (arguments, word) in [
        (&["image", "frob"][..], "frob"),
        (&["image", "pull"], "REFERENCE"),
        (&["image", "pull", "docker:nonsense"], "docker:nonsense"),
        (&["image", "pull", "oci:/x", "--jobs", "0"], "--jobs"),
        (&["image", "list", "--format", "xml"], "xml"),
        (
            &["image", "list", "--repo", "/a", "--sysroot", "/b"],
            "--sysroot",
        ),
        (&["image", "pull", "oci:/x", "--platform", "linux"], "linux"),
    ] {
        let run = bootc_storage(arguments);
        assert_eq!(run.code, Some(2), "{run}");
        assert!(run.stderr.contains(word), "{word} is not said: {run}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let repo = Repo::new(Mode::BareUser);
    let run = repo.image("pull", ["oci:/no/such/folder:latest"]).failed();
    assert!(run.stderr.contains("/no/such/folder"), "{run}");
    let place = Place::of(&versions());
    let run = repo.image("pull", [place.tag("absent")]).failed();
    assert_eq!(run.code, Some(3), "{run}");
    assert!(run.stderr.contains("absent"), "{run}");
    let run = repo.image("inspect", ["quay.io/not/stored:1"]).failed();
    assert_eq!(run.code, Some(3), "{run}");
    assert!(run.stderr.contains("quay.io/not/stored:1"), "{run}");
    let run = bootc_storage(&["image", "list", "--repo", "/no/such/repo"]).failed();
    assert!(run.stderr.contains("/no/such/repo"), "{run}");
    // Errors go to standard error; standard output stays for results.
    assert!(run.stdout.is_empty(), "{run}");
}

#[test]
fn the_life_of_an_image() {
    let place = Place::of(&versions());
    let repo = Repo::new(Mode::BareUser);
    let name = place.latest();

    // A plan changes nothing.
    let plan = repo
        .image("pull", ["--dry-run", "--json", &name])
        .ok()
        .json();
    assert_eq!(plan["layers"][0]["state"], "missing");
    assert!(repo.refs().is_empty());

    let pulled = repo.pull(&name).ok().json();
    assert_eq!(pulled["unchanged"], false);
    assert_eq!(pulled["layersStored"].as_array().unwrap().len(), 1);
    let refs = repo.refs();
    assert_eq!(
        refs[pulled["ref"].as_str().unwrap()],
        pulled["mergeCommit"].as_str().unwrap()
    );

    // Nothing new.
    let again = repo.pull(&name).ok().json();
    assert_eq!(again["unchanged"], true);
    assert_eq!(repo.refs(), refs);
    let code = repo.image("pull", ["--unchanged-exit-77", &name]).code;
    assert_eq!(code, Some(77));
    repo.image("pull", ["--check", &name]).ok();

    let listed = repo.image("list", ["--json"]).ok().json();
    assert_eq!(listed["images"][0]["image"], name);
    assert_eq!(listed["images"][0]["version"], "1.0");
    let human = repo.image("list", [] as [&str; 0]).ok().stdout;
    assert!(human.contains(&name) && human.contains("1.0"), "{human}");
    let inspected = repo.image("inspect", ["--json", &name]).ok().json();
    assert_eq!(inspected["manifestDigest"], pulled["manifestDigest"]);
    let history = repo.image("history", [&name]).ok().stdout;
    assert!(history.contains("COPY x"), "{history}");
    repo.image("check", [] as [&str; 0]).ok();

    let plan = repo.image("remove", ["--dry-run", "--json", &name]).ok();
    assert_eq!(plan.json()["images"][0], name);
    assert_eq!(plan.json()["layers"].as_array().unwrap().len(), 1);
    assert_eq!(repo.refs(), refs);
    repo.image("remove", [&name]).ok();
    assert!(repo.refs().is_empty(), "{:?}", repo.refs());
    let listed = repo.image("list", ["--json"]).ok().json();
    assert_eq!(listed["images"], Value::Array(Vec::new()));
    repo.check_clean();
}

#[test]
fn a_pull_names_the_policy_whether_or_not_it_did_something() {
    let policy = layer(
        "file etc/selinux/config \"SELINUX=enforcing\\nSELINUXTYPE=test\\n\"\n\
         file etc/selinux/test/contexts/files/file_contexts \"/.* u:r:any:s0\\n\"\n\
         file etc/selinux/test/policy/policy.33 \"binary\"",
    );
    let (place, _) = Place::image(&Image::of([policy]));
    let repo = Repo::new(Mode::BareUser);
    for unchanged in [false, true] {
        let pulled = repo.pull(&place.latest()).ok().json();
        assert_eq!(pulled["unchanged"], unchanged);
        assert_eq!(pulled["policy"], "test", "{pulled}");
    }
}

#[test]
fn the_next_version_reuses_layers_and_prune_takes_what_is_left_over() {
    let place = Place::of(&versions());
    let repo = Repo::new(Mode::BareUser);
    repo.pull(&place.latest()).ok();
    let next = repo.pull(&place.tag("next")).ok().json();
    assert_eq!(next["layersReused"], 1);
    assert_eq!(next["layersStored"].as_array().unwrap().len(), 1);

    // The image stays, so a prune has nothing to take.
    let refs = repo.refs();
    repo.image("prune", [] as [&str; 0]).ok();
    assert_eq!(repo.refs(), refs);
    repo.ostree(["refs", "--delete", next["ref"].as_str().unwrap()]);
    let before = repo.refs();
    repo.image("prune", ["--dry-run", "--json"]).ok().json();
    assert_eq!(repo.refs(), before, "a dry run changes nothing");
    repo.image("prune", [] as [&str; 0]).ok();
    let layers = repo
        .refs()
        .keys()
        .filter(|name| name.contains("/blob/"))
        .count();
    assert_eq!(layers, 1, "the second layer was the second version's alone");
    repo.image("check", [] as [&str; 0]).ok();
    repo.check_clean();
}

#[test]
fn global_options_stand_before_or_after_the_verb() {
    let place = Place::of(&versions());
    let repo = Repo::new(Mode::BareUser);
    let path = repo.path().display().to_string();
    let name = place.latest();
    bootc_storage(&["--repo", &path, "--json", "image", "pull", &name])
        .ok()
        .json();
    bootc_storage(&["image", "--repo", &path, "pull", "--format", "json", &name])
        .ok()
        .json();
    bootc_storage(&["image", "list", "--repo", &path, "--json"])
        .ok()
        .json();
}

#[test]
fn damage_is_found_and_named() {
    let place = Place::of(&versions());
    let repo = Repo::new(Mode::BareUser);
    let tree = repo.pulled(&place.latest());
    let checksum = &tree.at("/usr/x").checksum;
    let object = repo.path().join(format!(
        "objects/{}/{}.file",
        &checksum[..2],
        &checksum[2..]
    ));
    std::fs::write(&object, "damaged").unwrap();
    let run = repo.image("check", [] as [&str; 0]);
    assert_eq!(run.code, Some(5), "{run}");
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(said.contains(checksum), "{run}");
}

#[test]
fn errors_are_data_under_json() {
    let repo = Repo::new(Mode::BareUser);
    let run = repo.pull("oci:/no/such/folder:latest").failed();
    let error = &run.json()["error"];
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("/no/such/folder"),
        "{run}"
    );
}

/// Needs root, to have something that nobody may not read.
#[test]
fn what_may_not_be_read_is_not_called_damaged() {
    let secret = layer("file usr/secret 0600 0:0 \"for root\"");
    let (place, _) = Place::image(&Image::of([secret]));
    let repo = Repo::new(Mode::Bare);
    let _pulled = repo.pull(&place.latest()).ok();
    std::fs::set_permissions(repo.beside(), PermissionsExt::from_mode(0o755)).unwrap();
    // Where cargo builds it, nobody may not go.
    let copy = repo.beside().join("bootc-storage");
    std::fs::copy(program(), &copy).unwrap();
    let mut check = as_nobody(&copy);
    check.args(["image", "check", "--repo"]).arg(repo.path());
    let denied = run(&mut check).failed();
    assert_eq!(denied.code, Some(10), "{denied}");
    let checked = repo.image("check", [""; 0]).ok();
    assert!(checked.stdout.contains("all is well"), "{checked}");
}
