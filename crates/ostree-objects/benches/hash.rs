//! How long it takes to name objects: `cargo bench -p ostree-objects`.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use ostree_objects::{Checksum, DirTree, FileHasher, FileHeader, Xattrs};

fn main() {
    divan::main();
}

/// A file of so many bytes, header included in the work but not in the count.
#[divan::bench(args = [100, 4_096, 65_536, 1_048_576])]
fn file(bencher: Bencher<'_, '_>, size: usize) {
    let content = vec![7_u8; size];
    let header = FileHeader::regular(0, 0, 0o644, Xattrs::new());
    bencher.counter(BytesCount::new(size)).bench(|| {
        let mut hasher = FileHasher::new(black_box(&header));
        hasher.update(black_box(&content));
        hasher.finish()
    });
}

/// Writing and naming a directory of so many files.
#[divan::bench(args = [10, 100, 1_000])]
fn dirtree(bencher: Bencher<'_, '_>, files: usize) {
    let tree = tree(files);
    bencher.bench(|| black_box(&tree).checksum());
}

/// Reading it back.
#[divan::bench(args = [10, 100, 1_000])]
fn parse_dirtree(bencher: Bencher<'_, '_>, files: usize) {
    let bytes = tree(files).to_bytes();
    bencher.bench(|| DirTree::parse(black_box(&bytes)));
}

fn tree(files: usize) -> DirTree {
    let file = |number: usize| {
        let name = format!("file-{number:06}");
        let checksum = Checksum::of(name.as_bytes());
        (name, checksum)
    };
    DirTree {
        files: (0..files).map(file).collect(),
        dirs: Vec::new(),
    }
}
