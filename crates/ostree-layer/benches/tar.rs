//! How long it takes to read a layer's tar: `TMPDIR=/dev/shm cargo bench -p ostree-layer`.
//!
//! Entries that leave no object behind (hard links to one file) show the reading alone.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panic")]

use std::fs::File;

use cap_std::fs::Dir;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use oci_manifest::{Algorithm, Compression, Descriptor, DiffId, Digest, Hasher, Layer, Role};
use ostree_layer::{
    AsTheyCome, Encoding, Import, Labelling, LayerInput, Limits, PathPolicy, import,
};
use ostree_objects::RepoMode;
use ostree_store::Repo;

fn main() {
    divan::main();
}

/// Names, in folders of a hundred.
#[divan::bench(args = [1_000, 10_000], sample_count = 20)]
fn entries(bencher: Bencher<'_, '_>, count: usize) {
    let tar = archive(b"content", count);
    bench(bencher.counter(ItemsCount::new(count)), &tar);
}

/// One file of so many megabytes: read, hashed thrice, written.
#[divan::bench(args = [1, 16], sample_count = 20)]
fn one_file(bencher: Bencher<'_, '_>, megabytes: usize) {
    let content = vec![3; megabytes << 20];
    let tar = archive(&content, 0);
    bench(bencher.counter(BytesCount::new(content.len())), &tar);
}

fn bench(bencher: Bencher<'_, '_>, tar: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let dir = Dir::from_std_file(File::open(folder.path()).unwrap());
    let repo = Repo::create(&dir, RepoMode::BareUser).unwrap();
    let layer = layer(tar);
    let (policy, limits) = (PathPolicy::everything(), Limits::default());
    let how = Import {
        policy: &policy,
        labels: Labelling::By(&AsTheyCome),
        limits: &limits,
        on_bytes: &|_| {},
        importer: "bench/1",
    };
    let input = LayerInput {
        layer: &layer,
        encoding: Encoding::Declared,
        digest_applies: true,
    };
    bencher.bench(|| import(tar, &input, &how, repo.stage().unwrap()).unwrap());
}

fn layer(tar: &[u8]) -> Layer {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(tar);
    let digest: Digest = hasher.finish();
    let media_type = "application/vnd.oci.image.layer.v1.tar";
    Layer {
        index: 0,
        descriptor: Descriptor::new(media_type, digest.clone(), tar.len() as u64),
        diff_id: DiffId(digest),
        role: Role::Derived,
        compression: Compression::None,
    }
}

/// A file and so many names of it.
fn archive(content: &[u8], links: usize) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(content.len() as u64);
    tar.append_data(&mut header, "usr/file", content).unwrap();
    header.set_size(0);
    header.set_entry_type(tar::EntryType::Link);
    for number in 0..links {
        let name = format!("usr/share/{}/{number}", number / 100);
        tar.append_link(&mut header, name, "usr/file").unwrap();
    }
    tar.into_inner().unwrap()
}
