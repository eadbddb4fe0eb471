//! What a check finds, and that it changes nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use bootc_storage::pull::default_jobs;
use bootc_storage::{Error, Kind};
use ostree_objects::{ObjectName, ObjectType};
use test_images::Image;

use crate::host::{Host, Place, layer, name};

fn pulled(host: &Host) -> Place {
    let lower = layer("file usr/a size=3000 seed=1\ndir usr/d\nfile usr/d/x \"x\"");
    let place = Place::image(&Image::of([lower, layer("file usr/b \"b\"")]));
    host.pull(&place.latest()).unwrap();
    place
}

#[test]
fn a_whole_image_has_no_problems() {
    let host = Host::new();
    let place = pulled(&host);
    let observer = host.observer();
    let names = [name(&place.latest())];
    let report = host
        .storage
        .check(&names, default_jobs(), &observer)
        .unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert_eq!(report.images, [place.latest()]);
    // Each object but detached metadata, which there is none of.
    assert_eq!(
        report.objects,
        host.storage.repo().list_objects().count() as u64
    );
}

#[test]
fn a_deleted_object_is_told_once() {
    for extension in ["file", "dirtree", "dirmeta"] {
        let host = Host::new();
        pulled(&host);
        fs::remove_file(host.objects(extension).last().unwrap()).unwrap();
        let problems = host.check();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].ends_with("is missing"), "{problems:?}");
    }
}

#[test]
fn a_corrupt_object_is_named_with_what_it_hashes_to() {
    for extension in ["file", "dirmeta"] {
        let host = Host::new();
        pulled(&host);
        let path = host.objects(extension).pop().unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(&path, bytes).unwrap();
        let problems = host.check();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains("corrupt"), "{problems:?}");
    }
}

#[test]
fn a_missing_or_broken_layer_ref_is_named() {
    let host = Host::new();
    let only = layer("file usr/a");
    host.pull(&Place::image(&Image::of([only.clone()])).latest())
        .unwrap();
    fs::write(host.blob_ref(&only), "nonsense").unwrap();
    let problems = host.check();
    assert!(
        problems.len() == 1 && problems[0].contains(&only.digest.to_string()),
        "{problems:?}"
    );
    fs::remove_file(host.blob_ref(&only)).unwrap();
    let problems = host.check();
    assert!(
        problems.len() == 1 && problems[0].contains("ref is missing"),
        "{problems:?}"
    );
}

#[test]
fn a_broken_image_is_a_problem_and_a_missing_one_an_error() {
    let host = Host::new();
    let place = pulled(&host);
    let names = [name(&place.latest())];
    let ref_name = ostree_refs::image_ref(&names[0]).unwrap();
    fs::write(host.ref_path(ref_name.as_str()), "nonsense").unwrap();
    let jobs = default_jobs();
    let report = host.storage.check(&names, jobs, &host.observer()).unwrap();
    assert_eq!(report.problems.len(), 1);
    assert_eq!(host.check().len(), 1);
    let error = host
        .storage
        .check(&[name("docker://h/none:1")], jobs, &host.observer())
        .unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }));
    assert_eq!(error.kind(), Kind::NotFound);
}

/// What ostree-ext writes beside a merge commit when it finds an update.
#[test]
fn a_cached_update_in_detached_metadata_is_tolerated() {
    let host = Host::new();
    let place = pulled(&host);
    let merge = host
        .storage
        .inspect(&name(&place.latest()))
        .unwrap()
        .merge_commit;
    let mut metadata = ostree_objects::Metadata::new();
    for key in ["manifest-digest", "manifest", "config"] {
        let key = format!("ostree-ext.cached.{key}");
        let value = ostree_objects::Value::Str("text".to_owned());
        metadata.0.insert(key, value);
    }
    let stage = host.storage.repo().stage().unwrap();
    let detached = ObjectName::new(merge, ObjectType::CommitMeta);
    stage
        .write_metadata_expecting(&detached, &metadata.to_bytes())
        .unwrap();
    stage.publish().unwrap();
    assert!(host.check().is_empty());
    assert!(host.pull(&place.latest()).unwrap().unchanged);
    assert_eq!(host.storage.list().unwrap().images.len(), 1);
    host.storage.apply_prune(&host.observer()).unwrap();
    assert!(host.storage.repo().has(&detached).unwrap());
    host.storage
        .remove(&[name(&place.latest())], &host.observer())
        .unwrap();
    assert!(!host.storage.repo().has(&detached).unwrap());
}

#[test]
fn a_shared_object_is_named_with_its_paths_and_every_image_that_needs_it() {
    let host = Host::new();
    let shared = layer("file usr/a \"shared\"\nfile usr/copy \"shared\"\nfile usr/old \"old\"");
    let one = Place::image(&Image::of([shared.clone(), layer("whiteout usr/old")]));
    let two = Place::image(&Image::of([shared, layer("whiteout usr/old\nfile usr/b")]));
    let other = Place::image(&Image::of([layer("file usr/b")]));
    for place in [&one, &two, &other] {
        host.pull(&place.latest()).unwrap();
    }
    let mut both = [one.latest(), two.latest()];
    both.sort();
    for content in ["shared", "old"] {
        let mut objects = host.objects("file").into_iter();
        let damaged = objects.find(|path| fs::read(path).unwrap() == content.as_bytes());
        fs::remove_file(damaged.unwrap()).unwrap();
    }
    let names = [name(&one.latest()), name(&one.latest())];
    let (jobs, observer) = (default_jobs(), host.observer());
    let report = host.storage.check(&names, jobs, &observer).unwrap();
    assert_eq!(report.images, [one.latest()], "twice named, once checked");
    let mut paths = Vec::new();
    for problem in &report.problems {
        assert_eq!(problem.images, both, "{problem:?}");
        paths.push(problem.paths.clone());
    }
    paths.sort();
    // What a whiteout removed is in a layer only.
    assert_eq!(
        paths,
        [vec![], vec!["/usr/a".to_owned(), "/usr/copy".to_owned()]]
    );
}
