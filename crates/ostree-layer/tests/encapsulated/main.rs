//! Encapsulated layers: repositories made by the `ostree` program, written as ostree-ext writes them in each of
//! its three generations, and read back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod base;
#[path = "../support/mod.rs"]
mod support;

use base::{Base, Generation, ostree, path, prelude};
use oci_manifest::Role;
use ostree_layer::Error;
use ostree_objects::{Checksum, ObjectType};
use ostree_store::Verdict;
use support::tar::Tar;
use support::{Imported, Lab, Request, chain};

fn import(lab: &Lab, tar: &[u8], role: Role) -> Result<Imported, Error> {
    lab.blob(
        tar,
        tar,
        &Request {
            role,
            ..Request::default()
        },
    )
}

fn refuse(tar: Tar, role: Role) -> String {
    let lab = Lab::new();
    let error = chain(
        &import(&lab, &tar.end(), role)
            .map(|layer| layer.listing())
            .unwrap_err(),
    );
    assert_eq!(lab.objects(), [""; 0]);
    error
}

fn assert_whole(lab: &Lab) {
    for object in lab.repo.list_objects() {
        let name = object.unwrap().name;
        let verdict = lab.repo.verify(&name).unwrap();
        assert!(matches!(verdict, Verdict::Good), "{name}: {verdict:?}");
    }
}

#[test]
fn chunks_and_commit_come_back_whole() {
    let base = Base::new();
    for generation in [Generation::V0, Generation::V1Links, Generation::V1] {
        let lab = Lab::new();
        let chunk = base.file_part(prelude(), generation).end();
        let chunk = import(&lab, &chunk, Role::Chunk).unwrap_or_else(|e| panic!("{}", chain(&e)));
        let names: Vec<String> = base.files.iter().map(Checksum::to_string).collect();
        let found: Vec<&String> = chunk.nodes.keys().filter(|name| !name.is_empty()).collect();
        assert_eq!(found, names.iter().collect::<Vec<_>>(), "{generation:?}");
        assert_eq!(
            (chunk.commit.timestamp, chunk.commit.metadata.0.len()),
            (0, 0)
        );
        assert_eq!(chunk.report.files, 4);
        let layer = import(&lab, &base.commit_part().end(), Role::Commit);
        let layer = layer.unwrap_or_else(|error| panic!("{}", chain(&error)));
        assert_eq!(
            (layer.id, layer.commitmeta),
            (base.commit, Some(Vec::new()))
        );
        assert_eq!(layer.nodes["usr/bin/sh"].content, b"#! sh");
        assert_whole(&lab);
        // Everything that is there is passed over, and verified all the same.
        assert!(import(&lab, &base.commit_part().end(), Role::Commit).is_ok());
        let fsck = ostree(&lab.dir.path().join("repo"), &["fsck", "-a"]);
        assert!(fsck.contains("fsck object"), "{fsck}");
    }
}

#[test]
fn a_base_of_one_layer() {
    let base = Base::new();
    let lab = Lab::new();
    let tar = base.file_part(base.commit_part(), Generation::V1).end();
    assert_eq!(import(&lab, &tar, Role::Commit).unwrap().id, base.commit);
    assert_whole(&lab);
}

/// The golden vectors of the object-set commit: what every importer makes of one file `hello`.
#[test]
fn the_commit_of_a_chunk_is_the_one_everyone_makes() {
    let file: Checksum = "44f778e59f0a4748d6b0c90a47347212a231c4ad1e8f7ea5c5dffc7749153a6b"
        .parse()
        .unwrap();
    let tar = Tar::new()
        .file(&path(&file, "file-xattrs-link"), "")
        .file(&path(&file, "file"), "hello\n")
        .end();
    let layer = import(&Lab::new(), &tar, Role::Chunk).unwrap();
    let expected = "9991cb6a41d96284a68a4c9888b0d009f65775fbaa71559d2b1f318295e504b0";
    assert_eq!(layer.id.to_string(), expected);
    let tree = "da8df7be5f29e2d9247988baaae90346b06cd43c8599be1aab3346ceacb8cc5f";
    assert_eq!(layer.commit.tree.to_string(), tree);
}

#[test]
fn content_that_is_not_the_objects() {
    let base = Base::new();
    let file = base.files[0];
    let announced = |tar: Tar| tar.file(&path(&file, "file-xattrs-link"), base.attributes(&file));
    let error = refuse(
        announced(Tar::new()).file(&path(&file, "file"), "evil"),
        Role::Chunk,
    );
    assert!(
        error.contains("was expected, but what came hashes to"),
        "{error}"
    );
    let tar = base.metadata(Tar::new(), ObjectType::Commit);
    let name = base
        .metadata
        .iter()
        .find(|name| name.object_type == ObjectType::DirMeta)
        .unwrap();
    let mut bytes = base.bytes(*name);
    bytes[11] ^= 1;
    let error = refuse(
        tar.file(&path(&name.checksum, "dirmeta"), bytes),
        Role::Commit,
    );
    assert!(
        error.contains("was expected, but what came hashes to"),
        "{error}"
    );
}

