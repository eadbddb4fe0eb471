//! A host's life as it runs: what is new is staged, and libostree's service writes it to the boot order at shutdown.

use std::fs;

use crate::harness::{Boot, Host, Os, Shelf};

fn shelf() -> Shelf {
    Shelf::of(&[
        Os::new("1").arguments(&["quiet"]),
        Os::new("2").arguments(&["audit=0"]),
        Os::new("3"),
    ])
}

/// A host whose upgrades come from the shelf as the running system sees it.
fn host(shelf: &Shelf, versions: &[&str]) -> Host {
    let host = Host::new();
    for version in versions {
        shelf.point("latest", version);
        let target = Boot::name("latest");
        let arguments = ["deploy", "--target", &target, &shelf.name("latest")];
        host.ours(arguments).ok();
    }
    host
}

/// Versions that the status has as staged, booted, rollback; `-` for none.
fn roles(boot: &Boot<'_>) -> String {
    let status = &boot.status()["status"];
    let version = |role: &str| status[role]["image"]["version"].as_str().unwrap_or("-");
    ["staged", "booted", "rollback"].map(version).join(" ")
}

#[test]
fn an_upgrade_is_staged_and_finalised_at_shutdown() {
    let shelf = shelf();
    let host = host(&shelf, &["1"]);
    let boot = Boot::start(&host, &shelf);
    assert_eq!(roles(&boot), "- 1 -");
    assert_eq!(boot.status()["status"]["type"], "bootcHost");
    assert_eq!(boot.ours(["status", "--pending-exit-77"]).code, Some(0));
    let again = ["upgrade", "--unchanged-exit-77"];
    assert_eq!(boot.ours(again).code, Some(77));

    shelf.point("latest", "2");
    let check = boot.json(["upgrade", "--check"]);
    assert_eq!(check["available"], true);
    let found = &boot.status()["status"]["booted"]["cachedUpdate"];
    assert_eq!(found["version"], "2", "{found}");
    let upgraded = boot.json(["upgrade"]);
    assert_eq!(
        (&upgraded["staged"], &upgraded["downloadOnly"]),
        (&true.into(), &false.into())
    );
    assert_eq!(upgraded["removedDeployments"], serde_json::json!([]));
    assert_eq!(roles(&boot), "2 1 -");
    assert_eq!(boot.ours(["status", "--pending-exit-77"]).code, Some(77));
    assert_eq!(boot.ours(again).code, Some(77), "it is staged already");
    // On the disk, all is as it was; the staged one's content is kept by a ref.
    assert_eq!(versions(&host), ["1"]);
    let staged = upgraded["deployment"]["checksum"].as_str().unwrap();
    assert!(host.refs_of_deployments().contains(staged));
    boot.ours(["prune"]).ok();
    host.fsck();

    // What is changed between staging and shutdown is taken over.
    fs::write(boot.deployed().directory.join("etc/late"), "late\n").unwrap();
    boot.stop();
    assert_eq!(host.versions(), ["2", "1"]);
    let order = host.boot_order();
    assert_eq!(order[0].options, ["audit=0"]);
    assert_eq!(order[0].read("etc/late"), "late\n");
    assert_eq!(order[0].read("etc/version"), "2");
    let target = Boot::name("latest");
    assert_eq!(
        order[0].origin(),
        format!("[origin]\ncontainer-image-reference=ostree-unverified-image:{target}\n")
    );

    let boot = Boot::start(&host, &shelf);
    assert_eq!(roles(&boot), "- 2 1");
    boot.ours(["upgrade", "--apply"]).ok();
    assert!(!boot.systemctl().contains("reboot"), "nothing changed");
    shelf.point("latest", "3");
    boot.ours(["upgrade", "--apply"]).ok();
    assert!(boot.systemctl().contains("reboot"));
    assert_eq!(roles(&boot), "3 2 1");
    boot.cut();
    assert_eq!(versions(&host), ["2", "1"], "nothing was finalised");
    host.ours(["prune"]).ok();
    assert_eq!(host.versions(), ["2", "1"]);
    host.fsck();
}

