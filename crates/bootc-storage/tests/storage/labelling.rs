//! How labelling is switched, bounded and kept cheap.

use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use bootc_storage::composefs::KEY_COMPOSEFS_DIGEST;
use bootc_storage::pull::{ComposefsDigest, ExpectedPolicy, Labels, PullConfig};
use bootc_storage::{Event, Kind, Observer};
use oci_manifest::OstreeImageReference;
use ostree_objects::Checksum;

use crate::host::{Host, Place, chain, layer};
use crate::selinux::{ANY, BIN, assert_labelled, bootable, layer_policy, policy};

fn image() -> test_images::Image {
    bootable([
        layer("file usr/bin/tool \"1\"\nfile usr/share/a \"2\""),
        layer(&policy("etc", &[ANY, BIN])),
    ])
}

fn metadata(host: &Host, commit: &Checksum) -> ostree_objects::Metadata {
    host.storage.repo().read_commit(commit).unwrap().metadata
}

#[test]
fn switched_off_there_are_no_labels_and_switched_on_again_there_are() {
    let host = Host::new();
    let place = Place::image(&image());
    let off = PullConfig {
        labels: Labels::Off,
        ..host.config()
    };
    let reference = OstreeImageReference::parse_lenient(&place.latest()).unwrap();
    let plan = |config| host.storage.plan_pull(&reference, config, &host.observer());
    assert_eq!(plan(&off).unwrap().policy, ExpectedPolicy::Off);
    let without = host.pull_as(&place.latest(), &off);
    assert_labelled(&host, &without.merge_commit, &[]);
    assert_eq!(without.labels.unwrap().policy, None);
    let says = |commit| {
        metadata(&host, commit)
            .get("bootc-storage.selinux-policy")
            .is_some()
    };
    assert!(!says(&without.merge_commit));
    assert!(plan(&off).unwrap().is_unchanged());

    let with = host.pull(&place.latest()).unwrap();
    assert!(!with.unchanged, "other labels are asked for");
    assert_labelled(&host, &with.merge_commit, &[ANY, BIN]);
    let fresh = Host::new().pull(&place.latest()).unwrap();
    assert_eq!(with.merge_commit, fresh.merge_commit);

    let again = host.pull_as(&place.latest(), &off);
    assert_eq!(again.merge_commit, without.merge_commit);
    host.storage.apply_prune(&host.observer()).unwrap();
    assert!(host.check().is_empty());
}

#[test]
fn the_composefs_digest_is_left_out_on_demand_and_comes_back() {
    let host = Host::new();
    let place = Place::image(&image());
    let off = PullConfig {
        composefs_digest: ComposefsDigest::Off,
        ..host.config()
    };
    let without = host.pull_as(&place.latest(), &off).merge_commit;
    assert!(
        metadata(&host, &without)
            .get(KEY_COMPOSEFS_DIGEST)
            .is_none()
    );
    assert!(!host.repo().join("bootc-storage/fsverity").exists());
    assert!(host.pull_as(&place.latest(), &off).unchanged);
    let with = host.pull(&place.latest()).unwrap().merge_commit;
    let fresh = Host::new();
    assert_eq!(with, fresh.pull(&place.latest()).unwrap().merge_commit);
    assert!(metadata(&host, &with).get(KEY_COMPOSEFS_DIGEST).is_some());
    let tree = |commit| host.storage.repo().read_commit(commit).unwrap().tree;
    assert_eq!(tree(&without), tree(&with));
}

#[test]
fn a_policy_that_takes_too_long_is_an_error_that_names_the_file() {
    let slow = vec![(".*a[^/]{4000}", "u:r:x:s0"); 200];
    // Deep enough for a path of 4,000 bytes.
    let deep = format!("usr/{}", vec!["ab".repeat(100); 20].join("/"));
    let layers = || {
        [
            layer(&format!("file {deep} \"1\"")),
            layer(&policy("etc", &slow)),
        ]
    };
    // Found while layers come in, and at the merge.
    for image in [bootable(layers()), test_images::Image::of(layers())] {
        let host = Host::new();
        let error = host.pull(&Place::image(&image).latest()).unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        let text = chain(&error);
        for part in ["selinux/test/contexts/files/file_contexts", "too long"] {
            assert!(text.contains(part), "{text}");
        }
        let refs = host.refs();
        let is_layer = |name: &String| name.starts_with("ostree/container/blob/");
        assert!(refs.iter().all(is_layer), "{refs:?}");
        assert!(host.check().is_empty());
    }
}

