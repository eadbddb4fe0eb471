//! What a plan says, and what is noticed when it no longer holds.

use bootc_storage::pull::{Compat, LayerState, PullConfig};
use bootc_storage::{Error, Kind};
use oci_manifest::OstreeImageReference;
use test_images::{Image, Layout};

use crate::host::{Host, Place, chain, layer, name};

#[test]
fn a_fresh_image_is_all_missing_and_nothing_is_written() {
    let host = Host::new();
    let image = Image::of([layer("file usr/a \"1\""), layer("file usr/b \"2\"")]);
    let place = Place::image(&image);
    let plan = host.plan(&place.latest()).unwrap();
    assert!(!plan.is_unchanged());
    assert!(plan.previous.is_none());
    assert_eq!(plan.missing().count(), 2);
    let sizes: u64 = image.layers.iter().map(|layer| layer.size).sum();
    assert_eq!(plan.missing_bytes(), sizes);
    assert_eq!(plan.space.at_least_bytes, sizes);
    // As `df` shows it. Others write here too.
    let df = rustix::fs::statvfs(host.repo()).unwrap();
    let free = df.f_bavail * df.f_frsize;
    assert!(plan.space.free_bytes.abs_diff(free) < 1 << 30);
    assert_eq!(
        plan.path_policy.map(|policy| policy.to_string().is_empty()),
        Some(false)
    );
    assert!(host.refs().is_empty());
    assert!(host.objects("commit").is_empty());
}

#[test]
fn a_layer_twice_is_counted_and_fetched_once() {
    let host = Host::new();
    let twice = layer("file usr/a \"1\"");
    let between = layer("whiteout usr/a");
    let place = Place::image(&Image::of([twice.clone(), between.clone(), twice.clone()]));
    let plan = host.plan(&place.latest()).unwrap();
    assert_eq!(plan.missing().count(), 2);
    assert_eq!(plan.missing_bytes(), twice.size + between.size);
    let pulled = host.apply(&plan).unwrap();
    assert_eq!(pulled.stored.len(), 2);
    assert_eq!(
        host.cat(&pulled.merge_commit.to_string(), "usr/a").unwrap(),
        "1"
    );
}

#[test]
fn the_same_image_again_is_unchanged() {
    let host = Host::new();
    let place = Place::image(&Image::of([layer("file usr/a \"1\"")]));
    let first = host.pull(&place.latest()).unwrap();
    let plan = host.plan(&place.latest()).unwrap();
    assert!(plan.is_unchanged());
    let second = host.apply(&plan).unwrap();
    assert!(second.unchanged && !first.unchanged);
    assert_eq!(
        (second.merge_commit, second.reused),
        (first.merge_commit, 1)
    );
}

#[test]
fn a_missing_layer_ref_is_mended() {
    let host = Host::new();
    let only = layer("file usr/a \"1\"");
    let place = Place::image(&Image::of([only.clone()]));
    let first = host.pull(&place.latest()).unwrap();
    let commit = host.layer_commit(&only);
    std::fs::remove_file(host.blob_ref(&only)).unwrap();
    let second = host.pull(&place.latest()).unwrap();
    assert_eq!(second.merge_commit, first.merge_commit);
    assert_eq!((second.stored.len(), host.layer_commit(&only)), (1, commit));
}

#[test]
fn an_update_fetches_what_changed() {
    let host = Host::new();
    let base = layer("file usr/a \"1\"");
    let layout = Layout::new()
        .image(
            "1",
            &Image::of([base.clone(), layer("file usr/b \"1\"")]).build(),
        )
        .image("2", &Image::of([base, layer("file usr/b \"2\"")]).build());
    let place = Place::of(&layout);
    host.pull(&place.tag("1")).unwrap();
    let plan = host.plan(&place.tag("2")).unwrap();
    assert!(matches!(plan.layers[0].state, LayerState::Present { .. }));
    assert_eq!(plan.layers[1].state, LayerState::Missing);
    let pulled = host.apply(&plan).unwrap();
    assert_eq!((pulled.reused, pulled.stored.len()), (1, 1));
    assert_eq!(
        host.cat(&pulled.merge_commit.to_string(), "usr/b").unwrap(),
        "2"
    );
    assert!(host.check().is_empty());
}

#[test]
fn other_rules_are_a_change_though_the_manifest_is_the_same() {
    let host = Host::new();
    let lower = layer("dir usr/d 0700\nfile usr/d/a");
    let upper = layer("dir usr/d 0755\nfile usr/d/b");
    let place = Place::image(&Image::of([lower, upper]));
    let ours = host.pull(&place.latest()).unwrap().merge_commit;
    let theirs = host.pull_by(&place.latest(), Compat::OstreeExt);
    assert!(!theirs.unchanged);
    assert_ne!(ours, theirs.merge_commit);
    assert!(host.pull_by(&place.latest(), Compat::OstreeExt).unchanged);
    assert_eq!(host.pull(&place.latest()).unwrap().merge_commit, ours);
}

#[test]
fn a_stored_image_of_another_platform_is_refused_all_the_same() {
    let host = Host::new();
    let place = Place::image(&Image::of([layer("file usr/a")]).platform("linux/s390x"));
    let mut config = host.config();
    config.source.platform = "linux/s390x".parse().unwrap();
    let reference = OstreeImageReference::parse_lenient(&place.latest()).unwrap();
    let pull = |config: &PullConfig| {
        let plan = host
            .storage
            .plan_pull(&reference, config, &host.observer())?;
        host.storage.apply_pull(&plan, config, &host.observer())
    };
    pull(&config).unwrap();
    let error = pull(&host.config()).unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid, "{error:?}");
    assert!(chain(&error).contains("s390x"), "{error:?}");
}

#[test]
fn a_plan_that_no_longer_holds_is_noticed() {
    let host = Host::new();
    let place = Place::image(&Image::of([layer("file usr/a")]));
    host.pull(&place.latest()).unwrap();
    let unchanged = host.plan(&place.latest()).unwrap();
    host.storage
        .remove(&[name(&place.latest())], &host.observer())
        .unwrap();
    let error = host.apply(&unchanged).unwrap_err();
    assert!(matches!(error, Error::PlanOutdated { .. }), "{error:?}");
    assert_eq!(error.kind(), Kind::Busy);

    // Layers that were there when the plan was made are fetched if they are gone.
    let layers = [layer("file usr/a"), layer("file usr/b")];
    let place = Place::of(
        &Layout::new()
            .image("1", &Image::of([layers[0].clone()]).build())
            .image("2", &Image::of(layers).build()),
    );
    host.pull(&place.tag("1")).unwrap();
    let plan = host.plan(&place.tag("2")).unwrap();
    assert_eq!(plan.missing().count(), 1);
    host.storage
        .remove(&[name(&place.tag("1"))], &host.observer())
        .unwrap();
    assert_eq!(host.apply(&plan).unwrap().stored.len(), 2);
    assert!(host.check().is_empty());
}
