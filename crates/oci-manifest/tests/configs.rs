//! Image configs: others', sparse ones, stored ones, wrong ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use oci_manifest::{
    ANNOTATION_CREATED, Config, Digest, Error, Manifest, Platform, created_timestamp,
};

macro_rules! data {
    ($name:literal) => {
        include_bytes!(concat!("data/", $name)).as_slice()
    };
}

/// A manifest around some layers, `layers` being the text of the array.
fn manifest_json(layers: &str) -> String {
    format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":"{}"}},"layers":{layers}}}"#,
        Digest::sha256_of(b"{}")
    )
}

fn layer_json(media_type: &str) -> String {
    format!(
        r#"{{"mediaType":"{media_type}","size":7,"digest":"{}"}}"#,
        Digest::sha256_of(b"layer")
    )
}

const TAR: &str = "application/vnd.oci.image.layer.v1.tar";

#[test]
fn config_of_others_parses() {
    let config = Config::parse(data!("oci-spec-config.json")).unwrap();
    assert_eq!(
        (config.os(), config.architecture(), config.variant()),
        ("linux", "amd64", None)
    );
    assert_eq!(config.diff_ids().len(), 2);
    assert_eq!(config.created(), Some("2015-10-31T22:22:56.015925234Z"));
    let empty: Vec<bool> = config
        .history()
        .iter()
        .map(|line| line.empty_layer)
        .collect();
    assert_eq!(empty, [false, true]);
    assert_eq!(config.version(), None);
    assert_eq!(
        Digest::sha256_of(config.raw().as_bytes()),
        Digest::sha256_of(data!("oci-spec-config.json"))
    );
}

#[test]
fn configs_that_miss_what_is_optional_parse() {
    let config = Config::parse(
        br#"{"rootfs":{"type":"layers","diff_ids":null},"history":null,"config":null}"#,
    )
    .unwrap();
    assert_eq!((config.architecture(), config.os()), ("", ""));
    assert!(
        config.diff_ids().is_empty() && config.history().is_empty() && config.labels().is_empty()
    );
    let odd = br#"{"architecture":"arm64","os":"linux","variant":"","rootfs":{"diff_ids":[]},
        "config":{"ExposedPorts":{"80":null},"Volumes":["/x"],"Labels":{"a":null,"version":"7"},"Env":null}}"#;
    let config = Config::parse(odd).unwrap();
    assert_eq!(config.variant(), None);
    assert_eq!(config.labels()["a"], "");
    assert_eq!(config.version(), Some("7"), "the older label");
}

#[test]
fn the_newer_version_label_wins() {
    let both = br#"{"rootfs":{"diff_ids":[]},
        "config":{"Labels":{"version":"old","org.opencontainers.image.version":"new"}}}"#;
    assert_eq!(Config::parse(both).unwrap().version(), Some("new"));
}

#[test]
fn configs_that_are_none_are_refused() {
    assert!(matches!(Config::parse(b"null"), Err(Error::Json { .. })));
    assert!(matches!(Config::parse(b"{}"), Err(Error::NoRootFs)));
    assert!(matches!(
        Config::parse(br#"{"rootfs":{"type":"layers+base","diff_ids":[]}}"#),
        Err(Error::RootFsType { .. })
    ));
    assert!(matches!(
        Config::parse(br#"{"rootfs":{"diff_ids":["sha256:zz"]}}"#),
        Err(Error::Descriptor {
            part: "diff_id",
            position: 0,
            ..
        })
    ));
    assert!(matches!(
        Config::parse(br#"{"rootfs":{"diff_ids":[]},"rootfs":{"diff_ids":[]}}"#),
        Err(Error::AmbiguousKey { .. })
    ));
}

#[test]
fn a_stored_config_may_be_null() {
    let config = Config::parse_stored(b"null").unwrap();
    assert_eq!(config.raw(), "null");
    assert!(config.diff_ids().is_empty());
    assert_eq!(Config::parse_stored(b"{}").unwrap().version(), None);
    assert_eq!(
        Config::parse_stored(data!("oci-spec-config.json")).unwrap(),
        Config::parse(data!("oci-spec-config.json")).unwrap()
    );
    assert!(Config::parse_stored(b"").is_err());
}

#[test]
fn the_wrong_platform_is_named() {
    let config = Config::parse(data!("oci-spec-config.json")).unwrap();
    let error = config
        .check_platform(&"linux/arm64".parse().unwrap())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "image has platform \"linux/amd64\"; expected linux/arm64"
    );
    let silent = Config::parse(br#"{"rootfs":{}}"#).unwrap();
    assert!(
        silent.check_platform(&Platform::host()).is_err(),
        "no architecture"
    );
}

#[test]
fn timestamps_come_from_the_annotation_then_the_config() {
    let plain = manifest_json(&format!("[{}]", layer_json(TAR)));
    let annotated = |time: &str| {
        let text = plain.replacen(
            '{',
            &format!(r#"{{"annotations":{{"{ANNOTATION_CREATED}":"{time}"}},"#),
            1,
        );
        Manifest::parse(text.as_bytes()).unwrap()
    };
    let created = |time: &str| {
        Config::parse(format!(r#"{{"created":{time},"rootfs":{{}}}}"#).as_bytes()).unwrap()
    };
    let plain = Manifest::parse(plain.as_bytes()).unwrap();
    let config = created("\"2000-01-01T00:00:00.9Z\"");
    assert_eq!(created_timestamp(&plain, &config), Some(946_684_800));
    assert_eq!(
        created_timestamp(&annotated("1970-01-01T01:00:07+01:00"), &config),
        Some(7)
    );
    assert_eq!(
        created_timestamp(&annotated("yesterday"), &config),
        None,
        "as ostree-ext"
    );
    assert_eq!(created_timestamp(&plain, &created("null")), None);
    assert_eq!(
        created_timestamp(&plain, &created("\"1969-12-31T23:59:59Z\"")),
        None
    );
}
