//! Image references: every form, every error, and what a user may type.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use oci_manifest::{
    BootcImageReference, Error, ImageReference, OstreeImageReference, SignatureSource, Transport,
};

const HEX: &str = "5db6d8b5f34d3cbdaa1e82ed0152a5ac980076d19317d4269db149cbde057bb2";

fn image(text: &str) -> ImageReference {
    text.parse().unwrap()
}

#[test]
fn every_transport_reads_and_writes() {
    for (text, transport, name) in [
        (
            "docker://quay.io/a/b:t",
            Transport::Registry,
            "quay.io/a/b:t",
        ),
        ("oci:/var/tmp/a:t", Transport::OciDir, "/var/tmp/a:t"),
        ("oci-archive:/a.tar", Transport::OciArchive, "/a.tar"),
        (
            "docker-archive:/a.tar:x:y",
            Transport::DockerArchive,
            "/a.tar:x:y",
        ),
        (
            "containers-storage:[overlay@/s]localhost/x",
            Transport::ContainerStorage,
            "[overlay@/s]localhost/x",
        ),
        ("dir:/a:b", Transport::Dir, "/a:b"),
        ("docker-daemon:x:y", Transport::DockerDaemon, "x:y"),
    ] {
        let parsed = image(text);
        assert_eq!((parsed.transport, parsed.name.as_str()), (transport, name));
        assert_eq!(parsed.to_string(), text);
    }
    assert_eq!(image("registry:q/x"), image("docker://q/x"));
    assert_eq!(image("registry:q/x").to_string(), "docker://q/x");
}

#[test]
fn names_are_opaque() {
    for name in [" ", "A b", "é", "//x", "@", "x@y:z", "\u{1f980}"] {
        assert_eq!(image(&format!("docker://{name}")).name, name);
    }
}

#[test]
fn what_is_no_reference() {
    let error = |text: &str| text.parse::<ImageReference>().unwrap_err().to_string();
    assert_eq!(error(""), "missing ':' in \"\"");
    assert_eq!(error("quay.io/x"), "missing ':' in \"quay.io/x\"");
    assert!(error("foo://").starts_with("invalid transport \"foo\""));
    assert!(error("foo:bar").starts_with("invalid transport \"foo\""));
    assert_eq!(
        error("docker:blah"),
        "missing // in docker:// in \"docker:blah\""
    );
    assert_eq!(error("registry:"), "invalid empty name in \"registry:\"");
    assert_eq!(error("docker://"), "invalid empty name in \"docker://\"");
    assert_eq!(error("oci:"), "invalid empty name in \"oci:\"");
}

#[test]
fn transports_read_a_word_or_a_reference() {
    for transport in Transport::ALL {
        assert_eq!(transport.word().parse::<Transport>().unwrap(), transport);
        assert_eq!(
            format!("{}x", transport.prefix())
                .parse::<Transport>()
                .unwrap(),
            transport
        );
        assert_eq!(transport.to_string(), transport.prefix());
    }
    assert!(matches!(
        "docker".parse::<Transport>(),
        Err(Error::MissingSlashes { .. })
    ));
    assert!(matches!(
        "docker:x".parse::<Transport>(),
        Err(Error::MissingSlashes { .. })
    ));
    assert!(matches!(
        "OCI".parse::<Transport>(),
        Err(Error::InvalidTransport { .. })
    ));
    assert!(matches!(
        "".parse::<Transport>(),
        Err(Error::InvalidTransport { .. })
    ));
}

