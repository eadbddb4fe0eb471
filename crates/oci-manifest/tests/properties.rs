//! What holds for every input: round trips, and no panic on any text or bytes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use oci_manifest::{
    Algorithm, BootcImageReference, Config, Digest, Document, Hasher, ImageReference, Layout,
    OstreeImageReference, Platform, SignatureSource, Transport, parse_document,
};
use proptest::prelude::*;

const DOCUMENTS: [&[u8]; 5] = [
    include_bytes!("data/podman-manifest.json"),
    include_bytes!("data/oci-spec-index.json"),
    include_bytes!("data/oci-spec-manifest.json"),
    include_bytes!("data/docker-manifest.json"),
    include_bytes!("data/umoci-config.json"),
];

fn transport() -> impl Strategy<Value = Transport> {
    proptest::sample::select(Transport::ALL.to_vec())
}

/// Names as a parser lets them through: not empty, anything else.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9]{1,8}(\\.[a-z]{2,3})?(:[0-9]{1,5})?(/[a-z0-9._-]{1,9}){0,3}(:[A-Za-z0-9._-]{1,9})?",
        "/[a-z/_.-]{0,20}(:[a-z:]{1,8})?",
        "(\\[[a-z@/+:]{0,12}\\])?(sha256:)?[a-z0-9:@]{1,12}",
        any::<String>().prop_filter("names are not empty", |name| !name.is_empty()),
    ]
}

fn image() -> impl Strategy<Value = ImageReference> {
    (transport(), name()).prop_map(|(transport, name)| ImageReference { transport, name })
}

fn source() -> impl Strategy<Value = SignatureSource> {
    prop_oneof![
        Just(SignatureSource::ContainerPolicy),
        Just(SignatureSource::ContainerPolicyAllowInsecure),
        "[^:]{0,12}".prop_map(SignatureSource::OstreeRemote),
    ]
}

fn reference() -> impl Strategy<Value = OstreeImageReference> {
    (source(), image()).prop_map(|(sigverify, imgref)| OstreeImageReference { sigverify, imgref })
}

/// Text near to a reference: its words, its separators, and anything.
fn near_reference() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        proptest::sample::select(vec![
            "ostree-image-signed",
            "ostree-unverified-image",
            "ostree-unverified-registry",
            "ostree-remote-image",
            "ostree-remote-registry",
            "docker",
            "registry",
            "oci",
            "oci-archive",
            "containers-storage",
            "dir",
            "sha256",
            "localhost",
            "quay.io",
            "5000",
            "latest",
            "[",
            "]",
            ":",
            ":",
            "/",
            "//",
            "@",
            "",
            "é",
            "\0",
            " ",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    proptest::collection::vec(word, 0..9).prop_map(|words| words.concat())
}

/// A name that registries accept: host, path, tag and digest as chosen.
fn registry_name() -> impl Strategy<Value = (String, Option<String>, Option<Digest>)> {
    let repository = "([a-z0-9]{1,5}\\.[a-z]{2}(:[0-9]{1,5})?/|localhost(:[0-9]{1,5})?/)?[a-z0-9]{1,6}([._-][a-z0-9]{1,4})?(/[a-z0-9]{1,6}(__[a-z0-9]{1,3})?){0,2}";
    let digest = any::<[u8; 4]>().prop_map(|bytes| Digest::sha256_of(&bytes));
    (
        repository,
        proptest::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}"),
        proptest::option::of(digest),
    )
}

/// JSON near to a manifest, an index or a config.
fn near_document() -> impl Strategy<Value = String> {
    let hex = "a".repeat(64);
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("2".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        Just(format!("\"sha256:{hex}\"")),
        Just("\"application/vnd.oci.image.layer.v1.tar+gzip\"".to_owned()),
        Just("\"application/vnd.oci.image.config.v1+json\"".to_owned()),
        Just("\"layers\"".to_owned()),
        "[ -~]{0,6}".prop_map(|text| format!("{text:?}")),
    ];
    let key = proptest::sample::select(vec![
        "schemaVersion",
        "mediaType",
        "config",
        "layers",
        "manifests",
        "annotations",
        "platform",
        "digest",
        "size",
        "rootfs",
        "diff_ids",
        "history",
        "type",
        "Labels",
        "os",
        "architecture",
        "created",
        "variant",
        "blobs",
    ]);
    leaf.prop_recursive(5, 60, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5)
                .prop_map(|list| format!("[{}]", list.join(","))),
            proptest::collection::vec((key.clone(), inner), 0..8).prop_map(|pairs| {
                let pairs: Vec<String> =
                    pairs.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
                format!("{{{}}}", pairs.join(","))
            }),
        ]
    })
}

fn digest() -> impl Strategy<Value = Digest> {
    let algorithm = proptest::sample::select(vec![
        Algorithm::Sha256,
        Algorithm::Sha384,
        Algorithm::Sha512,
    ]);
    (algorithm, any::<Vec<u8>>()).prop_map(|(algorithm, bytes)| {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(&bytes);
        hasher.finish()
    })
}

