//! Which image of a layout is meant.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod support;

use image_source::{Error, Source};
use oci_manifest::{Digest, Platform};
use serde_json::json;
use support::images::{Image, Layout, simple, tar_of};
use support::skopeo::{Bench, chain, reference};

const AMD64: &str = "linux/amd64";
const ARM64: &str = "linux/arm64/v8";
const ARM: &str = "linux/arm/v7";

fn platform(text: &str) -> Platform {
    text.parse().unwrap()
}

/// A layout of one plain image and one index that holds an image and another index.
struct Many {
    bench: Bench,
    dir: std::path::PathBuf,
    one: Image,
    two: Image,
    three: Image,
    four: Image,
    outer: Digest,
}

fn many() -> Many {
    let bench = Bench::without_skopeo();
    let mut layout = Layout::new();
    let tar = |name: &str| [tar_of([(name, name.as_bytes())])];
    let one = layout.image(&tar("one"), &Platform::host());
    let two = layout.image(&tar("two"), &platform(AMD64));
    let three = layout.image(&tar("three"), &platform(ARM64));
    let four = layout.image(&tar("four"), &platform(ARM));
    layout.tag(one.entry(), "one");
    let mut inner = layout.index(&[
        three.entry_for(&platform(ARM64)),
        four.entry_for(&platform(ARM)),
    ]);
    inner["platform"] = json!({"os": "linux", "architecture": "arm64", "variant": "v8"});
    let outer = layout.index(&[two.entry_for(&platform(AMD64)), inner]);
    layout.tag(outer.clone(), "quay.io/x/many:1.2");
    let dir = bench.path("l");
    layout.write_dir(&dir);
    let outer = outer["digest"].as_str().unwrap().parse().unwrap();
    Many {
        bench,
        dir,
        one,
        two,
        three,
        four,
        outer,
    }
}

impl Many {
    fn open(&mut self, rest: &str, wanted: &str) -> Result<Box<dyn Source>, Error> {
        self.bench.config.platform = platform(wanted);
        self.bench.open(&reference("oci", &self.dir, rest))
    }

    /// The digests of the manifest and of the index that it is from.
    fn chosen(&mut self, rest: &str, wanted: &str) -> (Digest, Option<Digest>) {
        let source = self
            .open(rest, wanted)
            .unwrap_or_else(|error| panic!("{rest}: {}", chain(&error)));
        assert!(source.config().is_ok(), "{rest}");
        (
            source.manifest_digest().clone(),
            source.index_digest().cloned(),
        )
    }
}

#[test]
fn tags_digests_and_platforms_choose() {
    let mut many = many();
    let host = Platform::host().to_string();
    let digest = |image: &Image| image.digest.clone();
    let (one, two, three, four) = (
        digest(&many.one),
        digest(&many.two),
        digest(&many.three),
        digest(&many.four),
    );
    let outer = many.outer.clone();
    assert_eq!(many.chosen(":one", &host), (one.clone(), None));
    assert_eq!(
        many.chosen(":quay.io/x/many:1.2", AMD64),
        (two.clone(), Some(outer.clone()))
    );
    assert_eq!(
        many.chosen(":quay.io/x/many:1.2", ARM64),
        (three, Some(outer.clone()))
    );
    assert_eq!(many.chosen(&format!("@{one}"), &host), (one, None));
    assert_eq!(many.chosen(&format!("@{outer}"), AMD64), (two, Some(outer)));
    assert_eq!(
        many.chosen(&format!("@{four}"), ARM),
        (four.clone(), None),
        "listed only in an index"
    );
    assert_eq!(
        many.chosen(&format!(":one@{four}"), ARM),
        (four, None),
        "the digest wins"
    );
}

#[test]
fn what_cannot_be_chosen_is_said_with_what_there_is() {
    let mut many = many();
    let host = Platform::host().to_string();
    let error = chain(&many.open(":quay.io/x/many:1.2", "linux/s390x").unwrap_err());
    assert!(
        error.contains("s390x") && error.contains("amd64"),
        "{error}"
    );
    let error = many.open("", &host).unwrap_err();
    assert!(
        matches!(&error, Error::Ambiguous { count: 2, .. }),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("one, quay.io/x/many:1.2"),
        "{error}"
    );
    let error = many.open(":tow", &host).unwrap_err();
    let right = |error: &Error| matches!(error, Error::NoSuchTag { tag, tags, .. } if tag == "tow" && tags.len() == 2);
    assert!(right(&error), "{error:?}");
    let absent = Digest::sha256_of(b"absent");
    assert!(matches!(
        many.open(&format!("@{absent}"), &host),
        Err(Error::NoSuchDigest { .. })
    ));
    let four = many.four.digest.clone();
    let other = many.open(&format!("@{four}"), AMD64).unwrap();
    let error = chain(&other.config().unwrap_err());
    assert!(
        error.contains("linux/arm\"") && error.contains("linux/amd64"),
        "row 55: {error}"
    );
}

#[test]
fn an_index_json_of_one_image_for_many_platforms_needs_no_tag() {
    let bench = Bench::without_skopeo();
    let mut layout = Layout::new();
    let (amd64, arm64) = (platform("linux/amd64"), platform("linux/arm64/v8"));
    let one = layout.image(&[tar_of([("a", b"a".as_slice())])], &amd64);
    let two = layout.image(&[tar_of([("b", b"b".as_slice())])], &arm64);
    layout.entries = vec![one.entry_for(&amd64), two.entry_for(&arm64)];
    let dir = bench.path("l");
    layout.write_dir(&dir);
    for (wanted, digest) in [(amd64, one.digest), (arm64, two.digest)] {
        let mut bench = Bench::without_skopeo();
        bench.config.platform = wanted;
        assert_eq!(
            *bench
                .open(&reference("oci", &dir, ""))
                .unwrap()
                .manifest_digest(),
            digest
        );
    }
}

#[test]
fn indexes_inside_indexes_have_an_end() {
    let bench = Bench::without_skopeo();
    let (mut layout, image) = simple(10);
    let mut entry = image.entry_for(&Platform::host());
    for depth in 0..6 {
        entry = layout.index(&[entry]);
        entry["platform"] = json!({"os": "linux", "architecture": Platform::host().architecture});
        layout.tag(entry.clone(), &format!("deep{depth}"));
    }
    let dir = bench.path("l");
    layout.write_dir(&dir);
    assert!(bench.open(&reference("oci", &dir, ":deep3")).is_ok());
    assert!(matches!(
        bench.open(&reference("oci", &dir, ":deep5")),
        Err(Error::NestedTooDeep { .. })
    ));
}