#[test]
fn ostree_references_fold_to_one_spelling() {
    use SignatureSource::{ContainerPolicy, ContainerPolicyAllowInsecure, OstreeRemote};
    let remote = || OstreeRemote("r".to_owned());
    for (text, sigverify, imgref, rendered) in [
        (
            "ostree-image-signed:docker://q/x",
            ContainerPolicy,
            "docker://q/x",
            "ostree-image-signed:docker://q/x",
        ),
        (
            "ostree-image-signed:registry:q/x",
            ContainerPolicy,
            "docker://q/x",
            "ostree-image-signed:docker://q/x",
        ),
        (
            "ostree-image-signed:oci:/p:t",
            ContainerPolicy,
            "oci:/p:t",
            "ostree-image-signed:oci:/p:t",
        ),
        (
            "ostree-unverified-image:docker://q/x",
            ContainerPolicyAllowInsecure,
            "docker://q/x",
            "ostree-unverified-registry:q/x",
        ),
        (
            "ostree-unverified-image:dir:/p",
            ContainerPolicyAllowInsecure,
            "dir:/p",
            "ostree-unverified-image:dir:/p",
        ),
        (
            "ostree-unverified-registry:q/x",
            ContainerPolicyAllowInsecure,
            "docker://q/x",
            "ostree-unverified-registry:q/x",
        ),
        (
            "ostree-remote-image:r:oci:/p",
            remote(),
            "oci:/p",
            "ostree-remote-image:r:oci:/p",
        ),
        (
            "ostree-remote-registry:r:q/x",
            remote(),
            "docker://q/x",
            "ostree-remote-image:r:docker://q/x",
        ),
        (
            "ostree-remote-registry::q/x",
            OstreeRemote(String::new()),
            "docker://q/x",
            "ostree-remote-image::docker://q/x",
        ),
    ] {
        let parsed: OstreeImageReference = text.parse().unwrap();
        assert_eq!(parsed.sigverify, sigverify, "{text}");
        assert_eq!(parsed.imgref, image(imgref), "{text}");
        assert_eq!(parsed.to_string(), rendered);
        assert_eq!(rendered.parse::<OstreeImageReference>().unwrap(), parsed);
        assert_eq!(OstreeImageReference::parse_lenient(text).unwrap(), parsed);
    }
}

#[test]
fn the_alternate_form_is_for_people() {
    let short = |text: &str| format!("{:#}", text.parse::<OstreeImageReference>().unwrap());
    assert_eq!(short("ostree-unverified-registry:q/x"), "docker://q/x");
    assert_eq!(
        short("ostree-unverified-image:oci:/p"),
        "ostree-unverified-image:oci:/p"
    );
    assert_eq!(
        short("ostree-image-signed:docker://q/x"),
        "ostree-image-signed:docker://q/x"
    );
}

#[test]
fn what_is_no_ostree_reference() {
    let error = |text: &str| {
        text.parse::<OstreeImageReference>()
            .unwrap_err()
            .to_string()
    };
    assert_eq!(error("x"), "missing ':' in \"x\"");
    assert!(
        error("ostree-remote-image:r")
            .starts_with("missing second ':' in \"ostree-remote-image:r\"")
    );
    assert!(error("ostree-remote-registry:r").starts_with("missing second ':'"));
    assert_eq!(
        error("docker://q/x"),
        "invalid ostree image reference scheme \"docker\""
    );
    assert!(error("ostree-image-signed:q/x").starts_with("missing ':'"));
    assert!(error("ostree-unverified-registry:").starts_with("invalid empty name"));
}

#[test]
fn signature_sources_read_and_write() {
    for text in [
        "ostree-image-signed",
        "ostree-unverified-image",
        "ostree-remote-image:fedora",
        "ostree-remote-image:",
    ] {
        assert_eq!(text.parse::<SignatureSource>().unwrap().to_string(), text);
    }
    for text in [
        "",
        "ostree-remote-image",
        "ostree-image-signed:",
        "ostree-unverified-registry",
        "insecure",
    ] {
        assert!(
            matches!(
                text.parse::<SignatureSource>(),
                Err(Error::InvalidSignatureSource { .. })
            ),
            "{text}"
        );
    }
}

#[test]
fn canonical_drops_the_tag_beside_a_digest() {
    let canonical = |text: &str| image(text).canonical().to_string();
    for same in [
        "docker://quay.io/a/b:latest".to_owned(),
        "docker://quay.io/a/b".to_owned(),
        format!("docker://quay.io/a/b@sha256:{HEX}"),
        format!("docker://localhost:5000/b@sha256:{HEX}"),
        "docker://a:t@sha256:short".to_owned(),
        format!("oci:/p:t@sha256:{HEX}"),
        format!("containers-storage:a:t@sha256:{HEX}"),
    ] {
        assert_eq!(canonical(&same), same);
    }
    assert_eq!(
        canonical(&format!("docker://localhost:5000/b:t@sha256:{HEX}")),
        format!("docker://localhost:5000/b@sha256:{HEX}")
    );
    assert_eq!(
        canonical(&format!("registry:a:t@sha256:{HEX}")),
        format!("docker://a@sha256:{HEX}")
    );
}

