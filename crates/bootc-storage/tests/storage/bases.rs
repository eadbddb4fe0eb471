//! Encapsulated images: the base commit, its chunks, its signature.

use std::fs;

use bootc_storage::{Error, Kind};
use ostree_objects::{Metadata, Value};
use test_images::{Encapsulated, Encapsulation, Image, Layout, Listing};

use crate::host::{Host, Place, layer};

fn base(content: &str) -> Encapsulated {
    let listing = format!("file usr/a {content:?}\nfile usr/b \"b\"\nfile usr/c \"c\"");
    Encapsulation::default()
        .encapsulate(&Listing::parse(&listing).unwrap())
        .unwrap()
}

#[test]
fn the_base_commit_is_the_parent_and_the_first_layers_ref() {
    let host = Host::new();
    let base = base("1");
    let image = base.image().layer(layer("file usr/d \"d\""));
    let pulled = host.pull(&Place::image(&image).latest()).unwrap();
    let merge = host
        .storage
        .repo()
        .read_commit(&pulled.merge_commit)
        .unwrap();
    assert_eq!(merge.parent, Some(base.commit));
    assert_eq!(
        host.layer_commit(&base.layers[0]),
        Some(base.commit.to_string())
    );
    assert_eq!(
        host.cat(&pulled.merge_commit.to_string(), "usr/d").unwrap(),
        "d"
    );
    assert!(host.check().is_empty());
}

#[test]
fn a_base_that_lacks_a_chunk_gets_no_ref() {
    let host = Host::new();
    let whole = base("1");
    let last = whole.layers.len() - 1;
    let label = whole.layers[last - 1].diff_id.to_string();
    let mut image = whole.image().label("ostree.final-diffid", &label);
    image.layers.truncate(last);
    let place = Place::image(&image);
    for _ in 0..2 {
        let error = host.pull(&place.latest()).unwrap_err();
        assert!(matches!(error, Error::BaseIncomplete { .. }), "{error:?}");
        assert_eq!(host.layer_commit(&whole.layers[0]), None);
    }
    // The chunk that came stays; the base comes with the whole image.
    let pulled = host.pull(&Place::image(&whole.image()).latest()).unwrap();
    assert_eq!((pulled.reused, pulled.stored.len()), (last - 1, 2));
    assert!(host.check().is_empty());
}

#[test]
fn chunks_that_were_lost_come_again_and_the_base_is_walked() {
    let host = Host::new();
    let base = base("1");
    let place = Place::image(&base.image());
    let first = host.pull(&place.latest()).unwrap();
    let chunk = &base.layers[1];
    fs::remove_file(host.blob_ref(chunk)).unwrap();
    for file in &base.file_objects[0] {
        let name = ostree_objects::ObjectName::new(*file, ostree_objects::ObjectType::File);
        let path = name.loose_path(host.storage.repo().mode());
        fs::remove_file(host.repo().join("objects").join(path)).unwrap();
    }
    host.events();
    let again = host.pull(&place.latest()).unwrap();
    assert_eq!(
        (again.merge_commit, again.stored.len()),
        (first.merge_commit, 1)
    );
    assert!(host.events().contains(&"VerifyBase".to_owned()));
    assert!(host.check().is_empty());
}

#[test]
fn a_mark_of_a_partial_commit_goes_with_what_it_stood_for() {
    let host = Host::new();
    let base = base("1");
    let place = Place::image(&base.image());
    host.pull(&place.latest()).unwrap();
    let mark = host
        .repo()
        .join(format!("state/{}.commitpartial", base.commit));
    fs::create_dir_all(mark.parent().unwrap()).unwrap();
    fs::write(&mark, "").unwrap();
    assert!(host.check()[0].contains("lacks objects"));
    let again = host.pull(&place.latest()).unwrap();
    assert_eq!(again.stored.len(), 1);
    assert!(!mark.exists());
    assert!(host.plan(&place.latest()).unwrap().is_unchanged());
    assert!(host.check().is_empty());
}

