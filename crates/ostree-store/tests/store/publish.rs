//! Order and durability of what is published.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use ostree_objects::{
    Checksum, Commit, DirMeta, DirTree, FileHeader, Metadata, ObjectName, ObjectType, RepoMode,
    Value, Xattrs,
};
use ostree_store::{Error, Stage};

use crate::support::{names, need_root, object_file, open, ostree, put, temporary};

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

/// Not a test: the writer that [`synced_once_and_commit_last`] and others watch.
#[test]
fn writer_that_is_watched() {
    let Some(path) = std::env::var_os("STORE_TEST_WATCHED") else {
        return;
    };
    let repo = open(&PathBuf::from(path));
    let stages = std::env::var("STORE_TEST_STAGES").unwrap().parse().unwrap();
    let stages: Vec<Stage> = (0..stages)
        .map(|number: u8| {
            let stage = repo.stage().unwrap();
            for i in 0..50_u8 {
                put(&stage, &[number, i]);
            }
            small_commit(&stage, &[number]);
            stage
        })
        .collect();
    if std::env::var_os("STORE_TEST_WRITE_OUT").is_some() {
        repo.write_out().unwrap();
    }
    Stage::publish_all(&stages).unwrap();
}

fn watched(config: &str, stages: u8) -> String {
    watched_with(config, stages, None)
}

/// `write_out`: whether what is written is brought to disk before it is published.
fn watched_with(config: &str, stages: u8, write_out: Option<&str>) -> String {
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
        .env("STORE_TEST_STAGES", stages.to_string())
        .envs(write_out.map(|yes| ("STORE_TEST_WRITE_OUT", yes)))
        .status()
        .expect("strace is needed");
    assert!(status.success());
    ostree(&path, &["fsck", "--quiet", "--all"]);
    fs::read_to_string(trace).unwrap()
}

fn lines<'a>(trace: &'a str, call: &str) -> Vec<(usize, &'a str)> {
    let all = trace.lines().enumerate();
    let done = |line: &str| line.contains(&format!(" {call}(")) && line.ends_with("= 0");
    all.filter(|(_, line)| done(line)).collect()
}

#[test]
fn synced_once_and_commit_last() {
    let trace = watched("", 1);
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
fn several_stages_are_synced_once() {
    let trace = watched("", 3);
    let syncs = lines(&trace, "syncfs");
    assert_eq!(syncs.len(), 1);
    let renames = lines(&trace, "renameat2");
    // All have one dirmeta.
    assert_eq!(renames.len(), 3 * 53 + 1);
    assert!(syncs[0].0 < renames[0].0);
    let commits = renames.iter().enumerate();
    let commits = commits.filter(|(_, (_, line))| line.contains(".commit\""));
    let commits: Vec<usize> = commits.map(|(place, _)| place).collect();
    assert_eq!(commits, [53, 106, 159]);
}

#[test]
fn what_was_written_out_before_is_synced_all_the_same() {
    let trace = watched_with("", 1, Some("yes"));
    let syncs = lines(&trace, "syncfs");
    assert_eq!(syncs.len(), 2);
    assert!(syncs[1].0 < lines(&trace, "renameat2")[0].0);
    let trace = watched_with("fsync=false\n", 1, Some("yes"));
    assert!(lines(&trace, "syncfs").is_empty());
}

/// Found out before the first rename.
#[test]
fn with_a_stage_that_failed_no_other_is_published() {
    need_root();
    let (_dir, path, repo) = temporary(RepoMode::Bare);
    let (whole, failed) = (repo.stage().unwrap(), repo.stage().unwrap());
    small_commit(&whole, b"content");
    // No file system takes it.
    let xattrs = Xattrs::from_pairs(vec![(b"nonsense".to_vec(), b"x".to_vec())]).unwrap();
    let header = FileHeader::regular(0, 0, 0o644, xattrs);
    let written = failed.write_file(&header, 1, &mut b"1".as_slice());
    written.unwrap_err();
    let error = Stage::publish_all(&[whole, failed]).unwrap_err();
    assert!(matches!(error, Error::StageFailed), "{error:?}");
    assert!(names(&open(&path)).is_empty());
}

#[test]
fn nothing_is_synced_where_the_config_says_so() {
    let trace = watched("fsync=false\n", 1);
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
