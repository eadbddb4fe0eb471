//! Documents that other programs wrote, and the kinds that are no image.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use oci_manifest::{
    Compression, Config, Digest, Document, Error, Index, Layout, Manifest, Platform, Role,
    created_timestamp, parse_document,
};

macro_rules! data {
    ($name:literal) => {
        include_bytes!(concat!("data/", $name)).as_slice()
    };
}

fn manifest(bytes: &[u8]) -> Manifest {
    match parse_document(bytes).unwrap() {
        Document::Manifest(manifest) => manifest,
        Document::Index(index) => panic!("an index: {index:?}"),
    }
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
fn manifests_of_others_parse_and_keep_their_text() {
    for (bytes, digest, layers) in [
        (
            data!("oci-spec-manifest.json"),
            "f2b0b9c19e3ea10b6aefb3ee19a41defaafb14a2f7d7b6279afad270363bc6b3",
            3,
        ),
        (
            data!("fcos-manifest1.json"),
            "57f2ac36928f482d6b16e75ecedabbca6b12505a0ed4c123c4ba1964b328860f",
            51,
        ),
        (
            data!("fcos-manifest2.json"),
            "b2895e76a0d6ee89bfa868c1e69beb71f9fd9336f8f0cbae92c47e9624300697",
            51,
        ),
    ] {
        let manifest = manifest(bytes);
        assert_eq!(Digest::sha256_of(manifest.raw().as_bytes()).hex(), digest);
        assert_eq!(manifest.layers().len(), layers);
        assert!(
            manifest
                .layers()
                .iter()
                .all(|layer| layer.media_type == format!("{TAR}+gzip"))
        );
    }
    let old = manifest(data!("fcos-manifest1.json"));
    let new = manifest(data!("fcos-manifest2.json"));
    assert_eq!(old.config().size, 9301);
    assert_eq!(old.layers()[0].size, 1_387_849);
    assert_eq!(
        old.layers()[1],
        new.layers()[1],
        "a chunk that did not change"
    );
    assert_ne!(old.layers()[0], new.layers()[0]);
}

#[test]
fn index_of_others_selects_by_platform() {
    let bytes = data!("oci-spec-index.json");
    let Document::Index(index) = parse_document(bytes).unwrap() else {
        panic!("not an index")
    };
    assert_eq!(
        Digest::sha256_of(index.raw().as_bytes()).hex(),
        "79043d67fba25b684c3cb14151870eb8272bebba6fde1c04c8584b963017b3ac"
    );
    let amd64 = index.select(&"linux/amd64".parse().unwrap()).unwrap();
    assert_eq!(amd64.size, 7682);
    let error = index.select(&"linux/s390x".parse().unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no image for platform linux/s390x in the index; it has: linux/ppc64le, linux/amd64"
    );
    assert!(matches!(
        Manifest::parse(bytes).unwrap_err(),
        Error::WrongDocument {
            expected: "manifest",
            found: "index"
        }
    ));
    assert!(matches!(
        Index::parse(data!("oci-spec-manifest.json")).unwrap_err(),
        Error::WrongDocument {
            expected: "index",
            found: "manifest"
        }
    ));
}

#[test]
fn index_of_an_oci_directory_has_names_and_no_platform() {
    let index = Index::parse(data!("umoci-index.json")).unwrap();
    let only = index.select(&Platform::host()).unwrap();
    assert_eq!(only.annotations["org.opencontainers.image.ref.name"], "t");
    assert_eq!(only.platform, None);
}

#[test]
fn images_of_podman_umoci_and_skopeo_parse_whole() {
    for (manifest_bytes, config_bytes, media_type) in [
        (
            data!("podman-manifest.json"),
            data!("podman-config.json"),
            TAR.to_owned(),
        ),
        (
            data!("umoci-manifest.json"),
            data!("umoci-config.json"),
            format!("{TAR}+gzip"),
        ),
        (
            data!("docker-manifest.json"),
            data!("docker-config.json"),
            "application/vnd.docker.image.rootfs.diff.tar".to_owned(),
        ),
    ] {
        let manifest = manifest(manifest_bytes);
        assert_eq!(manifest.config().digest, Digest::sha256_of(config_bytes));
        let config = Config::parse(config_bytes).unwrap();
        config
            .check_platform(&"linux/amd64".parse().unwrap())
            .unwrap();
        let layout = Layout::new(&manifest, &config).unwrap();
        assert_eq!(layout.layers.len(), 1);
        assert_eq!(layout.layers[0].descriptor.media_type, media_type);
        assert_eq!(layout.layers[0].role, Role::Derived);
        let created = created_timestamp(&manifest, &config).unwrap();
        assert!(
            (1_790_000_000..1_800_000_000).contains(&created),
            "{created}"
        );
    }
    let podman = manifest(data!("podman-manifest.json"));
    assert!(
        podman
            .annotations()
            .contains_key("org.opencontainers.image.base.digest")
    );
    assert_eq!(
        Config::parse(data!("docker-config.json")).unwrap().labels()["x"],
        "y"
    );
}

#[test]
fn manifest_list_of_docker_is_an_index() {
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json","manifests":[
        {{"mediaType":"application/vnd.docker.distribution.manifest.v2+json","size":1,"digest":"{}",
          "platform":{{"architecture":"amd64","os":"linux"}}}}]}}"#,
        Digest::sha256_of(b"a")
    );
    let index = Index::parse(text.as_bytes()).unwrap();
    assert_eq!(
        index
            .select(&"linux/amd64".parse().unwrap())
            .unwrap()
            .digest,
        Digest::sha256_of(b"a")
    );
}