proptest! {
    #[test]
    fn image_references_come_back(image in image()) {
        prop_assert_eq!(image.to_string().parse::<ImageReference>().unwrap(), image);
    }

    #[test]
    fn ostree_references_come_back(reference in reference()) {
        prop_assert_eq!(reference.to_string().parse::<OstreeImageReference>().unwrap(), reference);
    }

    #[test]
    fn bootc_references_come_back(reference in reference()) {
        let json = serde_json::to_string(&BootcImageReference::from(&reference)).unwrap();
        let spec: BootcImageReference = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(OstreeImageReference::try_from(&spec).unwrap(), reference);
    }

    #[test]
    fn signature_sources_come_back(source in source()) {
        prop_assert_eq!(source.to_string().parse::<SignatureSource>().unwrap(), source);
    }

    #[test]
    fn canonical_is_idempotent_and_keeps_the_digest(image in image()) {
        let canonical = image.canonical();
        prop_assert_eq!(canonical.canonical(), canonical.clone());
        prop_assert_eq!(canonical.digest(), image.digest());
        prop_assert_eq!(canonical.transport, image.transport);
    }

    #[test]
    fn registry_names_fall_into_their_parts((repository, tag, digest) in registry_name()) {
        let tagged = tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
        let digested = digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default();
        let text = format!("{repository}{tagged}{digested}");
        let parsed = OstreeImageReference::parse_lenient(&text);
        // `docker:tag` and `oci:tag` are no plain names.
        prop_assume!(text.parse::<Transport>().is_err() && !text.starts_with("docker:"));
        let parsed = parsed.unwrap().imgref;
        prop_assert_eq!(&parsed.name, &text);
        prop_assert_eq!(parsed.tag(), tag.as_deref());
        prop_assert_eq!(parsed.digest(), digest.clone());
        let canonical = match digest {
            Some(_) => format!("{repository}{digested}"),
            None => text,
        };
        prop_assert_eq!(parsed.canonical().name, canonical);
    }

    #[test]
    fn no_text_panics(text in near_reference()) {
        let mut read = vec![
            OstreeImageReference::parse_lenient(&text),
            text.parse::<OstreeImageReference>(),
        ];
        let _any = (text.parse::<SignatureSource>(), text.parse::<Transport>(), text.parse::<Digest>());
        if let Ok(platform) = text.parse::<Platform>() {
            prop_assert_eq!(platform.to_string().parse::<Platform>().unwrap(), platform);
        }
        read.retain(Result::is_ok);
        for reference in read.into_iter().flatten() {
            let image = &reference.imgref;
            let _any = (image.canonical(), image.digest(), image.tag(), image.path(), image.for_skopeo());
            prop_assert_eq!(reference.to_string().parse::<OstreeImageReference>().unwrap(), reference);
        }
    }

    #[test]
    fn what_is_lenient_takes_all_that_is_strict(reference in reference()) {
        let text = reference.to_string();
        match OstreeImageReference::parse_lenient(&text) {
            Ok(lenient) => prop_assert_eq!(lenient, reference),
            // Only for what no registry has, and what no one types.
            Err(_) => {
                let odd = text.chars().any(char::is_control) || text.trim() != text;
                prop_assert!(odd || reference.imgref.transport == Transport::Registry, "{text:?}");
            }
        }
    }

    #[test]
    fn digests_come_back(digest in digest()) {
        let text = digest.to_string();
        prop_assert_eq!(text.parse::<Digest>().unwrap(), digest.clone());
        prop_assert_eq!(serde_json::from_str::<Digest>(&serde_json::to_string(&digest).unwrap()).unwrap(), digest.clone());
        prop_assert_eq!(digest.hex().len(), digest.algorithm().hex_length());
        prop_assert!(text.to_uppercase().parse::<Digest>().is_err());
    }

    #[test]
    fn hashing_does_not_see_the_pieces(bytes in any::<Vec<u8>>(), cut in any::<prop::sample::Index>()) {
        let cut = cut.index(bytes.len() + 1);
        let mut hasher = Digest::sha256_of(b"").hasher();
        hasher.update(&bytes[..cut]);
        hasher.update(&bytes[cut..]);
        prop_assert_eq!(hasher.finish(), Digest::sha256_of(&bytes));
    }

    #[test]
    fn no_bytes_panic(bytes in any::<Vec<u8>>()) {
        let _any = (parse_document(&bytes), Config::parse(&bytes), Config::parse_stored(&bytes));
    }

    #[test]
    fn no_document_panics_and_each_reads_the_same_again(text in near_document(), config in near_document()) {
        let document = parse_document(text.as_bytes());
        let config = Config::parse_stored(config.as_bytes());
        if let Ok(config) = &config {
            prop_assert_eq!(&Config::parse_stored(config.raw().as_bytes()).unwrap(), config);
        }
        match document {
            Ok(Document::Manifest(manifest)) => {
                prop_assert!(!manifest.layers().is_empty());
                prop_assert_eq!(manifest.raw(), &text);
                if let Ok(Ok(layout)) = config.map(|config| Layout::new(&manifest, &config)) {
                    prop_assert_eq!(layout.layers.len(), manifest.layers().len());
                }
            }
            Ok(Document::Index(index)) => {
                let _any = index.select(&Platform::host());
                prop_assert_eq!(index.raw(), &text);
            }
            Err(_) => {}
        }
    }

    #[test]
    fn no_broken_document_panics(
        which in 0..DOCUMENTS.len(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        let mut bytes = DOCUMENTS[which].to_vec();
        for (at, byte, kind) in edits {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.truncate(at + 1),
                _ => bytes.insert(at, byte),
            }
        }
        let _any = Config::parse(&bytes);
        if let Ok(Document::Manifest(manifest)) = parse_document(&bytes) {
            prop_assert_eq!(manifest.raw().as_bytes(), bytes.as_slice());
        }
    }
}
