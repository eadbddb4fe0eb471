//! The mapping's known vectors, its refusals, and what holds for every text.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use oci_manifest::{Digest, ImageReference, Transport};
use ostree_refs::{
    BASEIMAGE_PREFIX, BLOB_PREFIX, Error, IMAGE_PREFIX, MAX_COMPONENT_BYTES, MAX_REF_BYTES,
    RefName, blob_ref, collides, escape, image_ref, parse_blob_ref, parse_image_ref, unescape,
};
use proptest::prelude::*;

const HEX: &str = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

fn image(text: &str) -> ImageReference {
    text.parse().unwrap()
}

fn name(text: &str) -> RefName {
    text.parse().unwrap()
}

#[test]
fn known_vectors() {
    for (text, escaped) in [
        (
            "docker://quay.io/exampleos/blah:latest",
            "docker_3A__2F__2F_quay_2E_io/exampleos/blah_3A_latest",
        ),
        ("sha256:2c26", "sha256_3A_2c26"),
        (
            "localhost:5000/foo:latest",
            "localhost_3A_5000/foo_3A_latest",
        ),
        ("oci:/var/tmp/a_b", "oci_3A__2F_var/tmp/a__b"),
        (
            "docker://quay.io/a/b@sha256:ab",
            "docker_3A__2F__2F_quay_2E_io/a/b_40_sha256_3A_ab",
        ),
        ("/", "_2F_"),
        ("blah/", "blah_2F_"),
        ("/foo/", "_2F_foo_2F_"),
        ("a//b", "a/_2F_b"),
        ("foo-/bar", "foo-_2F_bar"),
        ("x_/y", "x___2F_y"),
        ("é", "_E9_"),
        ("\u{1f980}", "_1F980_"),
        // Single characters and words that stay as they are.
        ("a", "a"),
        ("foo-bar", "foo-bar"),
        ("foo/bar", "foo/bar"),
        ("_", "__"),
        ("__", "____"),
        ("..", "_2E__2E_"),
        ("a/../b", "a/_2E__2E__2F_b"),
        ("-", "-"),
        ("\t", "_09_"),
        ("a+b", "a_2B_b"),
        ("é/a", "_E9__2F_a"),
    ] {
        assert_eq!(escape(text).unwrap(), escaped, "{text:?}");
        assert_eq!(unescape(escaped).unwrap(), text, "{escaped:?}");
    }
}

#[test]
fn whole_refs() {
    let digest: Digest = format!("sha256:{HEX}").parse().unwrap();
    let blob = blob_ref(&digest).unwrap();
    assert_eq!(blob.as_str(), format!("{BLOB_PREFIX}/sha256_3A_{HEX}"));
    assert_eq!(parse_blob_ref(blob.as_str()).unwrap(), digest);
    let long: Digest = format!("sha512:{}", "0".repeat(128)).parse().unwrap();
    assert_eq!(
        parse_blob_ref(blob_ref(&long).unwrap().as_str()).unwrap(),
        long
    );
    let stored = image_ref(&image("registry:quay.io/exampleos/blah:latest")).unwrap();
    assert_eq!(
        stored.to_string(),
        format!("{IMAGE_PREFIX}/docker_3A__2F__2F_quay_2E_io/exampleos/blah_3A_latest")
    );
    assert_eq!(
        stored,
        image_ref(&image("docker://quay.io/exampleos/blah:latest")).unwrap()
    );
}

#[test]
fn what_cannot_be_escaped() {
    assert!(matches!(escape(""), Err(Error::Empty)));
    assert!(matches!(escape("ab\0c"), Err(Error::Nul { position: 2 })));
    let nameless = ImageReference {
        transport: Transport::OciDir,
        name: String::new(),
    };
    assert!(matches!(image_ref(&nameless), Err(Error::Empty)));
}

