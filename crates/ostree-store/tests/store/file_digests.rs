//! fs-verity digests of files that are kept with commits.

use std::fs;
use std::path::{Path, PathBuf};

use ostree_objects::{
    Checksum, Commit, DirMeta, DirTree, FileHeader, Metadata, RepoMode, S_IFDIR, Xattrs,
};
use ostree_store::{FsVerityDigest, Repo, Stage};

use crate::support::{MODES, need_root, ostree, plain, put, temporary};

fn folder(repo: &Path) -> PathBuf {
    repo.join("bootc-storage/fsverity")
}

/// Names of the files in it.
fn kept(repo: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder(repo)).into_iter().flatten();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn collecting(repo: &Repo) -> Stage {
    repo.stage().unwrap().with_file_digests().unwrap()
}

/// A commit of a tree with these files.
fn commit(stage: &Stage, files: &[Checksum], timestamp: u64) -> Checksum {
    let mut tree = DirTree::default();
    for (number, file) in files.iter().enumerate() {
        tree.files.push((format!("{number:05}"), *file));
    }
    let meta = DirMeta {
        uid: 0,
        gid: 0,
        mode: S_IFDIR | 0o755,
        xattrs: Xattrs::new(),
    };
    let commit = Commit {
        metadata: Metadata::default(),
        parent: None,
        subject: String::new(),
        body: String::new(),
        timestamp,
        tree: stage.write_dirtree(&tree).unwrap(),
        meta: stage.write_dirmeta(&meta).unwrap(),
    };
    stage.write_commit(&commit).unwrap()
}

fn contents() -> Vec<Vec<u8>> {
    [1, 4095, 4096, 4097, 128 * 1024, 128 * 1024 + 1, 1_000_003]
        .iter()
        .map(|size| {
            (0..*size)
                .map(|at: u32| (at % 241).to_le_bytes()[0])
                .collect()
        })
        .collect()
}

#[test]
fn every_way_of_writing_content_gives_its_digest() {
    need_root();
    for mode in MODES {
        let (_dir, path, repo) = temporary(mode);
        let stage = collecting(&repo);
        let mut files = Vec::new();
        for content in contents() {
            let size = content.len() as u64;
            let digest = FsVerityDigest::of(&content);
            files.push((put(&stage, &content), digest));
            // The same content under another owner, for each of the other ways.
            let other = FileHeader::regular(1, 2, 0o600, Xattrs::new());
            let unnamed = stage.write_unnamed(size, &mut &content[..]).unwrap();
            files.push((stage.name_file(unnamed, &other).unwrap(), digest));
            let third = FileHeader::regular(3, 4, 0o600, Xattrs::new());
            let mut hasher = ostree_objects::FileHasher::new(&third);
            hasher.update(&content);
            let name = hasher.finish();
            stage
                .write_file_expecting(&name, &third, size, &mut &content[..])
                .unwrap();
            files.push((name, digest));
        }
        // So that an empty file is known as such without a look at it.
        files.push((put(&stage, b""), FsVerityDigest::of(b"")));
        let link = FileHeader::symlink(0, 0, "target".to_owned(), Xattrs::new());
        let linked = stage.write_file(&link, 0, &mut &b""[..]).unwrap();
        let names: Vec<_> = files.iter().map(|(name, _)| *name).collect();
        let commit = commit(&stage, &names, 1);
        assert_eq!(stage.file_digests().unwrap().len(), files.len() + 1);
        stage.publish().unwrap();
        let kept = repo.file_digests([commit]);
        for (name, digest) in &files {
            assert_eq!(kept.get(name), Some(*digest), "{mode:?}");
            // All that an image needs of it, without a look at the object.
            let facts = kept.facts(name).unwrap();
            let stat = repo.file_stat(name).unwrap();
            let header = facts.header.as_deref();
            assert_eq!((header, facts.size), (Some(&stat.header), stat.size));
        }
        let facts = kept.facts(&linked).unwrap();
        assert_eq!(facts.header.as_deref(), Some(&link), "{mode:?}");
        assert_eq!((facts.digest, facts.size), (None, 0));
        assert_eq!(kept.len(), files.len() + 1);
        ostree(&path, &["fsck", "--quiet"]);
    }
}

