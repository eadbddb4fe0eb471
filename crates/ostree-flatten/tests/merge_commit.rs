//! The merge commit's bytes, and what libostree makes of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod common;

use std::collections::BTreeMap;

use common::Fixture;
use ostree_flatten::{DirectoryRule::UpperWins, Error, MergeCommit, merge};
use ostree_objects::{Checksum, Value};

const MANIFEST: &str = "{ \"schemaVersion\": 2, \"x\": \"é\" }\n";

fn commit(extra: &BTreeMap<String, Value>) -> MergeCommit<'_> {
    MergeCommit {
        manifest: MANIFEST,
        manifest_digest: "sha256:00",
        config: "null",
        importer_version: "bootc-storage/1",
        parent: None,
        timestamp: None,
        extra,
    }
}

#[test]
fn has_the_four_keys_and_nothing_of_its_own() {
    let fixture = Fixture::new();
    let trees = fixture.trees(&["usr/a"]);
    let parent = Checksum::of(b"the base commit");
    let mut stage = fixture.repo.stage().unwrap();
    let merged = merge(None, &trees, UpperWins, &mut stage).unwrap();
    let none = BTreeMap::new();
    let unknown_time = commit(&none).write(&merged, &mut stage).unwrap();
    let again = commit(&none).write(&merged, &mut stage).unwrap();
    assert_eq!(unknown_time, again, "the same image gives the same commit");
    let extra = BTreeMap::from([(
        "ostree.composefs.digest.v0".to_owned(),
        Value::Bytes(vec![7; 32]),
    )]);
    let full = MergeCommit {
        parent: Some(parent),
        timestamp: Some(1_700_000_000),
        ..commit(&extra)
    };
    let full = full.write(&merged, &mut stage).unwrap();
    stage.publish().unwrap();

    let plain = fixture.repo.read_commit(&unknown_time).unwrap();
    assert_eq!((plain.timestamp, plain.parent), (0, None));
    assert_eq!((plain.subject.as_str(), plain.body.as_str()), ("", ""));
    assert_eq!((plain.tree, plain.meta), (merged.tree, merged.meta));
    let keys: Vec<_> = plain.metadata.0.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "ostree.container.image-config",
            "ostree.importer.version",
            "ostree.manifest",
            "ostree.manifest-digest",
        ]
    );
    let manifest = plain.metadata.get_str("ostree.manifest");
    assert_eq!(manifest, Some(MANIFEST), "the text stays as it came");

    let full = fixture.repo.read_commit(&full).unwrap();
    assert_eq!((full.timestamp, full.parent), (1_700_000_000, Some(parent)));
    let digest = full.metadata.get("ostree.composefs.digest.v0");
    assert_eq!(digest, Some(&Value::Bytes(vec![7; 32])));
    assert_eq!(full.metadata.0.len(), 5);
}

#[test]
fn keys_of_its_own_and_bad_text_are_refused() {
    let fixture = Fixture::new();
    let trees = fixture.trees(&["a"]);
    let mut stage = fixture.repo.stage().unwrap();
    let merged = merge(None, &trees, UpperWins, &mut stage).unwrap();
    let extra = BTreeMap::from([("ostree.manifest".to_owned(), Value::Str(String::new()))]);
    let error = commit(&extra).write(&merged, &mut stage).unwrap_err();
    assert!(matches!(error, Error::ReservedKey { .. }), "{error}");
    let none = BTreeMap::new();
    let nul = MergeCommit {
        manifest: "a\0b",
        ..commit(&none)
    };
    let error = nul.write(&merged, &mut stage).unwrap_err();
    assert!(matches!(error, Error::BadCommit { .. }), "{error}");
}