#[test]
fn what_cannot_be_unescaped() {
    for bad in [
        "_",
        "a_",
        "_3",
        "_3A",
        "_G_",
        "_+1_",
        "_D800_",
        "_110000_",
        "_FFFFFFFFF_",
        "_0_",
        "_00_",
        ".",
        "a.b",
        "a:b",
        "é",
        "a b",
        "_ _",
        "\0",
    ] {
        let error = unescape(bad).unwrap_err();
        assert!(matches!(error, Error::Unescape { .. }), "{bad:?}: {error}");
    }
    assert!(matches!(unescape(""), Err(Error::Empty)));
    assert_eq!(unescape("_3a_").unwrap(), ":", "other writers' case");
    let error = unescape("abc/_zz_").unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot unescape \"abc/_zz_\": an escape that stands for no character at byte 4"
    );
}

#[test]
fn refs_of_other_kinds() {
    assert!(matches!(
        parse_blob_ref("ostree/container/image/x"),
        Err(Error::Prefix {
            prefix: BLOB_PREFIX,
            ..
        })
    ));
    for bad in [
        "",
        "ostree",
        "ostree/container/imagex",
        "ostree/container/image",
        "refs/heads/ostree/container/image/x",
    ] {
        assert!(
            matches!(parse_image_ref(bad), Err(Error::Prefix { .. })),
            "{bad}"
        );
    }
    assert!(matches!(
        parse_image_ref("ostree/container/image/"),
        Err(Error::Empty)
    ));
    assert!(matches!(
        parse_image_ref("ostree/container/image/nocolon"),
        Err(Error::NoReference { .. })
    ));
    assert!(matches!(
        parse_blob_ref("ostree/container/blob/sha256_3A_ab"),
        Err(Error::NoDigest { .. })
    ));
    assert!(
        name(&format!("{BASEIMAGE_PREFIX}/bootc/0"))
            .as_str()
            .starts_with(BASEIMAGE_PREFIX)
    );
}

#[test]
fn parts_that_begin_with_a_dash_are_no_refs() {
    let error = image_ref(&image("oci:/a/-b")).unwrap_err();
    assert!(matches!(error, Error::ComponentBegin { begin: '-', .. }));
    assert_eq!(
        error.to_string(),
        "ostree has no ref with a part that begins with '-': \"-b\"; rename that part of the image's name or path"
    );
    // No slash stays where no letter or digit is before it, so no part begins here.
    for fine in ["oci:-a", "oci:/-b", "oci:a-/-b"] {
        assert!(image_ref(&image(fine)).is_ok(), "{fine}");
    }
}

#[test]
fn parts_end_at_255_bytes() {
    let prefix = "oci_3A_".len();
    let fits = format!("oci:{}", "a".repeat(MAX_COMPONENT_BYTES - prefix));
    assert!(image_ref(&image(&fits)).is_ok());
    let error = image_ref(&image(&format!("{fits}a"))).unwrap_err();
    assert!(matches!(
        error,
        Error::ComponentLength {
            length: 256,
            limit: 255,
            ..
        }
    ));
    assert!(
        error.to_string().contains("use a shorter name or path"),
        "{error}"
    );
    assert!(error.to_string().len() < 400);
    let grown = image_ref(&image(&format!("oci:{}", ".".repeat(70))));
    assert!(
        matches!(grown, Err(Error::ComponentLength { .. })),
        "escaping makes 4 bytes of one"
    );
}

#[test]
fn refs_end_where_paths_do() {
    let long = |bytes: usize| {
        let head = format!("{IMAGE_PREFIX}/oci_3A_");
        let mut path = String::new();
        while head.len() + path.len() < bytes {
            path.push(if path.len() % 100 == 99 { '/' } else { 'a' });
        }
        if path.ends_with('/') {
            path.pop();
            path.push('a');
        }
        image_ref(&image(&format!("oci:{path}")))
    };
    assert_eq!(long(MAX_REF_BYTES).unwrap().as_str().len(), MAX_REF_BYTES);
    assert!(matches!(
        long(MAX_REF_BYTES + 1),
        Err(Error::RefLength { .. })
    ));
}

