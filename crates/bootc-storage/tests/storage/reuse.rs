//! Which stored commit serves which layer.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use bootc_storage::pull::{Compat, LayerState, PullConfig, Pulled};
use bootc_storage::{Event, Kind, Observer, Storage};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use oci_manifest::OstreeImageReference;
use test_images::tar::Dialect;
use test_images::{Encapsulation, Image, Layer, Layout, Listing, Packing};

use crate::host::{Host, Place, layer, name};

fn packed(listing: &str, packing: Packing) -> Layer {
    let tar = Listing::parse(listing)
        .unwrap()
        .to_tar(Dialect::Pax)
        .unwrap();
    Layer::new(&tar, packing)
}

#[test]
fn the_same_tar_in_another_compression_is_not_fetched() {
    let host = Host::new();
    let gzip = packed("file usr/a \"1\"", Packing::GZIP);
    let zstd = packed("file usr/a \"1\"", Packing::ZSTD);
    assert_ne!(gzip.digest, zstd.digest);
    let layout = Layout::new()
        .image("gzip", &Image::of([gzip.clone()]).build())
        .image("zstd", &Image::of([zstd.clone()]).build())
        .without_blob(&zstd.digest);
    let place = Place::of(&layout);
    host.pull(&place.tag("gzip")).unwrap();
    let plan = host.plan(&place.tag("zstd")).unwrap();
    assert!(
        matches!(&plan.layers[0].state, LayerState::SameContent { stored_as, .. } if *stored_as == gzip.digest),
        "{:?}",
        plan.layers[0].state
    );
    let pulled = host.apply(&plan).unwrap();
    assert_eq!((pulled.reused, pulled.stored.len()), (1, 0));
    assert_eq!(host.layer_commit(&zstd), host.layer_commit(&gzip));
    assert!(host.events().contains(&"LayerReused".to_owned()));
    assert!(host.check().is_empty());
}

#[test]
fn a_lying_diff_id_fails_each_time_and_leaves_no_ref() {
    let host = Host::new();
    let mut liar = layer("file usr/a \"1\"");
    liar.diff_id = layer("file usr/a \"2\"").diff_id;
    let place = Place::image(&Image::of([liar]));
    for _ in 0..2 {
        let error = host.pull(&place.latest()).unwrap_err();
        assert_eq!(error.kind(), Kind::Unverified, "{error:?}");
        assert!(host.refs().is_empty());
    }
}

#[test]
fn a_stored_layer_does_not_make_a_lying_config_true() {
    let host = Host::new();
    let honest = layer("file usr/a \"1\"");
    let mut liar = honest.clone();
    liar.diff_id = layer("file usr/a \"2\"").diff_id;
    let place = Place::of(
        &Layout::new()
            .image("honest", &Image::of([honest.clone()]).build())
            .image("liar", &Image::of([liar]).build()),
    );
    host.pull(&place.tag("honest")).unwrap();
    let commit = host.layer_commit(&honest);
    for _ in 0..2 {
        let error = host.pull(&place.tag("liar")).unwrap_err();
        assert_eq!(error.kind(), Kind::Unverified, "{error:?}");
    }
    assert_eq!(host.layer_commit(&honest), commit);
    assert!(host.plan(&place.tag("honest")).unwrap().is_unchanged());
}

/// An image that names another's blob with a diff_id of its own gets its own content, and the other one is none the worse.
#[test]
fn a_blob_claimed_for_other_content_is_read_when_its_own_image_comes() {
    let host = Host::new();
    let evil = layer("file usr/a \"evil\"");
    let victim = layer("file usr/a \"victim\"");
    let mut claim = victim.clone();
    claim.diff_id = evil.diff_id.clone();
    let place = Place::of(
        &Layout::new()
            .image("evil", &Image::of([evil]).build())
            .image("claim", &Image::of([claim]).build())
            .image("victim", &Image::of([victim.clone()]).build()),
    );
    host.pull(&place.tag("evil")).unwrap();
    host.pull(&place.tag("claim")).unwrap();
    let pulled = host.pull(&place.tag("victim")).unwrap();
    assert_eq!(
        host.cat(&pulled.merge_commit.to_string(), "usr/a").unwrap(),
        "victim"
    );
    let commit = host.layer_commit(&victim).unwrap();
    assert_eq!(host.cat(&commit, "usr/a").unwrap(), "victim");
    // And again: what was read from this blob is not displaced.
    host.pull(&place.tag("claim")).unwrap();
    assert_eq!(host.layer_commit(&victim).unwrap(), commit);
}

/// The same with the blobs of an encapsulated image, whose roles say nothing of diff_ids.
#[test]
fn a_blob_claimed_for_other_content_is_no_base() {
    let host = Host::new();
    let listing = Listing::parse("file usr/a \"base\"\nfile usr/b \"base\"").unwrap();
    let encapsulated = Encapsulation::default().encapsulate(&listing).unwrap();
    let evil = layer("file usr/a \"evil\"");
    let claims = encapsulated.layers.iter().map(|layer| {
        let mut claim = layer.clone();
        claim.diff_id = evil.diff_id.clone();
        claim
    });
    let place = Place::of(
        &Layout::new()
            .image("claim", &Image::of(claims).build())
            .image("evil", &Image::of([evil.clone()]).build())
            .image("base", &encapsulated.image().build()),
    );
    host.pull(&place.tag("evil")).unwrap();
    host.pull(&place.tag("claim")).unwrap();
    let pulled = host.pull(&place.tag("base")).unwrap();
    assert_eq!(pulled.stored.len(), encapsulated.layers.len());
    assert_eq!(
        host.cat(&pulled.merge_commit.to_string(), "usr/a").unwrap(),
        "base"
    );
    assert_eq!(
        host.layer_commit(&encapsulated.layers[0]).unwrap(),
        encapsulated.commit.to_string()
    );
    assert!(host.check().is_empty());
}

