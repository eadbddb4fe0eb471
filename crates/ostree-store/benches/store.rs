//! How long it takes to store objects and to look refs up: `TMPDIR=/dev/shm cargo bench -p ostree-store`.
//!
//! In memory it shows our own cost. On an ext4 where much was deleted, finding inodes takes several times that.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panic")]

use std::fs::File;

use cap_std::fs::Dir;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use ostree_objects::{Checksum, FileHeader, RepoMode, Xattrs};
use ostree_store::Repo;

const FILES: u64 = 1_000;

fn main() {
    divan::main();
}

/// A thousand files of so many bytes into a stage; nothing is published.
#[divan::bench(args = [100, 4_096, 65_536], sample_count = 10)]
fn write_files(bencher: Bencher<'_, '_>, size: usize) {
    let (_folder, repo) = repository();
    let header = FileHeader::regular(0, 0, 0o644, Xattrs::new());
    let mut content = vec![b'x'; size];
    let mut next = 0_u64;
    // Not dropped meanwhile: ext4 looks long for a new file's place where many were just deleted.
    let mut stages = Vec::new();
    bencher.counter(ItemsCount::new(FILES)).bench_local(|| {
        let stage = repo.stage().unwrap();
        for _ in 0..FILES {
            next += 1;
            content[..8].copy_from_slice(&next.to_le_bytes());
            stage
                .write_file(&header, size as u64, &mut &*content)
                .unwrap();
        }
        stages.push(stage);
    });
}

/// A thousand files that are in the repository already.
#[divan::bench(sample_count = 10)]
fn write_files_that_are_there(bencher: Bencher<'_, '_>) {
    let (_folder, repo) = repository();
    let header = FileHeader::regular(0, 0, 0o644, Xattrs::new());
    let write = || {
        let stage = repo.stage().unwrap();
        for number in 0..FILES {
            let content = number.to_le_bytes();
            stage.write_file(&header, 8, &mut &content[..]).unwrap();
        }
        stage
    };
    write().publish().unwrap();
    bencher
        .counter(ItemsCount::new(FILES))
        .bench_local(|| drop(write()));
}

/// One ref of a thousand.
#[divan::bench]
fn look_a_ref_up(bencher: Bencher<'_, '_>) {
    let (folder, repo) = repository();
    refs(folder.path());
    bencher.bench(|| {
        repo.resolve_ref(black_box("ostree/container/blob/sha256_3A_500"))
            .unwrap()
    });
}

/// All thousand.
#[divan::bench(sample_count = 20)]
fn list_refs(bencher: Bencher<'_, '_>) {
    let (folder, repo) = repository();
    refs(folder.path());
    bencher.bench(|| repo.list_refs(black_box("ostree/container/blob")).unwrap());
}

fn repository() -> (tempfile::TempDir, Repo) {
    let folder = tempfile::tempdir().unwrap();
    let dir = Dir::from_std_file(File::open(folder.path()).unwrap());
    let repo = Repo::create(&dir, RepoMode::BareUser).unwrap();
    (folder, repo)
}

fn refs(repo: &std::path::Path) {
    let folder = repo.join("refs/heads/ostree/container/blob");
    std::fs::create_dir_all(&folder).unwrap();
    for number in 0..1_000 {
        let commit = format!("{}\n", Checksum::of(b"a commit"));
        std::fs::write(folder.join(format!("sha256_3A_{number}")), commit).unwrap();
    }
}
