//! `oci:` and `oci-archive:`, read without a child process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod support;

use image_source::Encoding;
use support::images::{gzip, simple};
use support::skopeo::{Bench, chain, layers, read, read_all, reference, skopeo};

#[test]
fn a_directory_and_archives_of_each_kind_give_the_same_image() {
    let bench = Bench::without_skopeo();
    let (layout, image) = simple(300_000);
    let dir = bench.path("layout");
    layout.write_dir(&dir);
    let tar = layout.tar();
    let plain = bench.write("plain.tar", &tar);
    let gzipped = bench.write("gzip.tar.gz", gzip(&tar));
    let members = bench.write(
        "members.tar.gz",
        [gzip(&tar[..9999]), gzip(&tar[9999..])].concat(),
    );
    let zstd = bench.write("zstd.tar.zst", zstd::encode_all(tar.as_slice(), 1).unwrap());
    let by_skopeo = bench.path("skopeo.tar");
    skopeo([
        "copy",
        "-q",
        &reference("oci", &dir, ":v1"),
        &reference("oci-archive", &by_skopeo, ":v1"),
    ]);

    let archives = [&plain, &gzipped, &members, &zstd, &by_skopeo]
        .map(|path| reference("oci-archive", path, ":v1"));
    for reference in [reference("oci", &dir, ":v1")].iter().chain(&archives) {
        let source = bench
            .open(reference)
            .unwrap_or_else(|error| panic!("{reference}: {}", chain(&error)));
        assert_eq!(*source.manifest_digest(), image.digest, "{reference}");
        assert_eq!(source.index_digest(), None);
        assert_eq!(source.config().unwrap().labels()["a"], "b");
        assert_eq!(read_all(source.as_ref()), image.blobs, "{reference}");
        let blob = source.blob(&layers(source.as_ref())[0]).unwrap();
        assert_eq!(
            (blob.encoding, blob.digest_applies),
            (Encoding::Declared, true)
        );
    }
    assert!(
        bench.left_in_tmp().is_empty(),
        "nothing stays behind: {:?}",
        bench.left_in_tmp()
    );
}

#[test]
fn blobs_can_be_read_at_once() {
    let bench = Bench::without_skopeo();
    let (layout, image) = simple(2_000_000);
    let archive = bench.write("a.tar", layout.tar());
    let source = bench.open(&reference("oci-archive", &archive, "")).unwrap();
    let layers = layers(source.as_ref());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            for (layer, blob) in layers.iter().zip(&image.blobs) {
                scope.spawn(|| assert_eq!(read(source.as_ref(), layer).unwrap(), *blob));
            }
        }
    });
}

#[test]
fn of_two_entries_the_last_counts_and_names_are_read_as_tar_means_them() {
    let bench = Bench::without_skopeo();
    let (layout, image) = simple(5000);
    let files = layout.all_files();
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, bytes).unwrap();
    };
    add("index.json", b"{\"old\":1}");
    for (name, bytes) in &files {
        add(&format!("./{name}"), bytes);
    }
    let tar = builder.into_inner().unwrap();
    let path = bench.write("a.tar", tar);
    let source = bench.open(&reference("oci-archive", &path, ":v1")).unwrap();
    assert_eq!(read_all(source.as_ref()), image.blobs);
}