/// A layer under two path policies: the ref goes with the last import, and both images stay whole.
#[test]
fn two_images_with_different_policies_share_a_layer() {
    let host = Host::new();
    let shared = layer("file usr/a \"1\"\nfile opt/b \"2\"");
    let listing = Listing::parse("file usr/base \"base\"").unwrap();
    let base = Encapsulation::default()
        .encapsulate(&listing)
        .unwrap()
        .image();
    let layout = Layout::new()
        .image("plain", &Image::of([shared.clone()]).build())
        .image("derived", &base.layer(shared.clone()).build());
    let place = Place::of(&layout);
    let plain = host.pull(&place.tag("plain")).unwrap();
    let first = host.layer_commit(&shared);
    let derived = host.pull(&place.tag("derived")).unwrap();
    assert_ne!(host.layer_commit(&shared), first);
    let (plain, derived) = (
        plain.merge_commit.to_string(),
        derived.merge_commit.to_string(),
    );
    assert_eq!(host.cat(&plain, "opt/b").unwrap(), "2");
    assert_eq!(host.cat(&derived, "opt/b"), None);
    host.storage.apply_prune(&host.observer()).unwrap();
    assert_eq!(host.cat(&plain, "opt/b").unwrap(), "2");
    assert!(host.check().is_empty());
    assert!(host.plan(&place.tag("plain")).unwrap().is_unchanged());
    host.storage
        .remove(&[name(&place.tag("derived"))], &host.observer())
        .unwrap();
    assert_eq!(host.cat(&plain, "opt/b").unwrap(), "2");
    assert!(host.check().is_empty());
    assert_eq!(
        host.pull_by(&place.tag("plain"), Compat::None)
            .merge_commit
            .to_string(),
        plain
    );
}

/// Pulls an image one layer after the other; another pull of it runs from beginning to end while the first has begun.
fn pulled_beside_another(host: &Host, image: &Image) -> (Pulled, Pulled) {
    let place = Place::image(image);
    let reference = OstreeImageReference::parse_lenient(&place.latest()).unwrap();
    let other = Arc::new(Mutex::new(None));
    let observer: Observer = {
        let (repo, config, events) = (host.repo(), host.config(), host.observer());
        let (reference, other) = (reference.clone(), Arc::clone(&other));
        Arc::new(move |event: Event<'_>| {
            let mut other = other.lock().unwrap();
            if matches!(event, Event::LayerStarted(_)) && other.is_none() {
                let dir = Dir::open_ambient_dir(&repo, ambient_authority()).unwrap();
                let storage = Storage::open_repo(dir).unwrap();
                let silent: Observer = Arc::new(|_: Event<'_>| {});
                let plan = storage.plan_pull(&reference, &config, &silent).unwrap();
                *other = Some(storage.apply_pull(&plan, &config, &silent).unwrap());
            }
            drop(other);
            events(event);
        })
    };
    let config = PullConfig {
        jobs: NonZeroUsize::MIN,
        ..host.config()
    };
    let plan = host.storage.plan_pull(&reference, &config, &observer);
    let pulled = host.storage.apply_pull(&plan.unwrap(), &config, &observer);
    let other = other.lock().unwrap().take().unwrap();
    (pulled.unwrap(), other)
}

#[test]
fn a_layer_that_another_pull_stores_meanwhile_is_not_fetched_again() {
    let host = Host::new();
    let same = layer("file usr/d \"d\"");
    let image = Image::of([
        layer("file usr/a \"a\""),
        layer("file usr/b \"b\""),
        same.clone(),
        layer("whiteout usr/d"),
        same,
    ]);
    let (pulled, other) = pulled_beside_another(&host, &image);
    assert_eq!((other.stored.len(), other.reused), (4, 0));
    assert_eq!((pulled.stored.len(), pulled.reused), (1, 4));
    assert_eq!(pulled.merge_commit, other.merge_commit);
    let told = host.events();
    let count = |what| told.iter().filter(|event| *event == what).count();
    assert_eq!((count("LayerStarted"), count("LayerReused")), (1, 3));
    assert!(host.check().is_empty());
}

#[test]
fn so_is_a_base_which_is_verified_all_the_same() {
    let host = Host::new();
    let listing = Listing::parse("file usr/a \"a\"\nfile usr/b \"b\"").unwrap();
    let base = Encapsulation::default().encapsulate(&listing).unwrap();
    let image = base.image().layer(layer("file usr/c \"c\""));
    let (pulled, other) = pulled_beside_another(&host, &image);
    assert_eq!(pulled.stored.len(), 1);
    assert_eq!(pulled.reused, other.stored.len() - 1);
    assert_eq!(pulled.merge_commit, other.merge_commit);
    assert!(host.events().contains(&"VerifyBase".to_owned()));
    assert!(host.check().is_empty());
}
