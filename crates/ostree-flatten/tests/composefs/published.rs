//! The dumps of the reference implementation, and the sums that it publishes for their images.

use std::{fs, io::Read as _, ops::RangeInclusive, path::PathBuf};

use flate2::bufread::GzDecoder;
use ostree_flatten::composefs::{
    Error, Format, FsVerityDigest, Tree, parse_dump, write_dump, write_image,
};
use sha2::{Digest as _, Sha256};

fn read(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/composefs");
    let bytes = fs::read(folder.join(name)).unwrap();
    if !name.ends_with(".gz") {
        return bytes;
    }
    let mut text = Vec::new();
    GzDecoder::new(&*bytes).read_to_end(&mut text).unwrap();
    text
}

fn image(tree: &Tree, formats: RangeInclusive<Format>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written = write_image(tree, formats, &mut bytes).unwrap();
    assert_eq!(written.size, bytes.len() as u64);
    assert_eq!(written.digest, FsVerityDigest::of(&bytes));
    bytes
}

#[test]
fn every_dump_gives_the_published_image() {
    const V0: RangeInclusive<Format> = Format::V0..=Format::V0;
    const V1: RangeInclusive<Format> = Format::V1..=Format::V1;
    for (dump, sum, formats) in [
        ("bigfile.dump", "bigfile.dump.sha256", Format::DEFAULT),
        (
            "bigfile-xattr.dump",
            "bigfile-xattr.dump.sha256",
            Format::DEFAULT,
        ),
        (
            "config-with-hard-link.dump.gz",
            "config-with-hard-link.dump.gz.sha256",
            Format::DEFAULT,
        ),
        ("longlink.dump", "longlink.dump.sha256", Format::DEFAULT),
        ("no-newline.dump", "no-newline.dump.sha256", V0),
        ("special.dump", "special.dump.sha256", V0),
        ("special.dump", "special.dump.v1.sha256", V1),
        // Its whiteout makes a newer format of it where that is allowed.
        ("special.dump", "special.dump.v1.sha256", Format::DEFAULT),
    ] {
        let tree = parse_dump(&*read(dump)).unwrap();
        let wanted = String::from_utf8(read(sum)).unwrap();
        let got = hex::encode(Sha256::digest(image(&tree, formats)));
        assert_eq!(got, wanted.trim(), "{dump}, {sum}");
    }
}

#[test]
fn a_dump_that_was_written_gives_the_same_image() {
    for dump in [
        "bigfile.dump",
        "bigfile-xattr.dump",
        "config-with-hard-link.dump.gz",
        "longlink.dump",
        "no-newline.dump",
        "special.dump",
    ] {
        let tree = parse_dump(&*read(dump)).unwrap();
        let mut text = Vec::new();
        write_dump(&tree, &mut text).unwrap();
        let again = parse_dump(&*text).unwrap();
        assert!(
            image(&tree, Format::DEFAULT) == image(&again, Format::DEFAULT),
            "{dump}"
        );
        let mut text_again = Vec::new();
        write_dump(&again, &mut text_again).unwrap();
        assert!(text == text_again, "{dump}");
    }
}

#[test]
fn what_the_reference_refuses_is_refused_with_its_line() {
    for (dump, wanted) in [
        (
            "should-fail-big-inline.dump",
            "5004 bytes of content are too many",
        ),
        ("should-fail-dir-hardlink.dump", "would be a directory"),
        ("should-fail-empty-name.dump", "is empty"),
        (
            "should-fail-long-link.dump",
            "target of a symbolic link has 7",
        ),
        (
            "should-fail-too-big.dump",
            "9500000000000000 bytes is too big",
        ),
    ] {
        let Error::Line { line, source } = parse_dump(&*read(dump)).unwrap_err() else {
            panic!("{dump}: no line");
        };
        assert_eq!(line, 2, "{dump}");
        assert!(source.to_string().contains(wanted), "{dump}: {source}");
    }
}
