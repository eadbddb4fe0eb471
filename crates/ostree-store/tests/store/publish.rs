//! Order and durability of what is published.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use ostree_objects::{
    Checksum, Commit, DirMeta, DirTree, Metadata, ObjectName, ObjectType, RepoMode, Value,
};
use ostree_store::{Error, Stage};

use crate::support::{object_file, open, ostree, put, temporary};

/// One directory with one file, committed.
pub(crate) fn small_commit(stage: &Stage, content: &[u8]) -> Checksum {
    let file = put(stage, content);
    let tree = DirTree {
        files: vec![("file".to_owned(), file)],
        dirs: Vec::new(),
    };
    let commit = Commit {
        metadata: Metadata::new(),
        parent: None,
        subject: String::new(),
        body: String::new(),
        timestamp: 0,
        tree: stage.write_dirtree(&tree).unwrap(),
        meta: stage.write_dirmeta(&DirMeta::root_default()).unwrap(),
    };
    stage.write_commit(&commit).unwrap()
}

/// Not a test: the writer that [`synced_once_and_commit_last`] watches.
#[test]
fn writer_that_is_watched() {
    let Some(path) = std::env::var_os("STORE_TEST_WATCHED") else {
        return;
    };
    let stage = open(&PathBuf::from(path)).stage().unwrap();
    for i in 0..50_u8 {
        put(&stage, &[i]);
    }
    small_commit(&stage, b"content");
    stage.publish().unwrap();
}

fn watched(config: &str) -> String {
    let (dir, path, _repo) = temporary(RepoMode::BareUser);
    let text = fs::read_to_string(path.join("config")).unwrap();
    fs::write(path.join("config"), format!("{text}{config}")).unwrap();
    let trace = dir.path().join("trace");
    let status = Command::new("strace")
        .args([
            "-f",
            "-qq",
            "-e",
            "trace=syncfs,fsync,fdatasync,renameat,renameat2,linkat,flock",
        ])
        .arg("-o")
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "publish::writer_that_is_watched"])
        .env("STORE_TEST_WATCHED", &path)
        .status()
        .expect("strace is needed");
    assert!(status.success());
    ostree(&path, &["fsck", "--quiet"]);
    fs::read_to_string(trace).unwrap()
}

fn lines<'a>(trace: &'a str, call: &str) -> Vec<(usize, &'a str)> {
    let all = trace.lines().enumerate();
    let done = |line: &str| line.contains(&format!(" {call}(")) && line.ends_with("= 0");
    all.filter(|(_, line)| done(line)).collect()
}

#[test]
fn synced_once_and_commit_last() {
    let trace = watched("");
    let syncs = lines(&trace, "syncfs");
    assert_eq!(syncs.len(), 1);
    let renames = lines(&trace, "renameat2");
    assert_eq!(renames.len(), 54);
    assert!(syncs[0].0 < renames[0].0);
    let place = |extension: &str| {
        let found = renames.iter().map(|(_, line)| line.contains(extension));
        let found: Vec<_> = found
            .enumerate()
            .filter_map(|(i, hit)| hit.then_some(i))
            .collect();
        (*found.first().unwrap(), *found.last().unwrap())
    };
    assert!(place(".file\"").1 < place(".dirmeta\"").0);
    assert!(place(".dirmeta\"").1 < place(".dirtree\"").0);
    assert!(place(".dirtree\"").1 < place(".commit\"").0);
    assert_eq!(place(".commit\"").1, 53);
}

#[test]
fn nothing_is_synced_where_the_config_says_so() {
    let trace = watched("fsync=false\n");
    for call in ["syncfs", "fsync", "fdatasync"] {
        assert!(lines(&trace, call).is_empty(), "{call}");
    }
    assert_eq!(lines(&trace, "renameat2").len(), 54);
}

#[test]
fn detached_metadata_is_replaced() {
    let (_dir, path, repo) = temporary(RepoMode::BareUser);
    let mut commit = None;
    for text in ["first", "second"] {
        let stage = repo.stage().unwrap();
        let checksum = small_commit(&stage, b"content");
        let name = ObjectName::new(checksum, ObjectType::CommitMeta);
        let mut metadata = Metadata::new();
        metadata.insert("test.key", Value::Str(text.to_owned()));
        let bytes = metadata.to_bytes();
        stage.write_metadata_expecting(&name, &bytes).unwrap();
        let twice = stage.write_metadata_expecting(&name, &bytes).unwrap_err();
        assert!(matches!(twice, Error::DetachedTwice { .. }), "{twice:?}");
        stage.publish().unwrap();
        assert_eq!(
            repo.read_detached_metadata(&checksum).unwrap(),
            Some(metadata)
        );
        assert!(repo.verify(&name).unwrap().is_good());
        commit = Some(checksum);
    }
    let commit = commit.unwrap();
    let shown = ostree(
        &path,
        &[
            "show",
            "--print-detached-metadata-key=test.key",
            &commit.to_string(),
        ],
    );
    assert_eq!(shown.trim(), "'second'");
}

#[test]
fn a_commit_that_comes_back() {
    let (_dir, path, repo) = temporary(RepoMode::BareUser);
    let publish = || {
        let stage = repo.stage().unwrap();
        let commit = small_commit(&stage, b"content");
        stage.publish().unwrap();
        commit
    };
    let commit = publish();
    let file = object_file(&path, &ObjectName::commit(commit), RepoMode::BareUser);
    let tombstone = file.with_extension("commit-tombstone");
    fs::rename(&file, &tombstone).unwrap();
    publish();
    assert!(file.exists() && !tombstone.exists());

    let partial = path.join(format!("state/{commit}.commitpartial"));
    assert!(!repo.is_partial(&commit).unwrap());
    fs::write(&partial, "").unwrap();
    assert!(repo.is_partial(&commit).unwrap());
    repo.unmark_partial(&commit).unwrap();
    repo.unmark_partial(&commit).unwrap();
    assert!(!partial.exists());
}
