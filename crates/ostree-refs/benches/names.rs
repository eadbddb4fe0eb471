//! How long it takes to map names: `cargo bench -p ostree-refs`.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panic")]

use divan::{Bencher, black_box};
use oci_manifest::Digest;
use ostree_refs::{blob_ref, image_ref, parse_blob_ref, parse_image_ref};

fn main() {
    divan::main();
}

#[divan::bench]
fn digest_to_ref(bencher: Bencher<'_, '_>) {
    let digest = Digest::sha256_of(b"a blob");
    bencher.bench(|| blob_ref(black_box(&digest)).unwrap());
}

#[divan::bench]
fn ref_to_digest(bencher: Bencher<'_, '_>) {
    let name = blob_ref(&Digest::sha256_of(b"a blob")).unwrap();
    bencher.bench(|| parse_blob_ref(black_box(name.as_str())).unwrap());
}

#[divan::bench]
fn image_to_ref_and_back(bencher: Bencher<'_, '_>) {
    let image = "docker://quay.io/fedora/fedora-bootc:latest"
        .parse()
        .unwrap();
    bencher.bench(|| {
        let name = image_ref(black_box(&image)).unwrap();
        parse_image_ref(name.as_str()).unwrap()
    });
}