#[test]
fn unknown_keys_are_kept_in_the_text() {
    let text = manifest_json(&format!("[{}]", layer_json(TAR))).replacen(
        '{',
        r#"{"x-new":{"a":[1,null]}, "#,
        1,
    );
    let manifest = manifest(text.as_bytes());
    assert_eq!(manifest.raw(), text);
}

#[test]
fn artifacts_are_no_images() {
    let error = parse_document(data!("oci-spec-artifact_manifest.json")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "not an image: artifact manifest of type \"application/vnd.example.sbom.v1\""
    );
    let text = manifest_json(&format!("[{}]", layer_json("text/plain")))
        .replace("image.config.v1+json", "empty.v1+json");
    let error = parse_document(text.as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "not an image: its config has the type \"application/vnd.oci.empty.v1+json\""
    );
}

#[test]
fn documents_of_two_kinds_are_refused() {
    let whole = manifest_json(&format!("[{}]", layer_json(TAR)));
    let both = whole.replacen('{', r#"{"manifests":[], "#, 1);
    assert!(matches!(
        parse_document(both.as_bytes()),
        Err(Error::BothIndexAndManifest)
    ));
    let index = r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#;
    assert!(matches!(
        parse_document(index.as_bytes()),
        Err(Error::BothIndexAndManifest)
    ));
    let index = r#"{"schemaVersion":2,"manifests":[],"config":{}}"#;
    assert!(matches!(
        parse_document(index.as_bytes()),
        Err(Error::BothIndexAndManifest)
    ));
    let null = whole.replacen('{', r#"{"manifests":null, "#, 1);
    assert!(parse_document(null.as_bytes()).is_ok(), "null is absent");
    for key in ["Layers", "MANIFESTS", "layer\u{17f}", "layers"] {
        let text = whole.replacen('{', &format!(r#"{{"{key}":[], "#), 1);
        let error = parse_document(text.as_bytes()).unwrap_err();
        assert!(
            matches!(error, Error::AmbiguousKey { .. }),
            "{key}: {error}"
        );
    }
}

#[test]
fn media_type_must_fit_the_keys() {
    let whole = manifest_json(&format!("[{}]", layer_json(TAR)));
    let with = |media_type: &str| {
        let text = whole.replacen('{', &format!(r#"{{"mediaType":"{media_type}","#), 1);
        parse_document(text.as_bytes())
    };
    assert!(with("application/vnd.oci.image.manifest.v1+json").is_ok());
    assert!(with("application/vnd.docker.distribution.manifest.v2+json").is_ok());
    assert!(matches!(
        with("application/vnd.oci.image.index.v1+json"),
        Err(Error::MediaTypeMismatch {
            missing: "manifests",
            ..
        })
    ));
    assert!(matches!(
        with("application/json"),
        Err(Error::UnsupportedDocument { .. })
    ));
    let index = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}"#;
    assert!(matches!(
        parse_document(index.as_bytes()),
        Err(Error::MediaTypeMismatch {
            missing: "layers",
            ..
        })
    ));
    assert!(matches!(
        parse_document(br#"{"schemaVersion":2}"#),
        Err(Error::UnknownDocument)
    ));
}

#[test]
fn schema_versions_other_than_2_are_refused() {
    for text in [
        r#"{"schemaVersion":1,"name":"x","tag":"y","fsLayers":[],"history":[],"signatures":[]}"#,
        r#"{"fsLayers":[]}"#,
        r#"{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v1+prettyjws","layers":[]}"#,
    ] {
        assert!(
            matches!(parse_document(text.as_bytes()), Err(Error::Schema1)),
            "{text}"
        );
    }
    let text = manifest_json(&format!("[{}]", layer_json(TAR)))
        .replace("\"schemaVersion\":2", "\"schemaVersion\":3");
    assert!(matches!(
        parse_document(text.as_bytes()),
        Err(Error::SchemaVersion { found: 3 })
    ));
}

#[test]
fn a_manifest_without_layers_is_refused() {
    for layers in ["[]", "null"] {
        assert!(
            matches!(
                parse_document(manifest_json(layers).as_bytes()),
                Err(Error::NoLayers)
            ),
            "{layers}"
        );
    }
    let text = manifest_json("1").replace(r#","layers":1"#, "");
    assert!(matches!(
        parse_document(text.as_bytes()),
        Err(Error::NoLayers)
    ));
}

#[test]
fn layer_types_are_known_or_refused() {
    let docker = "application/vnd.docker.image.rootfs.diff.tar";
    for (media_type, expected) in [
        (TAR.to_owned(), Compression::None),
        (format!("{TAR}+gzip"), Compression::Gzip),
        (format!("{TAR}+zstd"), Compression::Zstd),
        (docker.to_owned(), Compression::None),
        (format!("{docker}.gzip"), Compression::Gzip),
        (format!("{docker}.zstd"), Compression::Zstd),
    ] {
        assert_eq!(Compression::from_media_type(&media_type).unwrap(), expected);
    }
    for foreign in [
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    ] {
        let error = Compression::from_media_type(foreign).unwrap_err();
        assert!(matches!(error, Error::ForeignLayer { .. }), "{error}");
    }
    let encrypted = Compression::from_media_type(&format!("{TAR}+gzip+encrypted"));
    assert!(matches!(encrypted, Err(Error::EncryptedLayer { .. })));
    for unknown in [
        "",
        "text/plain",
        "application/vnd.oci.image.layer.v1.tar+xz",
        "Application/vnd.oci.image.layer.v1.tar",
    ] {
        let error = Compression::from_media_type(unknown).unwrap_err();
        assert!(matches!(error, Error::UnsupportedLayer { .. }), "{error}");
    }
}
