//! Listing, inspecting, history: whatever other programs left.

use std::fs;

use bootc_storage::{Error, Kind};
use ostree_flatten::{LayerTree, MergeCommit, Merged};
use serde_json::json;
use test_images::{Image, Layer};

use crate::host::{Host, Place, layer, name};

#[test]
fn a_broken_image_stops_no_other() {
    let host = Host::new();
    let place = Place::image(&Image::of([layer("file usr/a")]));
    host.pull(&place.latest()).unwrap();
    for (image, content) in [
        ("empty", ""),
        ("gone", &*"7".repeat(64)),
        ("bad", "nonsense"),
    ] {
        let path = host.ref_path(&format!(
            "ostree/container/image/docker_3A__2F__2F_h/{image}"
        ));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let listed = host.storage.list().unwrap();
    assert_eq!(listed.images.len(), 1);
    assert_eq!(listed.images[0].reference.to_string(), place.latest());
    let unreadable: Vec<_> = listed.unreadable.iter().map(|image| &*image.name).collect();
    assert_eq!(unreadable.len(), 3, "{unreadable:?}");
    assert!(
        listed
            .unreadable
            .iter()
            .all(|image| image.reference.is_some())
    );
    let error = host.storage.inspect(&name("docker://h/gone")).unwrap_err();
    assert_eq!(error.kind(), Kind::Corrupt, "{error:?}");
}

/// Stored long ago: config `null`, a manifest in another order of keys and with spaces, no parent.
#[test]
fn what_older_programs_stored_is_listed() {
    let host = Host::new();
    let only = layer("file usr/a");
    let place = Place::image(&Image::of([only.clone()]));
    let pulled = host.pull(&place.latest()).unwrap();
    let stored = host.storage.inspect(&name(&place.latest())).unwrap();
    let value: serde_json::Value = serde_json::from_str(stored.manifest.raw()).unwrap();
    let spaced = serde_json::to_string_pretty(&value).unwrap();
    let mut stage = host.storage.repo().stage().unwrap();
    let object = host
        .storage
        .repo()
        .read_commit(&pulled.merge_commit)
        .unwrap();
    let tree = LayerTree::from_commit(&object);
    let merged = Merged {
        tree: tree.tree,
        meta: tree.meta,
        report: ostree_flatten::Report::default(),
    };
    let commit = MergeCommit {
        manifest: &spaced,
        manifest_digest: &stored.manifest_digest.to_string(),
        config: "null",
        importer_version: "0.3.0",
        parent: None,
        timestamp: Some(1),
        extra: &std::collections::BTreeMap::new(),
    };
    let old = commit.write(&merged, &mut stage).unwrap();
    stage.publish().unwrap();
    let ref_name = ostree_refs::image_ref(&stored.reference).unwrap();
    fs::write(host.ref_path(ref_name.as_str()), format!("{old}\n")).unwrap();

    let image = host.storage.inspect(&stored.reference).unwrap();
    assert_eq!(image.manifest_digest, stored.manifest_digest);
    assert_eq!(image.importer.as_deref(), Some("0.3.0"));
    let layers = image.layers(&host.storage).unwrap();
    assert_eq!(
        (layers.len(), layers[0].role, &layers[0].diff_id),
        (1, None, &None)
    );
    assert!(layers[0].commit.is_some());
    assert_eq!(host.storage.history(&image).unwrap().len(), 1);
    // Nothing is fetched for it, and it becomes one of ours.
    let again = host.pull(&place.latest()).unwrap();
    assert_eq!((again.reused, again.merge_commit), (1, pulled.merge_commit));
}

fn history(image: &Image) -> Vec<(Option<String>, Option<u64>)> {
    let host = Host::new();
    let place = Place::image(image);
    host.pull(&place.latest()).unwrap();
    let image = host.storage.inspect(&name(&place.latest())).unwrap();
    let history = host.storage.history(&image).unwrap();
    history
        .into_iter()
        .map(|entry| (entry.created_by, entry.layer.map(|layer| layer.size_bytes)))
        .collect()
}

fn layers() -> [Layer; 2] {
    [
        layer("file usr/a").created_by("first"),
        layer("file usr/bb \"b\"").created_by("second"),
    ]
}

#[test]
fn steps_without_a_layer_are_paired_with_none() {
    let [first, second] = layers();
    let image = Image::of([first.clone(), second.clone()]).edit_config(|config| {
        let empty = json!({ "created_by": "ENV", "empty_layer": true });
        config["history"].as_array_mut().unwrap().insert(1, empty);
    });
    assert_eq!(
        history(&image),
        [
            (Some("first".to_owned()), Some(first.size)),
            (Some("ENV".to_owned()), None),
            (Some("second".to_owned()), Some(second.size)),
        ]
    );
}

#[test]
fn a_short_history_and_none_at_all_leave_layers_without_a_command() {
    let [first, second] = layers();
    let image = Image::of([first.clone(), second.clone()]);
    let short = image.clone().edit_config(|config| {
        config["history"].as_array_mut().unwrap().truncate(1);
    });
    let (first, second) = (Some(first.size), Some(second.size));
    assert_eq!(
        history(&short),
        [(Some("first".to_owned()), first), (None, second)]
    );
    assert_eq!(
        history(&image.without_history()),
        [(None, first), (None, second)]
    );
}

#[test]
fn removing_a_missing_image_removes_nothing() {
    let host = Host::new();
    let place = Place::image(&Image::of([layer("file usr/a")]));
    host.pull(&place.latest()).unwrap();
    let refs = host.refs();
    let error = host
        .storage
        .remove(
            &[name(&place.latest()), name("docker://h/none:1")],
            &host.observer(),
        )
        .unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    assert_eq!(host.refs(), refs);
}

#[test]
fn a_name_with_tag_and_digest_finds_what_is_stored_by_digest() {
    let host = Host::new();
    let place = Place::image(&Image::of([layer("file usr/a")]));
    host.pull(&place.latest()).unwrap();
    let commit = host
        .storage
        .inspect(&name(&place.latest()))
        .unwrap()
        .merge_commit;
    let digest = format!("sha256:{}", "a".repeat(64));
    let stored = name(&format!("docker://h/a@{digest}"));
    let path = host.ref_path(ostree_refs::image_ref(&stored).unwrap().as_str());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("{commit}\n")).unwrap();
    let both = name(&format!("docker://h/a:tag@{digest}"));
    assert_eq!(host.storage.inspect(&both).unwrap().reference, stored);
    let removed = host
        .storage
        .remove(&[both.clone(), both], &host.observer())
        .unwrap();
    assert_eq!(removed.images, [stored.to_string()]);
}