/// A layer's ref holds one policy's labels. Another image that has the layer finds its own in its version before.
#[test]
fn updates_read_nothing_of_a_layer_that_another_image_labelled() {
    let files = layer(
        "file usr/bin/tool \"1\"\nfile usr/share/a size=100000 seed=1\nfile usr/share/b \"2\" xattr.user.x=\"y\"\n\
         file usr/share/same \"2\"",
    );
    let other_rules = [ANY, ("/usr/share(/.*)?", "u:r:share:s0")];
    let with = |rules: &[(&str, &str)], number: u32| {
        let top = layer(&format!("file usr/version \"{number}\""));
        bootable([files.clone(), layer(&policy("etc", rules)), top])
    };
    let without = |number: u32| {
        let top = layer(&format!("file usr/version \"{number}\""));
        test_images::Image::of([files.clone(), top])
    };
    let host = Host::new();
    let first = Place::image(&with(&[ANY, BIN], 1));
    host.pull(&first.latest()).unwrap();
    let first_ref = host.layer_commit(&files);
    // One name, whose next version is pulled.
    let moving = Place::image(&with(&other_rules, 1));
    let update = |image: &test_images::Image| {
        moving.write(&test_images::Layout::new().image("latest", &image.build()));
        host.pull(&moving.latest()).unwrap()
    };
    for (rules, images) in [
        (
            &other_rules[..],
            [with(&other_rules, 1), with(&other_rules, 2)],
        ),
        (&[], [without(3), without(4)]),
    ] {
        let new = update(&images[0]).labels.unwrap();
        assert!(new.written > 0);
        let pulled = update(&images[1]);
        assert_labelled(&host, &pulled.merge_commit, rules);
        let report = pulled.labels.unwrap();
        assert!(report.changed > 0);
        assert_eq!(report.written, 0, "read again");
        assert_eq!(host.layer_commit(&files), first_ref);
        let fresh = Host::new();
        let fresh = fresh.pull(&moving.latest()).unwrap();
        assert_eq!(pulled.merge_commit, fresh.merge_commit);
        assert!(host.check().is_empty());
    }
}

/// Layers that wait for a policy are in memory, so no more than 64 do.
#[test]
fn only_so_many_layers_wait_for_a_policy() {
    const MOST: usize = 64;
    let mut layers: Vec<_> = (0..MOST)
        .map(|number| layer(&format!("file usr/bin/{number} size=5000 seed={number}")))
        .collect();
    // The smallest: it comes last.
    layers.push(layer(&policy("etc", &[ANY, BIN])));
    let host = Host::new();
    let place = Place::image(&bootable(layers));
    let config = PullConfig {
        jobs: NonZeroUsize::MIN,
        ..host.config()
    };
    // The layer with the policy comes when the others have been finished without: had they not, they would wait for ever.
    let stored = Arc::new((Mutex::new(0), Condvar::new()));
    let observer: Observer = Arc::new(move |event| {
        let (count, more) = &*stored;
        match event {
            Event::LayerStored { .. } => {
                *count.lock().unwrap() += 1;
                more.notify_all();
            }
            Event::LayerStarted(plan) if plan.layer.index == MOST => {
                let waits = |count: &mut usize| *count < MOST;
                let count = count.lock().unwrap();
                let patience = Duration::from_secs(60);
                let (count, _) = more.wait_timeout_while(count, patience, waits).unwrap();
                assert_eq!(*count, MOST, "more layers wait");
            }
            _ => {}
        }
    });
    let plan = host.plan(&place.latest()).unwrap();
    let pulled = host.storage.apply_pull(&plan, &config, &observer).unwrap();
    assert_labelled(&host, &pulled.merge_commit, &[ANY, BIN]);
    assert!(pulled.labels.unwrap().changed >= MOST as u64);
    assert!(host.check().is_empty());
}

#[test]
fn layers_go_along_when_a_policy_goes() {
    let files = layer("file usr/bin/tool \"1\"");
    let rules = policy("etc", &[ANY, BIN]);
    let disabled = "SELINUX=disabled\nSELINUXTYPE=test\n";
    let version = |number: u32, disabled: &str| {
        let top = layer(&format!("file usr/version \"{number}\"\n{disabled}"));
        bootable([files.clone(), layer(&rules), top])
    };
    let switched_off = format!("file etc/selinux/config {disabled:?}");
    let host = Host::new();
    let place = Place::image(&version(1, ""));
    let pull = |number, disabled: &str| {
        let image = version(number, disabled).build();
        place.write(&test_images::Layout::new().image("latest", &image));
        host.pull(&place.latest()).unwrap()
    };
    pull(1, "");
    assert!(layer_policy(&host, &files).is_some());
    let pulled = pull(2, &switched_off);
    assert_labelled(&host, &pulled.merge_commit, &[]);
    assert!(pulled.labels.unwrap().looked_at > 0);
    // As if it had come without a policy.
    assert_eq!(layer_policy(&host, &files), None);
    let pulled = pull(3, &switched_off);
    assert_labelled(&host, &pulled.merge_commit, &[]);
    assert_eq!(pulled.labels.unwrap().looked_at, 0, "nothing is read again");
    host.storage.apply_prune(&host.observer()).unwrap();
    assert!(host.check().is_empty());
}
