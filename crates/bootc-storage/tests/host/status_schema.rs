//! Whatever a host has, its status is what bootc's schema says; and the judge of that can say no.

use crate::schema::faults;
use crate::status::{CONTAINER, deployment, document, host, image, schema, staged};
use bootc_storage::host::status::{DeploymentState, HostState, Unlocked};
use ostree_objects::Checksum;
use ostree_origin::Origin;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A host with something in every field that we ever fill.
fn full() -> HostState {
    let mut state = host(
        1,
        vec![
            staged("new"),
            deployment("now"),
            deployment("before"),
            deployment("other"),
        ],
    );
    for deployment in &mut state.deployments {
        deployment.cached_update = Some(image("newest"));
        deployment.unlocked = Unlocked::Hotfix;
    }
    state
}

/// The judge must be able to say no: to each document with one member gone or changed where the schema forbids it.
#[test]
fn the_judge_refuses_what_bootc_does_not_print() {
    let good = document(&full());
    let broken = |pointer: &str, value: Value| {
        let mut document = good.clone();
        *document.pointer_mut(pointer).unwrap() = value;
        faults(&schema(), &document).len()
    };
    for (pointer, value) in [
        ("", json!([])),
        ("/apiVersion", json!(1)),
        ("/metadata/name", json!(1)),
        ("/spec/bootOrder", json!("Rollback")),
        ("/spec/image/signature", json!("none")),
        (
            "/spec/image/signature",
            json!({"ostreeRemote": "r", "more": 1}),
        ),
        ("/status/type", json!("BootcHost")),
        ("/status/booted", json!(true)),
        ("/status/booted/pinned", Value::Null),
        ("/status/booted/store", json!("other")),
        ("/status/booted/composefs", json!({})),
        ("/status/booted/ostree/deploySerial", json!(-1)),
        ("/status/booted/ostree/checksum", Value::Null),
        ("/status/booted/image/timestamp", json!(5)),
        ("/status/usrOverlay/accessMode", json!("rw")),
        ("/status/otherDeployments/0/incompatible", json!(0)),
        ("/status/otherDeployments", json!({})),
    ] {
        assert!(broken(pointer, value.clone()) > 0, "{pointer} {value}");
    }
    for (pointer, key) in [
        ("", "apiVersion"),
        ("", "kind"),
        ("/spec/image", "transport"),
        ("/status/staged", "incompatible"),
        ("/status/rollback/image", "imageDigest"),
        ("/status/booted/cachedUpdate", "architecture"),
        ("/status/booted/ostree", "stateroot"),
        ("/status/usrOverlay", "persistence"),
    ] {
        let mut document = good.clone();
        document
            .pointer_mut(pointer)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(key)
            .unwrap();
        assert!(
            !faults(&schema(), &document).is_empty(),
            "{pointer} without {key}"
        );
    }
}

/// Every member that the schema knows is printed, but for those of Kubernetes that bootc leaves out too, and of bootc's
/// other kind of deployment; and nothing else is.
#[test]
fn every_member_of_the_schema_is_there_and_no_other() {
    fn names(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    found.insert(name.clone());
                    names(value, found);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| names(item, found)),
            _ => {}
        }
    }
    let mut printed = BTreeSet::new();
    names(&document(&full()), &mut printed);
    let schema = schema();
    let definitions = schema["$defs"].as_object().unwrap();
    let left_out = ["BootEntryComposefs", "ImageSignature"];
    let definitions = definitions
        .iter()
        .filter(|(name, _)| !left_out.contains(&name.as_str()));
    let objects = definitions
        .map(|(_, definition)| definition)
        .chain([&schema]);
    let mut known: BTreeSet<String> = objects
        .filter_map(|definition| definition["properties"].as_object())
        .flat_map(|properties| properties.keys().cloned())
        .collect();
    for left_out in ["annotations", "labels", "namespace"] {
        assert!(known.remove(left_out));
    }
    assert_eq!(printed, known);
}

fn any_deployment() -> impl Strategy<Value = DeploymentState> {
    let origins = [
        None,
        Some(""),
        Some(CONTAINER),
        Some(
            "[origin]\ncontainer-image-reference=ostree-remote-image:r:oci:/x\n[libostree-transient]\npinned=1\n",
        ),
        Some("[origin]\nrefspec=a:b\n[rpmostree]\n"),
    ];
    let unlocked = [
        Unlocked::No,
        Unlocked::Development,
        Unlocked::Hotfix,
        Unlocked::Transient,
    ];
    let image = || proptest::option::of("[0-9]{1,3}".prop_map(|version| image(&version)));
    let switches = any::<(bool, bool, u32)>();
    (
        select(&["default", "other"][..]),
        select(origins.to_vec()),
        select(unlocked.to_vec()),
        image(),
        image(),
        switches,
    )
        .prop_map(
            |(stateroot, origin, unlocked, image, cached_update, (locked, soft, serial))| {
                DeploymentState {
                    stateroot: stateroot.to_owned(),
                    serial,
                    finalization_locked: locked,
                    unlocked,
                    soft_reboot_capable: soft,
                    origin: origin.map(|text| Origin::parse(text.as_bytes()).unwrap()),
                    image,
                    cached_update,
                    ..deployment("x")
                }
            },
        )
}

proptest! {
    #[test]
    fn whatever_is_deployed_the_schema_holds_and_each_is_shown_once(
        mut deployments in proptest::collection::vec(any_deployment(), 0..6),
        booted in proptest::option::of(0..6_usize), first_is_staged: bool,
    ) {
        for (i, deployment) in deployments.iter_mut().enumerate() {
            deployment.checksum = Checksum::of(&[u8::try_from(i).unwrap()]);
            deployment.staged = i == 0 && first_is_staged && booted != Some(0);
        }
        let count = deployments.len();
        let expected: BTreeSet<_> = deployments.iter().map(|d| d.checksum.to_string()).collect();
        let booted = booted.filter(|place| *place < count);
        let document = document(&HostState { deployments, booted, read_only: false });
        let status = &document["status"];
        let named = ["staged", "booted", "rollback"].map(|part| &status[part]);
        let others = status["otherDeployments"].as_array().into_iter().flatten();
        let shown: Vec<_> = named.into_iter().chain(others).filter(|entry| !entry.is_null()).collect();
        prop_assert_eq!(shown.len(), count);
        let shown = shown.iter().map(|entry| entry["ostree"]["checksum"].as_str().unwrap().to_owned());
        prop_assert_eq!(shown.collect::<BTreeSet<_>>(), expected);
        prop_assert_eq!(!status["booted"].is_null(), booted.is_some());
    }
}
