//! The digest of the composefs image in merge commits, and the digests of files that are kept for it.

use std::fs;

use bootc_storage::composefs::{ImageForm, KEY_COMPOSEFS_DIGEST};
use bootc_storage::pull::Compat;
use ostree_flatten::composefs::FsVerityDigest;
use ostree_objects::Checksum;
use ostree_store::FileDigests;
use test_images::Image;

use crate::host::{Host, Place, layer, name};
use crate::selinux::{base, bootable, policy};

const RULES: [(&str, &str); 2] = [("/.*", "u:r:any:s0"), ("/usr/bin(/.*)?", "u:r:bin:s0")];

/// What is kept, with whatever commit.
fn kept(host: &Host) -> FileDigests {
    let entries = fs::read_dir(host.repo().join("bootc-storage/fsverity")).unwrap();
    let commits = entries.map(|entry| {
        let name = entry.unwrap().file_name();
        name.to_str().unwrap().parse().unwrap()
    });
    host.storage.repo().file_digests(commits)
}

/// Regular files of a commit that are not empty.
fn files(host: &Host, commit: &Checksum) -> Vec<Checksum> {
    let repo = host.storage.repo();
    let mut waiting = vec![repo.read_commit(commit).unwrap().tree];
    let mut files = Vec::new();
    while let Some(tree) = waiting.pop() {
        let tree = repo.read_dirtree(&tree).unwrap();
        files.extend(tree.files.iter().map(|(_, file)| *file).filter(|file| {
            let stat = repo.file_stat(file).unwrap();
            stat.size > 0 && !stat.header.is_symlink()
        }));
        waiting.extend(tree.dirs.iter().map(|(_, tree, _)| *tree));
    }
    files
}

fn assert_all_kept(host: &Host, commit: &Checksum, what: &str) {
    let kept = kept(host);
    let files = files(host, commit);
    assert!(files.len() > 3, "{what}");
    for file in files {
        let content = host.storage.repo().open_file(&file).unwrap().content;
        let digest = FsVerityDigest::of_reader(content).unwrap();
        assert_eq!(kept.get(&file), Some(digest), "{what}: {file}");
    }
}

fn images() -> [(&'static str, Image); 4] {
    let bottom =
        || layer("file usr/bin/tool \"1\"\nfile usr/big size=200000 seed=1\nfile usr/empty");
    let top = || layer(&policy("etc", &RULES));
    [
        (
            "no policy",
            Image::of([bottom(), layer("file usr/a \"a\"\nfile usr/b \"b\"")]),
        ),
        (
            "labels found while layers come in",
            bootable([bottom(), top()]),
        ),
        (
            "layers written anew with labels",
            Image::of([bottom(), top()]),
        ),
        (
            "a base relabelled",
            base(
                "file usr/bin/tool \"1\"\nfile usr/big size=200000 seed=1",
                &RULES,
            )
            .layer(layer("file usr/bin/more \"2\"")),
        ),
    ]
}

#[test]
fn each_files_digest_is_kept_wherever_its_labels_come_from() {
    for (what, image) in images() {
        let host = Host::new();
        let commit = host
            .pull(&Place::image(&image).latest())
            .unwrap()
            .merge_commit;
        assert_all_kept(&host, &commit, what);
        host.storage.apply_prune(&host.observer()).unwrap();
        assert_all_kept(&host, &commit, &format!("{what}, pruned"));
        // Nothing of it is needed for the right digest.
        fs::remove_dir_all(host.repo().join("bootc-storage")).unwrap();
        let tree = host.storage.composefs_tree(&commit, ImageForm::WithDigests);
        let tree = tree.unwrap();
        assert_eq!(tree.expected, Some(tree.digest().unwrap()), "{what}");
        assert!(host.check().is_empty());
    }
}

#[test]
fn what_has_to_be_found_out_is_kept_for_the_next_time() {
    for (what, image) in images() {
        let host = Host::new();
        let pulled = host.pull(&Place::image(&image).latest()).unwrap();
        let commit = pulled.merge_commit;
        let folder = host.repo().join("bootc-storage/fsverity");
        let all = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let digest = || {
            let tree = host.storage.composefs_tree(&commit, ImageForm::WithDigests);
            tree.unwrap().digest().unwrap()
        };
        let right = digest();
        // One after the other goes; what the commit's own has stays in it.
        for file in all {
            fs::remove_file(file).unwrap();
            assert_eq!(digest(), right, "{what}");
            assert_all_kept(&host, &commit, what);
        }
        let own = host.storage.repo().file_digests([commit]);
        assert!(
            files(&host, &commit)
                .iter()
                .all(|file| own.get(file).is_some())
        );
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "{what}");
        assert!(host.check().is_empty());
    }
}

#[test]
fn of_damaged_content_nothing_is_told_or_kept() {
    let host = Host::new();
    let place = Place::image(&Image::of([layer("file usr/a \"a\"\nfile usr/b \"b\"")]));
    let commit = host.pull(&place.latest()).unwrap().merge_commit;
    fs::remove_dir_all(host.repo().join("bootc-storage")).unwrap();
    let file = files(&host, &commit)[0];
    let name = ostree_objects::ObjectName::file(file);
    let path = name.loose_path(host.storage.repo().mode());
    fs::write(host.repo().join("objects").join(path), "x").unwrap();
    let error = host.storage.composefs_tree(&commit, ImageForm::WithDigests);
    assert_eq!(error.unwrap_err().kind(), bootc_storage::Kind::Corrupt);
    assert!(!host.repo().join("bootc-storage").exists());
}

#[test]
fn what_earlier_versions_brought_stays_kept_when_they_go() {
    let host = Host::new();
    let common =
        "file usr/common size=5000 seed=3\nfile usr/a \"a\"\nfile usr/b \"b\"\nfile usr/c \"c\"";
    let old = Place::image(&Image::of([layer(common)]));
    let first = host.pull(&old.latest()).unwrap().merge_commit;
    // The same files in a layer of another digest.
    let other = format!("{common}\nfile usr/more \"more\"");
    let place = Place::image(&Image::of([layer(&other)]));
    let second = host.pull(&place.latest()).unwrap().merge_commit;
    assert_ne!(first, second);
    let removed = host
        .storage
        .remove(&[name(&old.latest())], &host.observer());
    removed.unwrap();
    assert_all_kept(&host, &second, "the second version");
}

#[test]
fn under_compat_the_merge_commit_says_nothing_of_its_image() {
    let host = Host::new();
    let place = Place::image(&images()[0].1);
    let commit = host
        .pull_by(&place.latest(), Compat::OstreeExt)
        .merge_commit;
    let object = host.storage.repo().read_commit(&commit).unwrap();
    assert_eq!(object.metadata.get(KEY_COMPOSEFS_DIGEST), None);
    assert!(!host.repo().join("bootc-storage").exists());
}
