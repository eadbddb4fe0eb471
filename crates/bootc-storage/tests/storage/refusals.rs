//! What is refused, with the kind that a caller goes by, and without a trace.

use std::fs;

use bootc_storage::{Error, Kind};
use oci_manifest::OstreeImageReference;
use test_images::{Digest, Image, Layout};

use crate::host::{Host, Place, chain, layer};

#[test]
fn a_blob_of_another_digest_fails_each_time() {
    let host = Host::new();
    let mut liar = layer("file usr/b \"2\"");
    liar.digest = Digest::sha256_of(b"another blob");
    let good = layer("file usr/a \"1\"");
    let place = Place::image(&Image::of([good.clone(), liar.clone()]));
    for _ in 0..2 {
        let error = host.pull(&place.latest()).unwrap_err();
        assert_eq!(error.kind(), Kind::Unverified, "{error:?}");
        assert!(chain(&error).contains(&liar.digest.to_string()));
        assert_eq!(host.layer_commit(&liar), None);
        assert!(host.storage.list().unwrap().images.is_empty());
    }
}

#[test]
fn a_blob_or_an_image_that_is_not_there_is_not_found() {
    let host = Host::new();
    let image = Image::of([layer("file usr/a")]);
    let layout = Layout::new().image("latest", &image.build());
    let place = Place::of(&layout.without_blob(&image.layers[0].digest));
    assert_eq!(
        host.pull(&place.latest()).unwrap_err().kind(),
        Kind::NotFound
    );
    assert_eq!(
        host.plan(&place.tag("other")).unwrap_err().kind(),
        Kind::NotFound
    );
    assert_eq!(
        host.plan("oci:/nonexistent:1").unwrap_err().kind(),
        Kind::NotFound
    );
}

#[test]
fn what_cannot_fit_has_a_plan_and_is_refused() {
    let host = Host::new();
    let config = host.repo().join("config");
    let text = fs::read_to_string(&config).unwrap();
    let text = text.replace("[core]\n", "[core]\nmin-free-space-size=900TB\n");
    fs::write(&config, text).unwrap();
    let place = Place::image(&Image::of([layer("file usr/a")]));
    let reference = OstreeImageReference::parse_lenient(&place.latest()).unwrap();
    let storage = host.reopened();
    let (config, observer) = (host.config(), host.observer());
    let plan = storage.plan_pull(&reference, &config, &observer).unwrap();
    assert!(plan.space.is_short() && plan.space.is_tight());
    assert_eq!(plan.space.available_bytes, 0);
    let error = storage.apply_pull(&plan, &config, &observer).unwrap_err();
    assert!(matches!(error, Error::NoSpace { .. }), "{error:?}");
    assert_eq!(error.kind(), Kind::NoSpace);
    assert!(error.to_string().contains("the 990 TB that"), "{error}");
    assert!(host.refs().is_empty());
}

#[test]
fn names_that_cannot_stand_beside_each_other_are_told_before_anything_is_fetched() {
    let host = Host::new();
    let place = Place::image(&Image::of([layer("file usr/a")]));
    let stored = ostree_refs::image_ref(&format!("{}/b:1", place.latest()).parse().unwrap());
    let path = host.ref_path(stored.unwrap().as_str());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    // Whether the other one can be read does not matter.
    for content in ["nonsense".to_owned(), "0".repeat(64)] {
        fs::write(&path, content).unwrap();
        let error = host.plan(&place.latest()).unwrap_err();
        assert!(matches!(error, Error::RefCollision { .. }), "{error:?}");
        assert_eq!(error.kind(), Kind::Invalid);
    }
}

#[test]
fn a_directory_without_a_repository_is_not_found() {
    let dir = tempfile::tempdir().unwrap();
    let open = cap_std::fs::Dir::open_ambient_dir(dir.path(), cap_std::ambient_authority());
    let error = bootc_storage::Storage::open_repo(open.unwrap()).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound, "{error:?}");
}