#[test]
fn attributes_that_do_not_match() {
    let base = Base::new();
    let (a, b) = (base.files[0], base.files[1]);
    let record = Checksum::of(b"");
    let announce = |tar: Tar, file: &Checksum| tar.file(&path(file, "file-xattrs-link"), "");
    let object = |tar, file| base.file(tar, file);
    for (tar, error) in [
        (
            object(Tar::new(), &a),
            "the attributes of the object do not precede it".to_owned(),
        ),
        (
            object(announce(Tar::new(), &a), &b),
            format!("attributes of {a} precede the object"),
        ),
        (
            announce(announce(Tar::new(), &a), &b),
            format!("the attributes of {a} are not followed by it"),
        ),
        (
            announce(Tar::new(), &a),
            format!("the attributes of {a} are not followed by it"),
        ),
        (
            Tar::new().hardlink(&path(&a, "file-xattrs-link"), &path(&record, "file-xattrs")),
            format!("no record of attributes {record} precedes"),
        ),
        (
            Tar::new().hardlink(&path(&a, "file-xattrs-link"), "elsewhere"),
            "no record of attributes elsewhere precedes".to_owned(),
        ),
        (
            Tar::new().file(&path(&a, "file-xattrs"), "other"),
            format!(
                "the record of attributes has checksum {}",
                Checksum::of(b"other")
            ),
        ),
        (
            Tar::new().file(&path(&a, "file.xattrs"), ""),
            "an object cannot be a regular file".to_owned(),
        ),
    ] {
        let found = refuse(tar, Role::Chunk);
        assert!(found.ends_with(&error), "{found}\n{error}");
    }
    let huge = Tar::new().file(&path(&a, "file-xattrs-link"), vec![0; 1_048_577]);
    assert!(refuse(huge, Role::Chunk).contains("more than the limit of 1048576"));
}

#[test]
fn objects_that_do_not_belong() {
    let base = Base::new();
    let commit = || base.metadata(Tar::new(), ObjectType::Commit);
    let file = base.files[0];
    let object = |tar: Tar| {
        base.file(
            tar.file(&path(&file, "file-xattrs-link"), base.attributes(&file)),
            &file,
        )
    };
    let hex = "0".repeat(62);
    for (tar, role, error) in [
        (
            base.commit_part(),
            Role::Chunk,
            "a chunk layer holds files only",
        ),
        (
            object(object(Tar::new())),
            Role::Chunk,
            "the object is in the layer twice",
        ),
        (
            base.metadata(commit(), ObjectType::Commit),
            Role::Commit,
            "a second commit",
        ),
        (object(Tar::new()), Role::Commit, "not its commit"),
        (Tar::new(), Role::Commit, "not its commit"),
        (
            base.metadata(object(commit()), ObjectType::CommitMeta),
            Role::Commit,
            "detached metadata that does not follow its commit",
        ),
        (
            Tar::new().file(&format!("sysroot/ostree/repo/objects/00/{hex}.filez"), ""),
            Role::Chunk,
            "is no object's name",
        ),
        (
            Tar::new().file("sysroot/ostree/repo/objects/00/0.file", ""),
            Role::Chunk,
            "is no object's name",
        ),
        (
            Tar::new().symlink(&path(&base.commit, "commit"), "x"),
            Role::Commit,
            "an object cannot be a symbolic link",
        ),
        (
            Tar::new()
                .file(&path(&file, "file-xattrs-link"), "")
                .hardlink(&path(&file, "file"), "x"),
            Role::Chunk,
            "an object cannot be a hard link",
        ),
        (
            Tar::new().file(&path(&base.commit, "commit"), vec![0; 10 * 1024 * 1024 + 1]),
            Role::Commit,
            "the object has 10485761 bytes, more than the limit of 10485760",
        ),
    ] {
        let found = refuse(tar, role);
        assert!(found.contains(error), "{found}\n{error}");
    }
}

#[test]
fn what_is_no_object_is_passed_over() {
    let tar = prelude()
        .file("./sysroot/ostree/repo/objects/00/not-an-object", "")
        .file("usr/a", "")
        .special(b'3', "dev/null", (1, 3))
        .hardlink("usr/b", "usr/missing")
        .end();
    let layer = import(&Lab::new(), &tar, Role::Chunk).unwrap();
    assert_eq!((layer.listing().as_str(), layer.report.files), ("", 0));
}