#[test]
fn digests_tags_and_paths() {
    let digest = |text: &str| image(text).digest().map(|digest| digest.hex().to_owned());
    assert_eq!(
        digest(&format!("docker://a:t@sha256:{HEX}")).as_deref(),
        Some(HEX)
    );
    assert_eq!(
        digest(&format!("containers-storage:[overlay@/s]a@sha256:{HEX}")).as_deref(),
        Some(HEX)
    );
    for none in [
        "docker://a:t".to_owned(),
        "docker://a@sha256:short".to_owned(),
        "containers-storage:[overlay@/s]a".to_owned(),
        format!("containers-storage:sha256:{HEX}"),
        format!("docker-daemon:sha256:{HEX}"),
        format!("oci:/p@sha256:{HEX}"),
    ] {
        assert_eq!(digest(&none), None, "{none}");
    }
    for (text, tag) in [
        ("docker://localhost:5000/x", None),
        ("docker://localhost:5000/x:t", Some("t")),
        ("docker://x:t@sha256:d", Some("t")),
        ("containers-storage:[vfs@/a:b]x:t", Some("t")),
        ("oci:/p:q/r:t", Some("q/r:t")),
        ("oci:/p", None),
        ("dir:/p:t", None),
        ("docker-daemon:x:t", Some("t")),
    ] {
        assert_eq!(image(text).tag(), tag, "{text}");
    }
    assert_eq!(image("oci:/p:t").path(), Some(("/p", Some("t"))));
    assert_eq!(image("oci-archive:/p").path(), Some(("/p", None)));
    assert_eq!(image("oci:/p:").path(), Some(("/p", None)));
    assert_eq!(
        image("docker-archive:/p:a/b:t").path(),
        Some(("/p", Some("a/b:t")))
    );
    assert_eq!(image("dir:/p:t").path(), Some(("/p:t", None)));
    assert_eq!(image("docker://p:t").path(), None);
}

#[test]
fn skopeo_gets_bare_ids_of_storage() {
    for (text, skopeo) in [
        ("containers-storage:sha256:abc", "containers-storage:abc"),
        (
            "containers-storage:[overlay@/s]sha256:abc",
            "containers-storage:[overlay@/s]abc",
        ),
        (
            "containers-storage:localhost/x:t",
            "containers-storage:localhost/x:t",
        ),
        ("containers-storage:[x", "containers-storage:[x"),
        ("registry:q/x", "docker://q/x"),
        ("docker-daemon:sha256:abc", "docker-daemon:sha256:abc"),
    ] {
        assert_eq!(image(text).for_skopeo(), skopeo);
    }
}

#[test]
fn bootc_writes_references_as_json() {
    for (json, text) in [
        (
            r#"{"image":"q/x","transport":"registry"}"#,
            "ostree-unverified-registry:q/x",
        ),
        (
            r#"{"image":"/p","transport":"oci"}"#,
            "ostree-unverified-image:oci:/p",
        ),
        (
            r#"{"image":"q/x","transport":"registry","signature":"containerPolicy"}"#,
            "ostree-image-signed:docker://q/x",
        ),
        (
            r#"{"image":"q/x","transport":"registry","signature":{"ostreeRemote":"r"}}"#,
            "ostree-remote-image:r:docker://q/x",
        ),
    ] {
        let spec: BootcImageReference = serde_json::from_str(json).unwrap();
        let reference = OstreeImageReference::try_from(&spec).unwrap();
        assert_eq!(reference.to_string(), text);
        assert_eq!(
            serde_json::to_string(&BootcImageReference::from(&reference)).unwrap(),
            json
        );
    }
    let insecure: BootcImageReference =
        serde_json::from_str(r#"{"image":"q/x","transport":"registry","signature":"insecure"}"#)
            .unwrap();
    let reference = OstreeImageReference::try_from(&insecure).unwrap();
    assert_eq!(
        reference.sigverify,
        SignatureSource::ContainerPolicyAllowInsecure
    );
    for (image, transport) in [("", "oci"), ("x", "docker"), ("x", "nope"), ("x", "")] {
        let spec = BootcImageReference {
            image: image.to_owned(),
            transport: transport.to_owned(),
            signature: None,
        };
        assert!(
            OstreeImageReference::try_from(&spec).is_err(),
            "{image:?} {transport:?}"
        );
    }
}