/// Such a commit would pass for a layer whose content we verified, in any image that has a layer of that diff_id.
#[test]
fn a_base_with_our_own_metadata_keys_is_refused() {
    let host = Host::new();
    let victim = layer("file usr/a \"victim\"");
    let mut metadata = Metadata::new();
    for (key, value) in [
        (
            ostree_layer::IMPORTER_KEY,
            bootc_storage::IMPORTER_VERSION.to_owned(),
        ),
        (ostree_layer::DIFF_ID_KEY, victim.diff_id.to_string()),
        (ostree_layer::PATH_POLICY_KEY, policy_without_base(&host)),
    ] {
        metadata.0.insert(key.to_owned(), Value::Str(value));
    }
    let forged = Encapsulation {
        metadata,
        subject: String::new(),
        timestamp: 0,
        ..Encapsulation::default()
    }
    .encapsulate(&Listing::parse("file usr/a \"evil\"").unwrap())
    .unwrap();
    let place = Place::of(
        &Layout::new()
            .image("forged", &forged.image().build())
            .image("victim", &Image::of([victim]).build()),
    );
    let error = host.pull(&place.tag("forged")).unwrap_err();
    assert!(matches!(error, Error::ReservedMetadata { .. }), "{error:?}");
    assert_eq!(error.kind(), Kind::Invalid);
    let pulled = host.pull(&place.tag("victim")).unwrap();
    assert_eq!(
        host.cat(&pulled.merge_commit.to_string(), "usr/a").unwrap(),
        "victim"
    );
}

fn policy_without_base(host: &Host) -> String {
    let place = Place::image(&Image::of([layer("file usr/x")]));
    let plan = host.plan(&place.latest()).unwrap();
    plan.path_policy.unwrap().to_string()
}

#[test]
fn a_remote_vouches_for_nothing_on_top_of_a_base_and_for_no_image_without_one() {
    let host = Host::new();
    for image in [
        Image::of([layer("file usr/a")]),
        base("1").image().layer(layer("file usr/d")),
    ] {
        let place = Place::image(&image);
        let remote = format!("ostree-remote-image:origin:{}", place.latest());
        for _ in 0..2 {
            let error = host.plan(&remote).unwrap_err();
            assert!(
                matches!(error, Error::RemoteCannotVerify { .. }),
                "{error:?}"
            );
            assert_eq!(error.kind(), Kind::Unverified);
            // Nor does it once the image is there.
            host.pull(&place.latest()).unwrap();
        }
    }
}

#[test]
fn an_unsigned_base_is_refused_new_or_stored_or_unchanged() {
    let host = Host::new();
    let base = base("1");
    fs::write(
        host.repo().join("config"),
        fs::read_to_string(host.repo().join("config")).unwrap()
            + "\n[remote \"origin\"]\nurl=http://localhost\ngpg-verify=true\n",
    )
    .unwrap();
    let storage = host.reopened();
    let layout = Layout::new()
        .image("a", &base.image().build())
        .image("b", &base.image().label("version", "2").build());
    let place = Place::of(&layout);
    let signed = |tag: &str| {
        let text = format!("ostree-remote-image:origin:{}", place.tag(tag));
        let reference = oci_manifest::OstreeImageReference::parse_lenient(&text).unwrap();
        let plan = storage.plan_pull(&reference, &host.config(), &host.observer())?;
        storage.apply_pull(&plan, &host.config(), &host.observer())
    };
    for _ in 0..2 {
        for tag in ["a", "b"] {
            let error = signed(tag).unwrap_err();
            assert!(matches!(error, Error::RemoteSignature { .. }), "{error:?}");
            assert_eq!(error.kind(), Kind::Unverified);
        }
        // Then the base is stored, and image "a" is unchanged.
        host.pull(&place.tag("a")).unwrap();
    }
    assert!(!host.refs().iter().any(|name| name.ends_with("_3A_b")));
}