#[test]
fn who_does_not_ask_pays_nothing_and_keeps_nothing() {
    let (_dir, path, repo) = temporary(RepoMode::BareUser);
    let stage = repo.stage().unwrap();
    let file = put(&stage, b"content");
    let commit = commit(&stage, &[file], 1);
    stage.publish().unwrap();
    assert!(repo.file_digests([commit]).is_empty());
    assert!(!path.join("bootc-storage").exists());
}

#[test]
fn what_is_in_the_repo_already_has_its_digest_too_when_it_is_read_again() {
    let (_dir, _path, repo) = temporary(RepoMode::BareUser);
    for content in contents() {
        let before = repo.stage().unwrap();
        put(&before, &content);
        commit(&before, &[], content.len() as u64);
        before.publish().unwrap();
        let stage = collecting(&repo);
        let file = put(&stage, &content);
        let digests = stage.file_digests().unwrap();
        assert_eq!(digests.get(&file), Some(FsVerityDigest::of(&content)));
    }
}

#[test]
fn a_stage_that_is_not_published_keeps_nothing() {
    let (_dir, path, repo) = temporary(RepoMode::BareUser);
    let stage = collecting(&repo);
    let file = put(&stage, b"content");
    commit(&stage, &[file], 1);
    drop(stage);
    assert!(kept(&path).is_empty());
}

#[test]
fn damaged_files_count_as_missing_whatever_is_wrong_with_them() {
    let (_dir, path, repo) = temporary(RepoMode::BareUser);
    let stage = collecting(&repo);
    let files: Vec<_> = (0..1500u32)
        .map(|n| put(&stage, &n.to_le_bytes()))
        .collect();
    let first = commit(&stage, &files, 1);
    stage.publish().unwrap();
    let stage = collecting(&repo);
    let other = put(&stage, b"of the second commit");
    let second = commit(&stage, &[other], 2);
    stage.publish().unwrap();

    let file = folder(&path).join(first.to_string());
    let good = fs::read(&file).unwrap();
    assert_eq!(repo.file_digests([first, second]).len(), 1501);
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let mut longer = good.clone();
    longer.extend([0; 76]);
    for bad in [
        Vec::new(),
        good[..good.len() / 2].to_vec(),
        good[..good.len() - 76].to_vec(),
        longer,
        vec![0; good.len()],
        flipped(0),
        flipped(40),
        flipped(good.len() / 2),
        flipped(good.len() - 1),
    ] {
        fs::write(&file, bad).unwrap();
        let digests = repo.file_digests([first, second]);
        assert_eq!(digests.len(), 1, "only the second's");
        assert_eq!(
            digests.get(&other),
            Some(FsVerityDigest::of(b"of the second commit"))
        );
    }
    fs::remove_file(&file).unwrap();
    assert!(repo.file_digests([first]).is_empty());
    // Written anew, a damaged one is replaced.
    fs::write(&file, b"damaged").unwrap();
    fs::remove_file(path.join("objects").join(loose_commit(&first))).unwrap();
    let stage = collecting(&repo);
    let files: Vec<_> = (0..1500u32)
        .map(|n| put(&stage, &n.to_le_bytes()))
        .collect();
    assert_eq!(commit(&stage, &files, 1), first);
    stage.publish().unwrap();
    assert_eq!(repo.file_digests([first]).len(), 1500);
}

fn loose_commit(commit: &Checksum) -> String {
    let text = commit.to_string();
    format!("{}/{}.commit", &text[..2], &text[2..])
}