#[test]
fn what_is_only_downloaded_waits_for_a_word() {
    let shelf = shelf();
    let host = host(&shelf, &["1"]);
    let boot = Boot::start(&host, &shelf);
    let nothing = boot.ours(["upgrade", "--from-downloaded"]);
    assert_eq!(nothing.code, Some(3), "{nothing}");
    shelf.point("latest", "2");
    boot.ours(["upgrade", "--download-only"]).ok();
    let staged = boot.status()["status"]["staged"].clone();
    assert_eq!(staged["downloadOnly"], true, "{staged}");
    boot.stop();
    assert_eq!(versions(&host), ["1"], "nobody said so");

    let boot = Boot::start(&host, &shelf);
    let again = boot.json(["upgrade", "--download-only"]);
    assert_eq!(again["layersStored"].as_u64(), Some(0), "{again}");
    assert_eq!(again["staged"], true);
    // The source may be gone by now: nothing is fetched.
    shelf.remove("latest");
    boot.ours(["upgrade", "--from-downloaded"]).ok();
    let staged = boot.status()["status"]["staged"].clone();
    assert_eq!(staged["downloadOnly"], false, "{staged}");
    boot.stop();
    assert_eq!(host.versions(), ["2", "1"]);
}

#[test]
fn a_rollback_is_queued_and_undone() {
    let shelf = shelf();
    let host = host(&shelf, &["1", "2"]);
    let boot = Boot::start(&host, &shelf);
    assert_eq!(roles(&boot), "- 2 1");
    boot.ours(["rollback"]).ok();
    let status = boot.status();
    assert_eq!(status["status"]["rollbackQueued"], true);
    assert_eq!(status["spec"]["bootOrder"], "rollback");
    assert_eq!(host.versions(), ["1", "2"]);
    let undone = boot.json(["rollback"]);
    assert_eq!(undone["undone"], true);
    assert_eq!(boot.status()["spec"]["bootOrder"], "default");
    assert_eq!(host.versions(), ["2", "1"]);
    boot.ours(["rollback"]).ok();
    boot.stop();
    let boot = Boot::start(&host, &shelf);
    assert_eq!(roles(&boot), "- 1 2");
    boot.cut();
}

#[test]
fn a_rollback_drops_what_is_staged_or_keeps_it() {
    let shelf = shelf();
    let host = host(&shelf, &["1", "2"]);
    shelf.point("latest", "3");
    let boot = Boot::start(&host, &shelf);
    boot.ours(["upgrade"]).ok();
    assert_eq!(roles(&boot), "3 2 1");
    let dropped = boot.json(["rollback"]);
    assert!(dropped["dropped"].is_object(), "{dropped}");
    assert_eq!(roles(&boot), "- 2 1");
    assert_eq!(host.versions(), ["1", "2"]);
    boot.ours(["rollback"]).ok();

    boot.ours(["upgrade"]).ok();
    let kept = boot.json(["rollback", "--keep-staged"]);
    assert!(kept["kept"].is_object(), "{kept}");
    assert_eq!(host.versions(), ["1", "3", "2"]);
    boot.stop();
    assert_eq!(host.versions(), ["1", "3", "2"]);
    host.fsck();
}

/// What is deployed while something is staged takes its place.
#[test]
fn a_deployment_takes_the_place_of_the_staged_one() {
    let shelf = shelf();
    let host = host(&shelf, &["1"]);
    let boot = Boot::start(&host, &shelf);
    shelf.point("latest", "2");
    boot.ours(["upgrade", "--download-only"]).ok();
    assert_eq!(roles(&boot), "2 1 -");
    let second = host.refs_of_deployments();
    let name = Boot::name("3");
    let deployed = boot.json(["deploy", "--karg", "mine", &name]);
    assert_eq!(deployed["staged"], true);
    let removed = deployed["removedDeployments"].as_array().unwrap();
    assert_eq!(removed.len(), 1, "the staged one: {deployed}");
    assert_eq!(roles(&boot), "3 1 -");
    assert_eq!(boot.status()["status"]["staged"]["downloadOnly"], false);
    assert_eq!(second.difference(&host.refs_of_deployments()).count(), 1);
    boot.ours(["pin", "booted"]).ok();
    boot.stop();
    assert_eq!(host.versions(), ["3", "1"]);
    assert_eq!(host.boot_order()[0].options, ["mine"]);
    // What is pinned stays, whatever comes.
    for version in ["2", "1", "2"] {
        host.ours(["switch", &shelf.name(version)]).ok();
    }
    let versions = host.versions();
    assert_eq!(versions, ["2", "1", "1"]);
    host.fsck();
}

fn versions(host: &Host) -> Vec<String> {
    let order = host.entries();
    order.iter().map(|one| one.read("usr/version")).collect()
}
