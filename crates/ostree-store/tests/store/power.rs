//! Power cuts: what was said to be done is there, and what is there is whole.
//!
//! A file system on a loop device is shut down without its log being written, which is what a
//! power cut leaves.

use std::fs;
use std::path::{Path, PathBuf};

use ostree_objects::RepoMode;
use ostree_store::{Stage, SyncedRefDirs};

use crate::publish::small_commit;
use crate::support::{create, names, need_root, open, ostree, put, run};

struct Disk {
    image: PathBuf,
    mount: PathBuf,
    _dir: tempfile::TempDir,
}

impl Disk {
    fn new(kind: &str) -> Self {
        need_root();
        let dir = tempfile::tempdir().unwrap();
        let (image, mount) = (dir.path().join("image"), dir.path().join("mount"));
        fs::create_dir(&mount).unwrap();
        fs::File::create(&image)
            .unwrap()
            .set_len(400 << 20)
            .unwrap();
        run(&format!("mkfs.{kind}"), &["-q", image.to_str().unwrap()]);
        let disk = Self {
            image,
            mount,
            _dir: dir,
        };
        disk.mount();
        disk
    }

    fn mount(&self) {
        let (image, mount) = (self.image.to_str().unwrap(), self.mount.to_str().unwrap());
        run("mount", &["-o", "loop", image, mount]);
    }

    fn repo(&self) -> PathBuf {
        self.mount.join("repo")
    }

    /// Whatever is `open` is let go once nothing can be written any more.
    fn cut_power<T>(&self, open: T) {
        let mount = self.mount.to_str().unwrap();
        run("xfs_io", &["-x", "-c", "shutdown", mount]);
        drop(open);
        run("umount", &[mount]);
        self.mount();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        run("umount", &["-l", self.mount.to_str().unwrap()]);
    }
}

fn whole(repo: &Path) {
    ostree(repo, &["fsck", "--quiet", "--all"]);
    let repo = open(repo);
    for name in names(&repo) {
        assert!(repo.verify(&name).unwrap().is_good(), "{name}");
    }
}

#[test]
fn done_is_done() {
    for kind in ["ext4", "xfs"] {
        let disk = Disk::new(kind);
        let path = disk.repo();
        let repo = create(&path, RepoMode::Bare);
        run("sync", &["-f", path.to_str().unwrap()]);
        let stage = repo.stage().unwrap();
        for i in 0..300_u32 {
            put(&stage, &i.to_le_bytes());
        }
        put(&stage, &vec![7; 5_000_000]);
        let commit = small_commit(&stage, b"content");
        let other = repo.stage().unwrap();
        put(&other, &vec![8; 5_000_000]);
        let stages = [stage, other];
        let published = Stage::publish_all(&stages).unwrap();
        let objects: Vec<u64> = published.iter().map(|of| of.objects).collect();
        assert_eq!(objects, [305, 1]);
        let name = "ostree/container/image/new/deep/ref";
        ostree(
            &path,
            &["refs", &format!("--create={name}"), &commit.to_string()],
        );
        repo.sync_ref(name).unwrap();
        disk.cut_power((stages, repo));
        let repo = open(&path);
        assert_eq!(repo.resolve_ref(name).unwrap(), Some(commit), "{kind}");
        assert_eq!(names(&repo).len(), 306, "{kind}");
        whole(&path);
    }
}

#[test]
fn refs_among_others_are_done_too() {
    for kind in ["ext4", "xfs"] {
        let disk = Disk::new(kind);
        let path = disk.repo();
        let repo = create(&path, RepoMode::Bare);
        run("sync", &["-f", path.to_str().unwrap()]);
        let mut synced = SyncedRefDirs::default();
        let mut refs = Vec::new();
        for number in 0..4_u8 {
            let stage = repo.stage().unwrap();
            put(&stage, &vec![number; 100_000]);
            let commit = small_commit(&stage, &[number]);
            stage.publish().unwrap();
            // Two directories, each new with its first ref.
            let name = format!("ostree/container/{}/{number}", number % 2);
            ostree(
                &path,
                &["refs", &format!("--create={name}"), &commit.to_string()],
            );
            repo.sync_ref_among(&name, &mut synced).unwrap();
            refs.push((name, commit));
        }
        disk.cut_power(repo);
        let repo = open(&path);
        for (name, commit) in refs {
            assert_eq!(
                repo.resolve_ref(&name).unwrap(),
                Some(commit),
                "{name} on {kind}"
            );
        }
        whole(&path);
    }
}

#[test]
fn cut_short_is_whole() {
    for kind in ["ext4", "xfs"] {
        let disk = Disk::new(kind);
        let path = disk.repo();
        let repo = create(&path, RepoMode::Bare);
        for round in 0..3_u8 {
            // Published, but with no ref and so with nothing said to be done.
            let stage = repo.stage().unwrap();
            put(&stage, &vec![round; 3_000_000]);
            small_commit(&stage, &[round]);
            stage.publish().unwrap();
        }
        // Written, not published.
        let stage = repo.stage().unwrap();
        put(&stage, &vec![9; 3_000_000]);
        disk.cut_power((stage, repo));
        whole(&path);
        let swept = open(&path).sweep_abandoned().unwrap();
        assert!(swept.alive == 0 && swept.removed <= 1, "{swept:?}");
        assert!(crate::support::stages(&path).is_empty());
    }
}
