//! How long it takes to merge layers: `TMPDIR=/dev/shm cargo bench -p ostree-flatten`.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panic")]

use std::fs::File;

use cap_std::fs::Dir;
use divan::Bencher;
use ostree_flatten::{DirectoryRule, LayerTree, merge};
use ostree_objects::{Checksum, DirMeta, DirTree, FileHeader, RepoMode, Xattrs};
use ostree_store::{Repo, Stage};

const FOLDERS: usize = 1_000;
const FILES: usize = 60;

fn main() {
    divan::main();
}

/// A base of 60,000 files in 1,000 folders, and a layer that touches so many folders.
#[divan::bench(args = [1, 100, 1_000], sample_count = 20)]
fn folders_touched(bencher: Bencher<'_, '_>, touched: usize) {
    let folder = tempfile::tempdir().unwrap();
    let dir = Dir::from_std_file(File::open(folder.path()).unwrap());
    let repo = Repo::create(&dir, RepoMode::BareUser).unwrap();
    let mut stage = repo.stage().unwrap();
    let base = tree(&mut stage, FOLDERS, FILES, "base");
    let layer = tree(&mut stage, touched, 1, "new");
    stage.publish().unwrap();
    bencher.bench(|| {
        let mut stage = repo.stage().unwrap();
        let layers = std::slice::from_ref(&layer);
        merge(Some(&base), layers, DirectoryRule::UpperWins, &mut stage).unwrap()
    });
}

/// Folders of files, all of the same content: only trees are merged.
fn tree(stage: &mut Stage, folders: usize, files: usize, name: &str) -> LayerTree {
    let header = FileHeader::regular(0, 0, 0o644, Xattrs::new());
    let file = stage.write_file(&header, 7, &mut &b"content"[..]).unwrap();
    let meta = stage.write_dirmeta(&DirMeta::root_default()).unwrap();
    let folder = |stage: &mut Stage, number: usize| -> (String, Checksum, Checksum) {
        let entry = |file_number: usize| (format!("{name}-{number:04}-{file_number:04}"), file);
        let tree = DirTree {
            files: (0..files).map(entry).collect(),
            dirs: Vec::new(),
        };
        (
            format!("{number:04}"),
            stage.write_dirtree(&tree).unwrap(),
            meta,
        )
    };
    let root = DirTree {
        files: Vec::new(),
        dirs: (0..folders).map(|number| folder(stage, number)).collect(),
    };
    LayerTree {
        tree: stage.write_dirtree(&root).unwrap(),
        meta,
        implied: None,
    }
}
