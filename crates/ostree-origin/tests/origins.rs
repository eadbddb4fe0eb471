//! Origin files as the programs of the field write them, and what each change does to their bytes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use oci_manifest::OstreeImageReference;
use ostree_origin::{Error, KeyFile, Origin};

const CONTAINER: &str =
    "[origin]\ncontainer-image-reference=ostree-unverified-registry:quay.io/example/os:latest\n";

/// One of everything that somebody may have put into an origin.
const FULL: &str = "\
# written by hand
[origin]
baserefspec = fedora:fedora/x86_64/silverblue
override-commit=3f4a
custom-url=https://example.com/;x
unlocked=hotfix

# who did this?
[libostree-transient]
pinned=true
someone-note=kept for the audit

# rpm-ostree's
[packages]
requested=vim;htop;
[rpmostree]
regenerate-initramfs=true
";

fn image(text: &str) -> OstreeImageReference {
    text.parse().unwrap()
}

fn origin(text: &str) -> Origin {
    Origin::parse(text.as_bytes()).unwrap()
}

#[test]
fn a_new_one_has_the_bytes_that_bootc_writes() {
    let reference = image("ostree-unverified-registry:quay.io/example/os:latest");
    let new = Origin::for_image(&reference).unwrap();
    assert_eq!(new.to_string(), CONTAINER);
    assert_eq!(
        origin(CONTAINER).container_image().unwrap(),
        Some(reference)
    );
    for folded in [
        "ostree-image-signed:docker://quay.io/a/b",
        "ostree-remote-image:r:docker://quay.io/a/b",
        "ostree-unverified-image:oci:/var/tmp/with space:tag",
    ] {
        let new = Origin::for_image(&image(folded)).unwrap();
        assert_eq!(
            new.to_string(),
            format!("[origin]\ncontainer-image-reference={folded}\n")
        );
        assert_eq!(
            origin(&new.to_string()).container_image().unwrap(),
            Some(image(folded))
        );
    }
}

#[test]
fn everything_known_is_read() {
    let full = origin(FULL);
    assert_eq!(full.container_image().unwrap(), None);
    assert_eq!(full.refspec().unwrap(), None);
    assert_eq!(
        full.base_refspec().unwrap().unwrap(),
        "fedora:fedora/x86_64/silverblue"
    );
    assert_eq!(full.override_commit().unwrap().unwrap(), "3f4a");
    assert_eq!(full.unlocked().unwrap().unwrap(), "hotfix");
    assert_eq!(full.unconfigured_state().unwrap(), None);
    assert!(full.is_pinned());
    assert_eq!(full.incompatible(), ["rpmostree", "packages"]);
    assert_eq!(full.to_string(), FULL);
    let entitled = origin("[origin]\nrefspec=r:b\nunconfigured-state=Run\\nsubscribe first\n");
    assert_eq!(
        entitled.unconfigured_state().unwrap().unwrap(),
        "Run\nsubscribe first"
    );
    assert_eq!(entitled.refspec().unwrap().unwrap(), "r:b");
    assert!(!entitled.is_pinned() && entitled.incompatible().is_empty());
}

#[test]
fn another_image_changes_its_line_alone() {
    let text = "# by hand\r\n[origin]\r\n container-image-reference =  ostree-image-signed:docker://q/a \r\ncustom-url=x\r\n\r\n[mine]\r\nk = v \r\n";
    let mut changed = origin(text);
    changed
        .set_container_image(&image("ostree-unverified-registry:q/b"))
        .unwrap();
    assert_eq!(
        changed.to_string(),
        text.replace(
            "ostree-image-signed:docker://q/a ",
            "ostree-unverified-registry:q/b"
        )
    );
}

#[test]
fn an_image_takes_the_place_of_a_refspec() {
    let mut full = origin(FULL);
    full.set_container_image(&image("ostree-unverified-registry:q/b"))
        .unwrap();
    let expected = FULL
        .replace("baserefspec = fedora:fedora/x86_64/silverblue\n", "")
        .replace(
            "unlocked=hotfix\n",
            "unlocked=hotfix\ncontainer-image-reference=ostree-unverified-registry:q/b\n",
        );
    assert_eq!(full.to_string(), expected);
}