#[test]
fn they_go_when_their_commit_is_gone() {
    let (_dir, path, repo) = temporary(RepoMode::BareUser);
    assert_eq!(repo.remove_stale_file_digests().unwrap(), 0);
    let stage = collecting(&repo);
    let file = put(&stage, b"content");
    let first = commit(&stage, &[file], 1);
    let second = commit(&stage, &[file], 2);
    stage.publish().unwrap();
    assert_eq!(kept(&path).len(), 2, "with each commit of the stage");
    assert_eq!(repo.remove_stale_file_digests().unwrap(), 0);
    fs::remove_file(path.join("objects").join(loose_commit(&first))).unwrap();
    assert_eq!(repo.remove_stale_file_digests().unwrap(), 1);
    assert_eq!(kept(&path), [second.to_string()]);
    assert_eq!(repo.file_digests([second]).len(), 1);
}

#[test]
fn where_each_file_has_its_own_header_some_are_not_kept() {
    let (_dir, _path, repo) = temporary(RepoMode::Archive);
    let stage = collecting(&repo);
    let files: Vec<_> = (0..200_u32)
        .map(|uid| {
            let mut xattrs = Xattrs::new();
            xattrs.set(b"user.long", vec![b'x'; 10_000]).unwrap();
            let header = FileHeader::regular(uid, 0, 0o644, xattrs);
            let file = stage.write_file(&header, 4, &mut &b"same"[..]);
            (file.unwrap(), header)
        })
        .collect();
    let mut xattrs = Xattrs::new();
    xattrs.set(b"user.long", vec![b'x'; 10_000]).unwrap();
    let link = FileHeader::symlink(0, 0, "target".to_owned(), xattrs);
    let link = stage.write_file(&link, 0, &mut &b""[..]).unwrap();
    let commit = commit(&stage, &[], 1);
    stage.publish().unwrap();
    let kept = repo.file_digests([commit]);
    let mut with_header = 0;
    for (file, header) in &files {
        let facts = kept.facts(file).unwrap();
        let digest = Some(FsVerityDigest::of(b"same"));
        assert_eq!((facts.digest, facts.size), (digest, 4));
        if let Some(found) = facts.header {
            assert_eq!(*found, *header);
            with_header += 1;
        }
    }
    assert_eq!(with_header, 104, "1 MiB of them");
    assert_eq!(kept.facts(&link), None, "which has nothing but a header");
}

#[test]
fn what_is_kept_can_be_added_to() {
    let (_dir, path, repo) = temporary(RepoMode::BareUser);
    let stage = collecting(&repo);
    let (first, second) = (put(&stage, b"first"), put(&stage, b"second"));
    let commit = commit(&stage, &[first, second], 1);
    stage.publish().unwrap();
    let more = Checksum::of(b"more");
    let stage = collecting(&repo);
    stage
        .keep_file_digests(&repo.file_digests([commit]))
        .unwrap();
    let digest = FsVerityDigest::of(b"more");
    stage
        .keep_file_digest(&more, &plain(), 4, Some(&digest))
        .unwrap();
    stage.publish_collected(&commit).unwrap();
    let now = repo.file_digests([commit]);
    assert_eq!(now.len(), 3);
    assert_eq!(now.get(&more), Some(digest));
    let facts = now.facts(&second).unwrap();
    assert_eq!(facts.digest, Some(FsVerityDigest::of(b"second")));
    assert_eq!(facts.header.as_deref(), Some(&plain()));
    // Nothing collected, nothing changed.
    collecting(&repo).publish_collected(&commit).unwrap();
    assert_eq!(repo.file_digests([commit]).len(), 3);
    assert_eq!(kept(&path), [commit.to_string()]);
}

#[test]
fn a_digest_found_elsewhere_is_kept_as_well() {
    let (_dir, _path, repo) = temporary(RepoMode::BareUser);
    let stage = collecting(&repo);
    let file = put(&repo.stage().unwrap(), b"read elsewhere");
    let digest = FsVerityDigest::of(b"read elsewhere");
    stage
        .keep_file_digest(&file, &plain(), 14, Some(&digest))
        .unwrap();
    let commit = commit(&stage, &[], 1);
    stage.publish().unwrap();
    assert_eq!(repo.file_digests([commit]).get(&file), Some(digest));
}
