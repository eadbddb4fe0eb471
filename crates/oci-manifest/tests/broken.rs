//! Broken documents: refused with a message fit for a terminal, never a panic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use std::error::Error as _;

use oci_manifest::{Digest, Error, Manifest, limits, parse_document};

const TAR: &str = "application/vnd.oci.image.layer.v1.tar";

fn digest() -> Digest {
    Digest::sha256_of(b"x")
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

#[test]
fn blob_sizes() {
    let with = |size: &str| parse_with(layer(TAR, size, &digest().to_string(), ""));
    assert_eq!(
        with("0").unwrap().layers()[0].size,
        0,
        "an empty blob is one"
    );
    assert!(with(&limits::MAX_BLOB_BYTES.to_string()).is_ok());
    let over = (limits::MAX_BLOB_BYTES + 1).to_string();
    for size in [over.as_str(), "9223372036854775808", "18446744073709551615"] {
        let error = with(size).unwrap_err();
        assert_eq!(error.to_string(), "layer 0");
        assert!(
            matches!(root(error), Error::TooLarge { what: "blob", .. }),
            "{size}"
        );
    }
    for size in ["-1", "18446744073709551616", "1e3", "1.5", "\"7\"", "null"] {
        assert!(matches!(with(size), Err(Error::Json { .. })), "{size}");
    }
}

#[test]
fn digests() {
    let hex = "a".repeat(64);
    for good in [
        format!("sha256:{hex}"),
        format!("sha384:{}", "0".repeat(96)),
        format!("sha512:{}", "f".repeat(128)),
    ] {
        assert_eq!(
            parse_with(layer(TAR, "1", &good, "")).unwrap().layers()[0]
                .digest
                .to_string(),
            good
        );
    }
    let upper = hex.to_uppercase();
    for bad in [
        String::new(),
        hex.clone(),
        format!("sha256:{upper}"),
        format!("sha256:{}", &hex[1..]),
        format!("sha256:{hex}a"),
        format!("sha256:{}g", &hex[1..]),
        format!("sha256:{}é", &hex[2..]),
        format!("SHA256:{hex}"),
        format!("sha512:{hex}"),
        format!("md5:{hex}"),
        format!("blake3:{hex}"),
        "../x:y".to_owned(),
    ] {
        assert!(bad.parse::<Digest>().is_err(), "{bad}");
        assert!(
            serde_json::from_value::<Digest>(bad.clone().into()).is_err(),
            "{bad}"
        );
        assert!(parse_with(layer(TAR, "1", &bad, "")).is_err(), "{bad}");
    }
}

#[test]
fn not_utf8_not_json_not_an_object() {
    let mut bytes = manifest(&[plain_layer()], 2, "").into_bytes();
    bytes[5] = 0xff;
    let error = parse_document(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "manifest is not UTF-8");
    assert!(error.source().is_some());
    let text = manifest(&[plain_layer()], 2, "");
    let cut = &text[..text.len() - 1];
    let two = format!("{text}{text}");
    let bom = format!("\u{feff}{text}");
    for bad in [
        "",
        "  ",
        "null",
        "[]",
        "7",
        "\"x\"",
        "{",
        cut,
        &two,
        &bom,
        "{\"a\":1,}",
    ] {
        assert!(
            matches!(parse_document(bad.as_bytes()), Err(Error::Json { .. })),
            "{bad}"
        );
    }
}

#[test]
fn messages_never_carry_control_characters_or_whole_documents() {
    let escape = "\\u001b[31m";
    let long = "A".repeat(100_000);
    let bad = [
        manifest(
            &[layer(TAR, "1", &format!("sha256:{escape}{long}"), "")],
            2,
            "",
        ),
        manifest(
            &[layer(
                TAR,
                &format!("\"{escape}\""),
                &digest().to_string(),
                "",
            )],
            2,
            "",
        ),
        manifest(
            &[plain_layer()],
            2,
            &format!(r#","mediaType":"{escape}{long}""#),
        ),
        manifest(&[plain_layer()], 2, "").replace("image.config", escape),
        format!(r#"{{"blobs":[],"artifactType":"{escape}{long}"}}"#),
        format!(r#"{{"{escape}{long}":1,"{escape}{long}":1}}"#),
    ];
    for text in bad {
        let error = parse_document(text.as_bytes()).unwrap_err();
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            message.push_str(&inner.to_string());
            cause = inner.source();
        }
        assert!(!message.chars().any(char::is_control), "{message:?}");
        assert!(message.len() < 1500, "{} bytes", message.len());
    }
}
