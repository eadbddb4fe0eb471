//! Each limit of the table: the last value that fits, and the first that does not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use oci_manifest::{
    Config, Digest, Error, ImageReference, Index, Manifest, OstreeImageReference, limits,
    parse_document,
};

const TAR: &str = "application/vnd.oci.image.layer.v1.tar";

fn digest() -> Digest {
    Digest::sha256_of(b"x")
}

fn usize_of(limit: u64) -> usize {
    usize::try_from(limit).unwrap()
}

fn layer(media_type: &str, size: &str, digest: &str, more: &str) -> String {
    format!(r#"{{"mediaType":"{media_type}","size":{size},"digest":"{digest}"{more}}}"#)
}

fn plain_layer() -> String {
    layer(TAR, "1", &digest().to_string(), "")
}

fn manifest(layers: &[String], config_size: u64, more: &str) -> String {
    format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.oci.image.config.v1+json","size":{config_size},"digest":"{}"}},"layers":[{}]{more}}}"#,
        digest(),
        layers.join(",")
    )
}

fn parse_with(layer: String) -> Result<Manifest, Error> {
    Manifest::parse(manifest(&[layer], 2, "").as_bytes())
}

/// The innermost error.
fn root(error: Error) -> Error {
    match error {
        Error::Descriptor { source, .. } => *source,
        other => other,
    }
}

