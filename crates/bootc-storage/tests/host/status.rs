//! The status of hosts in bootc's form, judged by bootc's schema.

use crate::schema::faults;
use bootc_storage::host::status::bootc_v1::Host;
use bootc_storage::host::status::{DeploymentState, HostState, ImageState, Unlocked};
use oci_manifest::{Config, Digest};
use ostree_objects::Checksum;
use ostree_origin::Origin;
use serde_json::{Value, json};

pub(crate) const CONTAINER: &str =
    "[origin]\ncontainer-image-reference=ostree-image-signed:docker://quay.io/example/os:latest\n";

pub(crate) fn schema() -> Value {
    serde_json::from_str(include_str!("../data/bootc/host-v1.schema.json")).unwrap()
}

/// The document, after it was judged and read back.
pub(crate) fn document(state: &HostState) -> Value {
    let host = Host::from(state);
    let document = serde_json::to_value(&host).unwrap();
    assert_eq!(faults(&schema(), &document), [""; 0], "{document:#}");
    assert_eq!(
        serde_json::from_value::<Host>(document.clone()).unwrap(),
        host
    );
    document
}

pub(crate) fn image(version: &str) -> ImageState {
    ImageState {
        manifest_digest: Digest::sha256_of(version.as_bytes()),
        version: Some(version.to_owned()),
        created: Some("2026-08-22T10:00:00Z".to_owned()),
        architecture: "amd64".to_owned(),
    }
}

pub(crate) fn deployment(version: &str) -> DeploymentState {
    DeploymentState {
        stateroot: "default".to_owned(),
        checksum: Checksum::of(version.as_bytes()),
        serial: 0,
        staged: false,
        finalization_locked: false,
        unlocked: Unlocked::No,
        soft_reboot_capable: false,
        origin: Some(Origin::parse(CONTAINER.as_bytes()).unwrap()),
        image: Some(image(version)),
        cached_update: None,
        problems: Vec::new(),
    }
}

fn with_origin(version: &str, text: &str) -> DeploymentState {
    DeploymentState {
        origin: Some(Origin::parse(text.as_bytes()).unwrap()),
        ..deployment(version)
    }
}

pub(crate) fn staged(version: &str) -> DeploymentState {
    DeploymentState {
        staged: true,
        ..deployment(version)
    }
}

pub(crate) fn host(booted: usize, deployments: Vec<DeploymentState>) -> HostState {
    HostState {
        deployments,
        booted: Some(booted),
        read_only: false,
    }
}

/// The version in a part of the status, or null.
fn version<'a>(document: &'a Value, part: &str) -> &'a Value {
    &document["status"][part]["image"]["version"]
}

#[test]
fn one_booted_image_as_bootc_prints_it() {
    let reference = json!({"image": "quay.io/example/os:latest", "transport": "registry", "signature": "containerPolicy"});
    let expected = json!({
        "apiVersion": "org.containers.bootc/v1",
        "kind": "BootcHost",
        "metadata": {"name": "host"},
        "spec": {"image": reference, "bootOrder": "default"},
        "status": {
            "staged": null,
            "booted": {
                "image": {
                    "image": reference,
                    "version": "1",
                    "timestamp": "2026-08-22T10:00:00Z",
                    "imageDigest": Digest::sha256_of(b"1").to_string(),
                    "architecture": "amd64",
                },
                "cachedUpdate": null,
                "incompatible": false,
                "pinned": false,
                "softRebootCapable": false,
                "downloadOnly": false,
                "store": "ostreeContainer",
                "ostree": {"stateroot": "default", "checksum": Checksum::of(b"1").to_string(), "deploySerial": 0},
                "composefs": null,
            },
            "rollback": null,
            "rollbackQueued": false,
            "type": "bootcHost",
            "usrOverlay": null,
            "readOnly": false,
        },
    });
    assert_eq!(document(&host(0, vec![deployment("1")])), expected);
}

