//! Which layer is what, and which platform is chosen.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use std::error::Error as _;

use oci_manifest::{
    Config, Digest, Error, Index, LABEL_FINAL_DIFFID, Layout, Manifest, Platform, Role,
};

const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// The digest that a letter stands for.
fn digest(name: &str) -> Digest {
    Digest::sha256_of(name.as_bytes())
}

/// An image: blobs and diff_ids by letter, and the label's letter.
fn image(blobs: &[&str], diff_ids: &[&str], last: Option<&str>) -> (Manifest, Config) {
    image_of_type(GZIP, blobs, diff_ids, last)
}

fn image_of_type(
    media_type: &str,
    blobs: &[&str],
    diff_ids: &[&str],
    last: Option<&str>,
) -> (Manifest, Config) {
    let layers: Vec<String> = blobs
        .iter()
        .map(|blob| {
            format!(
                r#"{{"mediaType":"{media_type}","size":3,"digest":"{}"}}"#,
                digest(blob)
            )
        })
        .collect();
    let manifest = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":"{}"}},"layers":[{}]}}"#,
        digest("config"),
        layers.join(",")
    );
    let ids: Vec<String> = diff_ids
        .iter()
        .map(|id| format!("\"{}\"", digest(id)))
        .collect();
    let label = last.map_or_else(String::new, |id| {
        let value = if id.len() == 1 {
            digest(id).to_string()
        } else {
            id.to_owned()
        };
        format!(r#""{LABEL_FINAL_DIFFID}":"{value}""#)
    });
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"Labels":{{{label}}}}},"rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
        ids.join(",")
    );
    (
        Manifest::parse(manifest.as_bytes()).unwrap(),
        Config::parse(config.as_bytes()).unwrap(),
    )
}

fn roles(blobs: &[&str], diff_ids: &[&str], last: Option<&str>) -> Result<String, Error> {
    let (manifest, config) = image(blobs, diff_ids, last);
    let letter = |role| match role {
        Role::Commit => 'C',
        Role::Chunk => 'k',
        Role::Derived => 'd',
    };
    Layout::new(&manifest, &config).map(|layout| {
        layout
            .layers
            .iter()
            .map(|layer| letter(layer.role))
            .collect()
    })
}

#[test]
fn the_label_parts_the_layers() {
    let ids = ["a", "b", "c", "d"];
    let blobs = ["A", "B", "C", "D"];
    for (last, expected) in [
        (None, "dddd"),
        (Some("a"), "Cddd"),
        (Some("b"), "Ckdd"),
        (Some("c"), "Ckkd"),
        (Some("d"), "Ckkk"),
    ] {
        assert_eq!(roles(&blobs, &ids, last).unwrap(), expected, "{last:?}");
    }
}

#[test]
fn views_agree_with_the_roles() {
    let (manifest, config) = image(&["A", "B", "C"], &["a", "b", "c"], Some("b"));
    let layout = Layout::new(&manifest, &config).unwrap();
    assert!(layout.has_base());
    assert_eq!(layout.base_layer().unwrap().descriptor.digest, digest("A"));
    assert_eq!(
        layout.chunks().map(|layer| layer.index).collect::<Vec<_>>(),
        [1]
    );
    assert_eq!(
        layout
            .derived()
            .map(|layer| layer.index)
            .collect::<Vec<_>>(),
        [2]
    );
    assert_eq!(layout.layers[2].diff_id.0, digest("c"));
    let (manifest, config) = image(&["A"], &["a"], None);
    let plain = Layout::new(&manifest, &config).unwrap();
    assert!(!plain.has_base());
    assert_eq!(plain.derived().count(), 1);
}

#[test]
fn the_label_must_name_a_layer() {
    let error = roles(&["A"], &["a"], Some("z")).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "missing ostree.final-diffid \"{}\" in the diff_ids of the config",
            digest("z")
        )
    );
    let error = roles(&["A"], &["a"], Some("no digest")).unwrap_err();
    assert!(matches!(error, Error::FinalDiffIdMissing { .. }), "{error}");
    let error = roles(&["A"], &["a", "b"], Some("b")).unwrap_err();
    assert_eq!(error.to_string(), "diffid position 1 exceeds layer count 1");
}