#[test]
fn pinned_and_unpinned_it_is_what_it_was() {
    for text in [
        "",
        CONTAINER,
        "# only a comment\n",
        "[origin]\nrefspec=x\n\n\n",
        "[a]\r\nk=v\r\n",
    ] {
        let mut changed = origin(text);
        changed.set_pinned(true).unwrap();
        assert!(origin(&changed.to_string()).is_pinned());
        changed.set_pinned(false).unwrap();
        assert_eq!(changed.to_string(), text);
    }
    let mut full = origin(FULL);
    full.set_pinned(false).unwrap();
    assert_eq!(full.to_string(), FULL.replace("pinned=true\n", ""));
    assert!(!origin("[libostree-transient]\npinned=perhaps\n").is_pinned());
}

#[test]
fn what_is_transient_goes_and_comments_of_the_next_group_stay() {
    let mut full = origin(FULL);
    full.remove_transient();
    let expected = FULL
        .replace(
            "[libostree-transient]\npinned=true\nsomeone-note=kept for the audit\n\n",
            "",
        )
        .replace("override-commit=3f4a\n", "")
        .replace("unlocked=hotfix\n", "");
    assert_eq!(full.to_string(), expected);
}

#[test]
fn a_wrong_value_is_an_error_of_its_key_alone() {
    let wrong =
        origin("[origin]\ncontainer-image-reference=quay.io/a/b\nrefspec=a\\qb\nunlocked=hotfix\n");
    let error = wrong.container_image().unwrap_err();
    assert!(
        matches!(&error, Error::Reference { text, .. } if text == "quay.io/a/b"),
        "{error}"
    );
    let error = wrong.refspec().unwrap_err();
    assert!(
        matches!(&error, Error::Value { key, .. } if key == "refspec"),
        "{error}"
    );
    assert_eq!(wrong.unlocked().unwrap().unwrap(), "hotfix");
}

#[test]
fn refusals_name_the_line() {
    for (bytes, number, says) in [
        (
            &b"[origin]\nrefspec=x\nnothing\n"[..],
            3,
            "not a key-value pair",
        ),
        (b"refspec=x\n[origin]\n", 1, "before the first group"),
        (b"\n\n[or]igin]\n", 3, "not a key-value pair"),
        (b"[]\n", 1, "group name"),
        (b"[a]\nb[x=1\n", 2, "key name"),
        (b"[a]\n#\nc=\xff\n", 3, "UTF-8"),
        (b"[a]\nb=\0\n", 2, "NUL"),
        (b"[a]\nEncoding=latin1\n", 2, "encoding"),
    ] {
        let error = Origin::parse(bytes).unwrap_err();
        let text = error.to_string();
        assert!(
            matches!(error, Error::Syntax { line, .. } if line == number),
            "{text}"
        );
        assert!(text.contains(says), "{text}");
    }
}

#[test]
fn what_would_not_read_back_is_not_written() {
    let mut file = KeyFile::parse("[a]\nk=v\n").unwrap();
    for (group, key, text) in [
        ("", "k", "x"),
        ("a]", "k", "x"),
        ("a\n", "k", "x"),
        ("a", "", "x"),
        ("a", "#k", "x"),
        ("a", " k", "x"),
        ("a", "k=l", "x"),
        ("a", "k\nl", "x"),
        ("a", "[k", "x"),
        ("a", "k", "x\0"),
        ("a", "k", "\u{c}x"),
        ("a", "Encoding", "latin1"),
    ] {
        let error = file.set_string(group, key, text).unwrap_err();
        assert!(
            matches!(error, Error::InvalidName { .. } | Error::Unwritable { .. }),
            "{group:?} {key:?} {text:?}: {error}"
        );
    }
    assert_eq!(file.to_string(), "[a]\nk=v\n");
}

#[test]
fn a_file_that_ends_within_a_line_grows_right() {
    let mut file = KeyFile::parse("[a]\nk=v\r").unwrap();
    file.set_string("a", "l", "w").unwrap();
    assert_eq!(file.to_string(), "[a]\nk=v\r\r\nl=w\r\n");
    assert_eq!(file.value("a", "k"), Some("v\r"));
}
