//! Archives that others wrote are read as GNU tar, bsdtar and CPython read them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod support;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use oci_manifest::Compression;
use ostree_layer::Limits;
use serde_json::Value;
use support::lab::{Node, sha256};
use support::{Imported, Lab, Request, chain};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// Every archive with what is expected of it.
fn fixtures() -> Vec<(PathBuf, Value)> {
    let mut fixtures = Vec::new();
    for folder in ["tar-rs", "ostree-rs-ext"] {
        for entry in std::fs::read_dir(data().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let expected = data().join(format!("expected/{name}.json"));
            let text = std::fs::read_to_string(expected).unwrap();
            fixtures.push((path, serde_json::from_str(&text).unwrap()));
        }
    }
    assert_eq!(fixtures.len(), 21);
    fixtures
}

fn import(path: &Path) -> Result<Imported, String> {
    let blob = std::fs::read(path).unwrap();
    let (tar, compression) = match path.extension().unwrap().to_str().unwrap() {
        "zst" => (zstd::decode_all(&*blob).unwrap(), Compression::Zstd),
        "gz" => {
            let mut tar = Vec::new();
            GzDecoder::new(&*blob).read_to_end(&mut tar).unwrap();
            (tar, Compression::Gzip)
        }
        _ => (blob.clone(), Compression::None),
    };
    // One archive holds a sparse file of 12 GB, which is no test for every day.
    let limits = Limits {
        file_bytes: 1 << 30,
        ..Limits::default()
    };
    let request = Request {
        compression,
        limits,
        ..Request::default()
    };
    Lab::new()
        .blob(&blob, &tar, &request)
        .map_err(|error| chain(&error))
}

#[test]
fn read_as_three_others_read_them() {
    for (path, expected) in fixtures() {
        let verdict = expected["verdict"].as_str().unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        match (verdict, import(&path)) {
            ("accept", Ok(layer)) => compare(name, &layer, &expected),
            ("accept", Err(error)) if name == "sparse-large.tar" => {
                assert!(
                    error.starts_with("entry \"huge\": the file has 12626929280 bytes"),
                    "{error}"
                );
            }
            ("differential", Err(error)) => assert!(error.contains("the name is empty"), "{error}"),
            (_, result) => panic!("{name}: {:?}", result.map(|layer| layer.listing())),
        }
    }
}

fn compare(name: &str, layer: &Imported, expected: &Value) {
    let entries = expected["python"]["entries"].as_array().unwrap();
    assert_eq!(layer.report.entries, entries.len() as u64, "{name}");
    let mut wanted: BTreeMap<String, &Value> = BTreeMap::new();
    for entry in entries {
        wanted.insert(tidy(entry["name"].as_str().unwrap()), entry);
    }
    for (path, entry) in &wanted {
        let found = layer.node(path);
        let link = entry["link"].as_str().unwrap();
        let kind = match entry["type"].as_str().unwrap() {
            "5" => 'd',
            "2" => 'l',
            "1" => {
                assert_eq!(found, layer.node(&tidy(link)), "{name}: {path}");
                continue;
            }
            _ => 'f',
        };
        let number = |field: &str| entry[field].as_u64().unwrap();
        assert_eq!(
            (found.kind, &found.target[..]),
            (kind, link),
            "{name}: {path}"
        );
        assert_eq!(u64::from(found.uid), number("uid"), "{name}: {path}");
        assert_eq!(u64::from(found.gid), number("gid"), "{name}: {path}");
        assert_eq!(
            u64::from(found.mode),
            number("mode") & 0o7777,
            "{name}: {path}"
        );
        if kind == 'f' {
            assert_eq!(found.size, number("size"), "{name}: {path}");
            assert_eq!(
                sha256(&found.content).hex(),
                entry["sha256"].as_str().unwrap(),
                "{name}: {path}"
            );
        }
        let xattrs = entry["xattrs"].as_array().unwrap();
        assert_eq!(found.xattrs.len(), xattrs.len(), "{name}: {path}");
    }
    let implied = |path: &str, node: &Node| {
        let below = format!("{path}/");
        node.kind == 'd' && (path.is_empty() || wanted.keys().any(|name| name.starts_with(&below)))
    };
    for (path, node) in &layer.nodes {
        assert!(
            wanted.contains_key(path) || implied(path, node),
            "{name}: {path} was not expected"
        );
    }
}

fn tidy(path: &str) -> String {
    let names = path.split('/').filter(|name| !matches!(*name, "" | "."));
    names.collect::<Vec<_>>().join("/")
}

#[test]
fn the_same_blob_gives_the_same_commit() {
    for (path, _) in fixtures() {
        let (first, second) = (import(&path), import(&path));
        assert_eq!(
            first.map(|layer| layer.id),
            second.map(|layer| layer.id),
            "{}",
            path.display()
        );
    }
}
