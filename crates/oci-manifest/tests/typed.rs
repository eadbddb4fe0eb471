//! What a user may type for an image, and what the answer to a typing error is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use oci_manifest::{ImageReference, OstreeImageReference, SignatureSource};

const HEX: &str = "5db6d8b5f34d3cbdaa1e82ed0152a5ac980076d19317d4269db149cbde057bb2";

fn image(text: &str) -> ImageReference {
    text.parse().unwrap()
}

#[test]
fn plain_names_are_registry_images() {
    for name in [
        "quay.io/x/y:tag",
        "quay.io/x/y",
        "localhost:5000/x",
        "localhost:5000/x:t",
        "localhost/x",
        "busybox",
        "busybox:latest",
        "foo/bar",
        "[::1]:5000/x/y:t",
        "EXAMPLE.com/x",
        "registry.example.com:443/a-b/c__d/e.f:V1.2_3-x",
    ] {
        let parsed = OstreeImageReference::parse_lenient(name).unwrap();
        assert_eq!(
            parsed.sigverify,
            SignatureSource::ContainerPolicyAllowInsecure
        );
        assert_eq!(parsed.imgref, image(&format!("docker://{name}")));
        for prefix in [
            "docker://",
            "registry:",
            "ostree-unverified-registry:",
            "ostree-unverified-image:docker://",
        ] {
            let same = OstreeImageReference::parse_lenient(&format!("{prefix}{name}")).unwrap();
            assert_eq!(same, parsed, "{prefix}{name}");
        }
    }
    let by_digest = format!("quay.io/x@sha256:{HEX}");
    assert!(
        OstreeImageReference::parse_lenient(&by_digest)
            .unwrap()
            .imgref
            .digest()
            .is_some()
    );
}

#[test]
fn paths_are_left_alone() {
    for text in [
        "oci:/A b/é:t",
        "oci:rel",
        "oci:///x",
        "oci-archive:/x.tar",
        "dir:.",
        "containers-storage:sha256:abc",
    ] {
        let parsed = OstreeImageReference::parse_lenient(text).unwrap();
        assert_eq!(parsed.imgref, image(text));
    }
}

#[test]
fn typing_errors_are_explained() {
    for (text, advice) in [
        ("", "it is empty"),
        (" quay.io/x", "a space"),
        ("quay.io/x\n", "control characters"),
        ("oci:/x\u{1b}[31m", "control characters"),
        ("https://quay.io/x", "write docker:// in place"),
        ("/var/tmp/image", "write oci: or oci-archive:"),
        ("./image", "write oci: or oci-archive:"),
        ("docker:busybox", "docker: needs two slashes"),
        ("quai://x/y", "unknown transport before ://"),
        ("registry://quay.io/x", "only docker:// has slashes"),
        ("quay.io/X/y", "no capital letters"),
        ("docker://quay.io/X/y", "no capital letters"),
        ("quay.io//x", "the parts of a name"),
        ("quay.io/x/", "the parts of a name"),
        ("quay.io/-x", "the parts of a name"),
        ("quay.io/x..y", "the parts of a name"),
        ("quay.io/x y", "the parts of a name"),
        ("quay.io/x:", "a tag has at most 128"),
        ("quay.io/x:-t", "a tag has at most 128"),
        ("quay.io/x:a/b", "the parts of a name"),
        ("oci-archiv:/tmp/x.tar", "stands neither a registry"),
        ("-bad.example/x", "stands neither a registry"),
        ("host:port/x", "stands neither a registry"),
        (":tag", "no name before the tag"),
        (
            "@sha256:5db6d8b5f34d3cbdaa1e82ed0152a5ac980076d19317d4269db149cbde057bb2",
            "no name before",
        ),
        ("quay.io/x@sha256:abc", "wrong number of hexadecimal digits"),
        ("quay.io/x@latest", "no ':' between"),
        ("ostree-image-signed:quay.io/x", "missing ':'"),
        ("ostree-image-signed:", "missing ':'"),
        ("ostree-remote-registry:r:", "invalid empty name"),
        ("oci:", "invalid empty name"),
    ] {
        let error = OstreeImageReference::parse_lenient(text)
            .unwrap_err()
            .to_string();
        assert!(error.contains(advice), "{text:?}: {error}");
        assert!(!error.chars().any(char::is_control), "{error:?}");
    }
    let tag = "t".repeat(129);
    assert!(OstreeImageReference::parse_lenient(&format!("x:{}", &tag[1..])).is_ok());
    assert!(OstreeImageReference::parse_lenient(&format!("x:{tag}")).is_err());
}