#[test]
fn each_deployment_has_its_part() {
    let other_stateroot = DeploymentState {
        stateroot: "other".to_owned(),
        ..deployment("elsewhere")
    };
    let pinned = with_origin(
        "pinned",
        &format!("{CONTAINER}\n[libostree-transient]\npinned=true\n"),
    );
    let mut state = host(
        2,
        vec![
            staged("new"),
            other_stateroot,
            deployment("now"),
            deployment("before"),
            pinned,
        ],
    );
    state.deployments[0].finalization_locked = true;
    state.deployments[2].cached_update = Some(image("newest"));
    state.deployments[3].soft_reboot_capable = true;
    let document = document(&state);
    for (part, expected) in [("staged", "new"), ("booted", "now"), ("rollback", "before")] {
        assert_eq!(version(&document, part), expected);
    }
    let status = &document["status"];
    assert_eq!(status["staged"]["downloadOnly"], true);
    assert_eq!(status["booted"]["downloadOnly"], false);
    assert_eq!(status["booted"]["cachedUpdate"]["version"], "newest");
    assert_eq!(status["rollback"]["softRebootCapable"], true);
    assert_eq!(status["rollbackQueued"], false);
    let others = status["otherDeployments"].as_array().unwrap();
    let others: Vec<_> = others
        .iter()
        .map(|entry| {
            (
                entry["image"]["version"].as_str().unwrap(),
                entry["pinned"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(others, [("elsewhere", false), ("pinned", true)]);
}

#[test]
fn a_rollback_that_boots_next_is_queued() {
    let document = document(&host(1, vec![deployment("before"), deployment("now")]));
    assert_eq!(version(&document, "rollback"), "before");
    assert_eq!(document["status"]["rollbackQueued"], true);
    assert_eq!(document["spec"]["bootOrder"], "rollback");
    // What the spec says is what the booted one follows.
    assert_eq!(
        document["spec"]["image"]["image"],
        "quay.io/example/os:latest"
    );
}

#[test]
fn the_spec_is_what_the_staged_deployment_follows() {
    let other = "[origin]\ncontainer-image-reference=ostree-unverified-image:oci:/var/os:2\n";
    let new = DeploymentState {
        staged: true,
        ..with_origin("new", other)
    };
    let document = document(&host(1, vec![new, deployment("now")]));
    assert_eq!(
        document["spec"]["image"],
        json!({"image": "/var/os:2", "transport": "oci"})
    );
    assert_eq!(document["status"]["rollback"], Value::Null);
}

#[test]
fn a_disk_that_is_not_booted_shows_all_it_has() {
    let state = HostState {
        booted: None,
        read_only: true,
        ..host(0, vec![deployment("new"), deployment("old")])
    };
    let document = document(&state);
    let status = &document["status"];
    assert_eq!(
        [&status["booted"], &status["rollback"], &status["type"]],
        [&Value::Null; 3]
    );
    assert_eq!(status["otherDeployments"].as_array().unwrap().len(), 2);
    assert_eq!(status["readOnly"], true);
    assert_eq!(
        document["spec"]["image"]["image"],
        "quay.io/example/os:latest"
    );
    let nothing = self::document(&HostState::default());
    assert_eq!(
        nothing["spec"],
        json!({"image": null, "bootOrder": "default"})
    );
}

#[test]
fn what_is_no_image_alone_is_none() {
    for (text, incompatible) in [
        ("[origin]\nrefspec=fedora:x\n", false),
        (&*format!("{CONTAINER}[packages]\nrequested=vim;\n"), true),
        ("[origin]\ncontainer-image-reference=not one\n", false),
        ("", false),
    ] {
        let document = document(&host(0, vec![with_origin("1", text)]));
        let booted = &document["status"]["booted"];
        assert_eq!(booted["image"], Value::Null, "{text}");
        assert_eq!(booted["incompatible"], incompatible, "{text}");
        assert_eq!(booted["ostree"]["stateroot"], "default");
        assert_eq!(document["status"]["type"], Value::Null, "{text}");
        assert_eq!(document["spec"]["image"], Value::Null, "{text}");
    }
}

#[test]
fn one_damaged_deployment_stops_no_other() {
    let no_metadata = DeploymentState {
        image: None,
        problems: vec!["the commit is missing".to_owned()],
        ..deployment("now")
    };
    let no_origin = DeploymentState {
        origin: None,
        ..deployment("before")
    };
    let document = document(&host(
        1,
        vec![staged("new"), no_metadata, no_origin, deployment("older")],
    ));
    let status = &document["status"];
    assert_eq!(version(&document, "staged"), "new");
    assert_eq!(
        [&status["booted"]["image"], &status["rollback"]["image"]],
        [&Value::Null; 2]
    );
    assert_eq!(status["otherDeployments"][0]["image"]["version"], "older");
    // It follows an image still.
    assert_eq!(status["type"], "bootcHost");
}

#[test]
fn a_writable_usr_is_shown() {
    for (unlocked, expected) in [
        (Unlocked::No, Value::Null),
        (
            Unlocked::Development,
            json!({"accessMode": "readWrite", "persistence": "transient"}),
        ),
        (
            Unlocked::Hotfix,
            json!({"accessMode": "readWrite", "persistence": "persistent"}),
        ),
        (
            Unlocked::Transient,
            json!({"accessMode": "readOnly", "persistence": "transient"}),
        ),
    ] {
        let mut state = host(0, vec![deployment("1")]);
        state.deployments[0].unlocked = unlocked;
        assert_eq!(document(&state)["status"]["usrOverlay"], expected);
    }
}

#[test]
fn an_image_says_when_it_was_made_by_its_label_then_by_its_config() {
    let created = |label: &str, config: &str| {
        let config = json!({
            "architecture": "arm64", "os": "linux", "created": config, "rootfs": {"type": "layers", "diff_ids": []},
            "config": {"Labels": {"org.opencontainers.image.created": label, "version": "41.1"}},
        });
        let mut config = config;
        if label.is_empty() {
            config["config"]["Labels"] = json!({"version": "41.1"});
        }
        let config = Config::parse(config.to_string().as_bytes()).unwrap();
        let image = ImageState::new(Digest::sha256_of(b"m"), &config);
        assert_eq!(
            (image.version.as_deref(), &*image.architecture),
            (Some("41.1"), "arm64")
        );
        image.created
    };
    let (early, late) = ("2026-01-01T02:00:00.5+02:00", "2026-02-01T00:00:00Z");
    assert_eq!(
        created(early, late).as_deref(),
        Some("2026-01-01T00:00:00.500Z")
    );
    assert_eq!(created("", late).as_deref(), Some(late));
    assert_eq!(created("yesterday", late), None);
}
