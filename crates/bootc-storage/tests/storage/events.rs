//! What happens is told, in the order in which it happens.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use bootc_storage::pull::PullConfig;
use bootc_storage::{Event, Observer};
use test_images::{Encapsulation, Image, Listing};

use crate::host::{Host, Place, layer};
use crate::selinux::bootable;

#[test]
fn a_pull_tells_its_phases_in_order() {
    let host = Host::new();
    let place = Place::image(&Image::of([layer("file usr/a")]));
    host.pull(&place.latest()).unwrap();
    assert_eq!(
        host.events(),
        [
            "Manifest",
            "Layers",
            "LayerStarted",
            "LayerStored",
            "Merge",
            "Publish"
        ]
    );
    host.pull(&place.latest()).unwrap();
    assert_eq!(host.events(), ["Manifest"]);
}

#[test]
fn layers_on_top_of_a_base_are_a_phase_of_their_own() {
    let host = Host::new();
    let listing = Listing::parse("file usr/a \"a\"").unwrap();
    let encapsulation = Encapsulation {
        chunks: 0,
        ..Encapsulation::default()
    };
    let base = encapsulation.encapsulate(&listing).unwrap().image();
    host.pull(&Place::image(&base.layer(layer("file usr/b"))).latest())
        .unwrap();
    assert_eq!(
        host.events(),
        [
            "Manifest",
            "Layers",
            "LayerStarted",
            "VerifyBase",
            "LayerStored",
            "Layers",
            "LayerStarted",
            "LayerStored",
            "Merge",
            "Publish"
        ]
    );
}

/// In which order layers are begun, one at a time.
fn begun(image: &Image) -> Vec<usize> {
    let host = Host::new();
    let begun = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&begun);
    let observer: Observer = Arc::new(move |event| {
        if let Event::LayerStarted(plan) = event {
            seen.lock().unwrap().push(plan.layer.index);
        }
    });
    let config = PullConfig {
        jobs: NonZeroUsize::MIN,
        ..host.config()
    };
    let place = Place::image(image);
    let plan = host.plan(&place.latest()).unwrap();
    host.storage.apply_pull(&plan, &config, &observer).unwrap();
    let begun = begun.lock().unwrap();
    begun.clone()
}

#[test]
fn the_largest_layer_begins_first_and_before_it_the_lowest_where_a_policy_is_sought() {
    let layers = [20_000, 30_000, 10_000, 40_000]
        .map(|size| layer(&format!("file usr/{size} size={size} seed=1")));
    assert_eq!(begun(&Image::of(layers.clone())), [3, 1, 0, 2]);
    assert_eq!(begun(&bootable(layers)), [0, 3, 1, 2]);
}

#[test]
fn what_a_dead_writer_left_is_swept_and_told() {
    let host = Host::new();
    std::fs::create_dir_all(
        host.repo()
            .join("tmp/bootc-storage-stage-0123456789abcdef/objects"),
    )
    .unwrap();
    host.pull(&Place::image(&Image::of([layer("file usr/a")])).latest())
        .unwrap();
    assert!(host.events().contains(&"Swept".to_owned()));
    let left = std::fs::read_dir(host.repo().join("tmp")).unwrap();
    let left: Vec<_> = left
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("bootc-storage"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