#[test]
fn one_diff_id_for_each_layer() {
    for (blobs, ids) in [
        (&["A", "B"][..], &["a"][..]),
        (&["A"], &["a", "b"]),
        (&["A"], &[]),
    ] {
        let error = roles(blobs, ids, None).unwrap_err();
        assert!(
            matches!(error, Error::DiffIdCount { layers, diff_ids } if layers == blobs.len() && diff_ids == ids.len())
        );
    }
    assert!(matches!(
        roles(&["A", "B"], &["a"], Some("a")),
        Err(Error::DiffIdCount { .. })
    ));
}

#[test]
fn one_blob_has_one_diff_id() {
    let error = roles(&["A", "B", "A"], &["a", "b", "c"], None).unwrap_err();
    assert!(
        matches!(
            error,
            Error::ContradictoryDiffIds {
                first: 0,
                again: 2,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn derived_layers_and_chunks_may_repeat() {
    assert_eq!(
        roles(&["A", "E", "B", "E"], &["a", "e", "b", "e"], None).unwrap(),
        "dddd"
    );
    assert_eq!(
        roles(&["A", "E", "B", "E"], &["a", "e", "b", "e"], Some("a")).unwrap(),
        "Cddd"
    );
    assert_eq!(
        roles(&["A", "K", "K", "L"], &["a", "k", "k", "l"], Some("l")).unwrap(),
        "Ckkk"
    );
    // Two packings of one content are two blobs.
    assert_eq!(
        roles(&["A", "B", "b"], &["a", "x", "x"], None).unwrap(),
        "ddd"
    );
}

#[test]
fn a_blob_has_one_role() {
    for (blobs, ids, last) in [
        (["A", "B", "B"], ["a", "b", "b"], "b"), // the named layer twice
        (["A", "B", "A"], ["a", "b", "a"], "b"), // the commit as a derived layer
        (["A", "A", "B"], ["a", "a", "b"], "b"), // the commit as a chunk
        (["A", "B", "A"], ["a", "b", "a"], "a"), // the base of one layer, repeated
    ] {
        let error = roles(&blobs, &ids, Some(last)).unwrap_err();
        assert!(
            matches!(error, Error::RepeatedBaseLayer { .. }),
            "{blobs:?}: {error}"
        );
    }
    let error = roles(&["A", "K", "L", "K"], &["a", "k", "l", "k"], Some("l")).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "multiple entries for {}: layer 1 of the ostree base is repeated as layer 3",
            digest("K")
        )
    );
}

#[test]
fn a_refused_layer_is_named() {
    let (manifest, config) = image_of_type(
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        &["A"],
        &["a"],
        None,
    );
    let error = Layout::new(&manifest, &config).unwrap_err();
    assert_eq!(error.to_string(), "layer 0");
    assert_eq!(
        error.source().unwrap().to_string(),
        "non-distributable (foreign) layer of type \
         \"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip\" is not supported"
    );
}

/// An index of platforms; `-` stands for an entry without.
fn index(platforms: &[&str]) -> Index {
    let entries: Vec<String> = platforms
        .iter()
        .enumerate()
        .map(|(i, text)| {
            let mut parts = text.split('/');
            let (os, architecture) = (parts.next().unwrap(), parts.next().unwrap_or(""));
            let variant = parts.next().map_or_else(String::new, |v| format!(r#","variant":"{v}""#));
            let platform = match *text {
                "-" => String::new(),
                _ => format!(r#","platform":{{"os":"{os}","architecture":"{architecture}"{variant}}}"#),
            };
            format!(
                r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":{i},"digest":"{}"{platform}}}"#,
                digest("m")
            )
        })
        .collect();
    let text = format!(
        r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
        entries.join(",")
    );
    Index::parse(text.as_bytes()).unwrap()
}

#[test]
fn platforms_are_chosen_by_variant() {
    for (wanted, have, expected) in [
        ("linux/arm64", &["linux/amd64", "linux/arm64"][..], Some(1)),
        ("linux/arm64", &["linux/arm64/v8"], Some(0)),
        ("linux/arm64/v8", &["linux/arm64"], Some(0)),
        (
            "linux/arm64/v9",
            &["linux/arm64", "linux/arm64/v9"],
            Some(1),
        ),
        ("linux/arm64/v9", &["linux/arm64/v8"], Some(0)),
        ("linux/arm64", &["linux/arm64/v9"], None),
        ("linux/amd64", &["linux/amd64/v3", "linux/amd64"], Some(1)),
        ("linux/amd64", &["linux/amd64/v2"], None),
        ("linux/amd64", &["linux/amd64/v1"], Some(0)),
        (
            "linux/amd64/v3",
            &["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"],
            Some(1),
        ),
        ("linux/arm/v7", &["linux/arm/v5", "linux/arm/v6"], Some(1)),
        ("linux/arm/v6", &["linux/arm/v7"], None),
        ("linux/arm/v7", &["linux/arm/7"], Some(0)),
        ("linux/amd64", &["linux/amd64", "linux/amd64"], Some(0)),
        ("linux/amd64", &["freebsd/amd64"], None),
        ("linux/amd64", &["unknown/unknown", "linux/amd64"], Some(1)),
        ("linux/amd64", &["-"], Some(0)),
        ("linux/amd64", &["-", "-"], None),
        ("linux/amd64", &["-", "linux/amd64"], Some(1)),
        ("linux/amd64", &[], None),
    ] {
        let index = index(have);
        let found = index
            .select(&wanted.parse().unwrap())
            .ok()
            .map(|entry| entry.size);
        assert_eq!(found, expected, "{wanted} of {have:?}");
    }
}

#[test]
fn what_is_no_image_is_not_chosen() {
    let entry = |media_type: &str, size: u64| {
        format!(
            r#"{{"mediaType":"{media_type}","size":{size},"digest":"{}","platform":{{"os":"linux","architecture":"amd64"}}}}"#,
            digest("m")
        )
    };
    let text = format!(
        r#"{{"schemaVersion":2,"manifests":[{},{}]}}"#,
        entry("application/vnd.example.sbom", 1),
        entry("application/vnd.oci.image.manifest.v1+json", 2)
    );
    let index = Index::parse(text.as_bytes()).unwrap();
    assert_eq!(
        index.select(&"linux/amd64".parse().unwrap()).unwrap().size,
        2
    );
}

#[test]
fn the_list_in_the_message_is_bounded() {
    let many = vec!["linux/s390x"; 100];
    let error = index(&many)
        .select(&"linux/amd64".parse().unwrap())
        .unwrap_err()
        .to_string();
    assert!(error.ends_with(" and 80 more"), "{error}");
    let none = index(&[])
        .select(&"linux/amd64".parse().unwrap())
        .unwrap_err()
        .to_string();
    assert!(none.ends_with("it has: nothing"), "{none}");
}

#[test]
fn platforms_read_and_write() {
    for text in [
        "linux/amd64",
        "linux/arm64/v8",
        "linux/386",
        "windows/amd64",
    ] {
        assert_eq!(text.parse::<Platform>().unwrap().to_string(), text);
    }
    assert_eq!(
        "linux/x86_64".parse::<Platform>().unwrap().to_string(),
        "linux/amd64"
    );
    assert_eq!(
        "linux/aarch64".parse::<Platform>().unwrap().to_string(),
        "linux/arm64"
    );
    for text in [
        "",
        "linux",
        "/",
        "linux/",
        "/amd64",
        "a/b/c/d",
        "linux/amd 64",
        "linux/\u{1b}[0m",
        "linux/amd64/",
    ] {
        assert!(
            matches!(text.parse::<Platform>(), Err(Error::InvalidPlatform { .. })),
            "{text}"
        );
    }
    let host = Platform::host();
    assert_eq!(host.os, "linux");
    assert!(!["x86_64", "aarch64"].contains(&host.architecture.as_str()));
}