fn pairs(count: usize) -> String {
    let pairs: Vec<String> = (0..count).map(|i| format!(r#""{i}":"""#)).collect();
    format!("{{{}}}", pairs.join(","))
}

/// Pad a document with spaces to a size.
fn padded(mut text: String, size: u64) -> Vec<u8> {
    let missing = usize_of(size) - text.len();
    text.push_str(&" ".repeat(missing));
    text.into_bytes()
}

#[test]
fn manifest_bytes() {
    let text = manifest(&[plain_layer()], 2, "");
    assert!(Manifest::parse(&padded(text.clone(), limits::MAX_MANIFEST_BYTES)).is_ok());
    let error = parse_document(&padded(text, limits::MAX_MANIFEST_BYTES + 1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "manifest of 4194305 bytes is larger than the limit of 4194304 bytes"
    );
    let garbage = vec![0xff; usize_of(limits::MAX_MANIFEST_BYTES) + 1];
    let before_parsing = Index::parse(&garbage).unwrap_err();
    assert!(
        matches!(before_parsing, Error::TooLarge { .. }),
        "{before_parsing}"
    );
}

#[test]
fn config_bytes() {
    let text = r#"{"rootfs":{"diff_ids":[]}}"#.to_owned();
    assert!(Config::parse(&padded(text.clone(), limits::MAX_CONFIG_BYTES)).is_ok());
    let long = padded(text, limits::MAX_CONFIG_BYTES + 1);
    assert!(matches!(
        Config::parse(&long),
        Err(Error::TooLarge { what: "config", .. })
    ));
    assert!(matches!(
        Config::parse_stored(&long),
        Err(Error::TooLarge { what: "config", .. })
    ));
    // What the manifest says of it counts as well: it is never fetched.
    let fits = manifest(&[plain_layer()], limits::MAX_CONFIG_BYTES, "");
    assert!(Manifest::parse(fits.as_bytes()).is_ok());
    let big = manifest(&[plain_layer()], limits::MAX_CONFIG_BYTES + 1, "");
    assert!(matches!(
        Manifest::parse(big.as_bytes()),
        Err(Error::TooLarge { what: "config", .. })
    ));
}

#[test]
fn json_depth() {
    let nested = |levels: usize| {
        let more = format!(r#","x":{}{}"#, "[".repeat(levels), "]".repeat(levels));
        Manifest::parse(manifest(&[plain_layer()], 2, &more).as_bytes())
    };
    let limit = usize_of(limits::MAX_JSON_DEPTH);
    assert!(nested(limit - 1).is_ok());
    assert!(matches!(nested(limit), Err(Error::TooDeep { .. })));
    assert!(matches!(nested(500_000), Err(Error::TooDeep { .. })));
    let open = "[".repeat(usize_of(limits::MAX_MANIFEST_BYTES));
    assert!(matches!(
        parse_document(open.as_bytes()),
        Err(Error::TooDeep { .. })
    ));
    assert!(matches!(
        Config::parse(open.as_bytes()),
        Err(Error::TooDeep { .. })
    ));
    // Brackets in text are no nesting.
    let text = format!(r#","x":"{}\"{}""#, "[{".repeat(500), "{".repeat(100));
    assert!(Manifest::parse(manifest(&[plain_layer()], 2, &text).as_bytes()).is_ok());
}

#[test]
fn what_is_accepted_reads_as_a_plain_json_value() {
    let more = format!(r#","x":{}{}"#, "[".repeat(63), "]".repeat(63));
    let manifest = Manifest::parse(manifest(&[plain_layer()], 2, &more).as_bytes()).unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(manifest.raw()).is_ok());
}

#[test]
fn layers() {
    let many =
        |count: usize| Manifest::parse(manifest(&vec![plain_layer(); count], 2, "").as_bytes());
    let limit = usize_of(limits::MAX_LAYERS);
    assert_eq!(many(limit).unwrap().layers().len(), limit);
    assert_eq!(
        many(limit + 1).unwrap_err().to_string(),
        "1001 layers are more than the limit of 1000"
    );
}

#[test]
fn diff_ids() {
    let many = |count: usize| {
        let list = vec![format!("\"{}\"", digest()); count].join(",");
        Config::parse(format!(r#"{{"rootfs":{{"diff_ids":[{list}]}}}}"#).as_bytes())
    };
    let limit = usize_of(limits::MAX_LAYERS);
    assert!(many(limit).is_ok());
    assert!(matches!(
        many(limit + 1),
        Err(Error::TooMany {
            what: "diff_ids",
            ..
        })
    ));
}

#[test]
fn index_entries() {
    let many = |count: usize| {
        let list = vec![plain_layer(); count].join(",");
        Index::parse(format!(r#"{{"schemaVersion":2,"manifests":[{list}]}}"#).as_bytes())
    };
    let limit = usize_of(limits::MAX_INDEX_ENTRIES);
    assert!(many(limit).is_ok());
    assert!(matches!(many(limit + 1), Err(Error::TooMany { .. })));
}

#[test]
fn history() {
    let many = |count: usize| {
        let list = vec!["{}"; count].join(",");
        Config::parse(format!(r#"{{"rootfs":{{}},"history":[{list}]}}"#).as_bytes())
    };
    let limit = usize_of(limits::MAX_HISTORY);
    assert_eq!(many(limit).unwrap().history().len(), limit);
    assert!(matches!(
        many(limit + 1),
        Err(Error::TooMany {
            what: "history entries",
            ..
        })
    ));
}

#[test]
fn labels() {
    let with = |labels: String| {
        Config::parse(format!(r#"{{"rootfs":{{}},"config":{{"Labels":{labels}}}}}"#).as_bytes())
    };
    let limit = usize_of(limits::MAX_LABELS);
    assert_eq!(with(pairs(limit)).unwrap().labels().len(), limit);
    assert!(matches!(
        with(pairs(limit + 1)),
        Err(Error::TooMany { what: "labels", .. })
    ));
    let sized = |bytes: usize| with(format!(r#"{{"key":"{}"}}"#, "v".repeat(bytes - 3)));
    let limit = usize_of(limits::MAX_LABEL_BYTES);
    assert!(sized(limit).is_ok());
    assert!(matches!(
        sized(limit + 1),
        Err(Error::TooLarge { what: "label", .. })
    ));
}

#[test]
fn annotations() {
    let limit = usize_of(limits::MAX_ANNOTATIONS);
    let on_layer = |count| {
        parse_with(layer(
            TAR,
            "1",
            &digest().to_string(),
            &format!(r#","annotations":{}"#, pairs(count)),
        ))
    };
    assert_eq!(
        on_layer(limit).unwrap().layers()[0].annotations.len(),
        limit
    );
    assert!(matches!(
        on_layer(limit + 1).map_err(root),
        Err(Error::TooMany { .. })
    ));
    let on_manifest = |count| {
        Manifest::parse(
            manifest(
                &[plain_layer()],
                2,
                &format!(r#","annotations":{}"#, pairs(count)),
            )
            .as_bytes(),
        )
    };
    assert_eq!(on_manifest(limit).unwrap().annotations().len(), limit);
    assert!(matches!(on_manifest(limit + 1), Err(Error::TooMany { .. })));
}

#[test]
fn media_type_bytes() {
    let with = |bytes: usize| parse_with(layer(&"t".repeat(bytes), "1", &digest().to_string(), ""));
    let limit = usize_of(limits::MAX_MEDIA_TYPE_BYTES);
    assert!(
        with(limit).is_ok(),
        "the manifest parses; the layout refuses the type"
    );
    assert!(matches!(
        with(limit + 1).map_err(root),
        Err(Error::TooLarge {
            what: "media type",
            ..
        })
    ));
}

#[test]
fn an_index_entry_may_not_claim_more_than_a_manifest() {
    let entry = layer(
        "application/vnd.oci.image.manifest.v1+json",
        &(limits::MAX_MANIFEST_BYTES + 1).to_string(),
        &digest().to_string(),
        r#","platform":{"os":"linux","architecture":"amd64"}"#,
    );
    let index =
        Index::parse(format!(r#"{{"schemaVersion":2,"manifests":[{entry}]}}"#).as_bytes()).unwrap();
    let error = index.select(&"linux/amd64".parse().unwrap()).unwrap_err();
    assert!(
        matches!(
            error,
            Error::TooLarge {
                what: "manifest",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn reference_bytes() {
    let limit = usize_of(limits::MAX_REFERENCE_BYTES);
    let long = |bytes: usize| format!("oci:{}", "a".repeat(bytes - 4));
    assert!(long(limit).parse::<ImageReference>().is_ok());
    assert!(long(limit + 1).parse::<ImageReference>().is_err());
    assert!(OstreeImageReference::parse_lenient(&long(limit)).is_ok());
    let error = OstreeImageReference::parse_lenient(&long(limit + 1)).unwrap_err();
    assert!(
        matches!(
            error,
            Error::TooLarge {
                what: "image reference",
                ..
            }
        ),
        "{error}"
    );
}