#[test]
fn names_that_ostree_refuses() {
    for bad in [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        "a b",
        "a:b",
        "a\n",
        "\u{1f980}",
        "a\0b",
        "a+b",
    ] {
        assert!(
            matches!(bad.parse::<RefName>(), Err(Error::InvalidName { .. })),
            "{bad:?}"
        );
    }
    for bad in [".", "..", "a/..", "-a", "a/-b", "a/.b"] {
        assert!(
            matches!(bad.parse::<RefName>(), Err(Error::ComponentBegin { .. })),
            "{bad:?}"
        );
    }
    for good in [
        "a",
        "_",
        "0",
        "a.b",
        "a-b",
        "ostree/0/1/0",
        "fedora/39/x86_64/silverblue",
        "_-.",
    ] {
        assert_eq!(name(good).as_ref(), good);
    }
}

#[test]
fn collisions() {
    let of = |text: &str| image_ref(&image(text)).unwrap();
    for (a, b, expected) in [
        ("docker://h/a/b", "docker://h/a/b/c:t", true),
        ("docker://h/a/b", "docker://h/a/b/c", true),
        ("docker://h/a", "docker://h/a/b/c", true),
        ("docker://h/a/b", "docker://h/a/b", false),
        ("docker://h/a/b", "docker://h/a/bc", false),
        ("docker://h/a/b:t", "docker://h/a/b/c:t", false),
        ("docker://h/a/b", "docker://h/a/b:t", false),
        ("oci:/x", "oci:/x/y", true),
        ("oci:/x", "dir:/x/y", false),
        ("oci:/x", "oci:/x/", false),
    ] {
        assert_eq!(collides(&of(a), &of(b)), expected, "{a} {b}");
        assert_eq!(collides(&of(b), &of(a)), expected, "{b} {a}");
    }
}

/// Text of what matters to the escaping, and any other.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9/_:.@-]{1,40}",
        "[/_a-]{1,12}",
        any::<String>().prop_map(|text| text.replace('\0', "0")),
    ]
    .prop_filter("not empty", |text| !text.is_empty())
}

proptest! {
    #[test]
    fn texts_come_back(text in text()) {
        prop_assert_eq!(unescape(&escape(&text).unwrap()).unwrap(), text);
    }

    #[test]
    fn escaped_texts_are_ascii_and_never_have_empty_parts(text in text()) {
        let escaped = escape(&text).unwrap();
        prop_assert!(escaped.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'/')));
        prop_assert!(escaped.split('/').all(|part| !part.is_empty()), "{escaped}");
    }

    #[test]
    fn different_texts_have_different_refs(a in text(), b in text()) {
        prop_assert_eq!(escape(&a).unwrap() == escape(&b).unwrap(), a == b);
    }

    #[test]
    fn any_escaped_text_unescapes_or_fails(escaped in "[a-fA-F0-9_/.-]{0,20}|\\PC{0,12}") {
        if let Ok(text) = unescape(&escaped) {
            prop_assert_eq!(unescape(&escape(&text).unwrap()).unwrap(), text);
        }
    }

    #[test]
    fn images_come_back(
        transport in proptest::sample::select(Transport::ALL.to_vec()),
        name in text(),
    ) {
        let image = ImageReference { transport, name };
        match image_ref(&image) {
            Ok(stored) => {
                prop_assert_eq!(parse_image_ref(stored.as_str()).unwrap(), image);
                prop_assert_eq!(stored.as_str().parse::<RefName>().unwrap(), stored);
            }
            Err(Error::ComponentBegin { component, .. }) => prop_assert!(component.starts_with('-')),
            Err(Error::ComponentLength { length, .. }) => prop_assert!(length > MAX_COMPONENT_BYTES),
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn digests_come_back(bytes in any::<Vec<u8>>()) {
        let digest = Digest::sha256_of(&bytes);
        prop_assert_eq!(parse_blob_ref(blob_ref(&digest).unwrap().as_str()).unwrap(), digest);
    }

    #[test]
    fn two_refs_collide_when_one_is_a_directory_of_the_other(
        a in "[a-c]{1,2}(/[a-c]{1,2}){0,3}", b in "[a-c]{1,2}(/[a-c]{1,2}){0,3}",
    ) {
        let parts = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
        let expected = a != b && (parts(&a).starts_with(&parts(&b)) || parts(&b).starts_with(&parts(&a)));
        prop_assert_eq!(collides(&name(&a), &name(&b)), expected);
    }
}
