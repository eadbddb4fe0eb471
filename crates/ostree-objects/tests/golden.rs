//! Checksums and bytes that ostree itself gave.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use ostree_objects::{
    Checksum, Commit, DirMeta, DirTree, FileHasher, FileHeader, Metadata, ObjectName, RepoMode,
    Value, Xattrs,
};

fn sum(text: &str) -> Checksum {
    text.parse().unwrap()
}

fn file(header: &FileHeader, content: &[u8]) -> Checksum {
    let mut hasher = FileHasher::new(header);
    hasher.update(content);
    hasher.finish()
}

const HELLO: &str = "44f778e59f0a4748d6b0c90a47347212a231c4ad1e8f7ea5c5dffc7749153a6b";

#[test]
fn root_dirmeta() {
    let meta = DirMeta::root_default();
    assert_eq!(meta.to_bytes(), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x41, 0xed]);
    let expected = sum("446a0ef11b7cc167f3b603e585c7eeeeb675faa412d5ec73f62988eb0b6c5488");
    assert_eq!(meta.checksum(), expected);
}

#[test]
fn file_objects() {
    let header = FileHeader::regular(0, 0, 0o644, Xattrs::new());
    assert_eq!(file(&header, b"hello\n"), sum(HELLO));
    let empty = sum("cc700d46f407c6c5ab2d5dde474366a928b7398277e61162e7f8ec06f469f07e");
    assert_eq!(file(&header, b""), empty);
    let link = FileHeader::symlink(0, 0, "x".to_owned(), Xattrs::new());
    let expected = sum("219f8dbf4e2ef7c08e9ead2a1f6f249e973d32a9fcbbdbbbc01623b6ec37aa9e");
    assert_eq!(file(&link, b""), expected);
}

#[test]
fn object_set_commit() {
    let tree = DirTree {
        files: vec![(HELLO.to_owned(), sum(HELLO))],
        dirs: Vec::new(),
    };
    let expected = sum("da8df7be5f29e2d9247988baaae90346b06cd43c8599be1aab3346ceacb8cc5f");
    assert_eq!(tree.checksum(), expected);
    let commit = Commit {
        metadata: Metadata::new(),
        parent: None,
        subject: String::new(),
        body: String::new(),
        timestamp: 0,
        tree: tree.checksum(),
        meta: DirMeta::root_default().checksum(),
    };
    let bytes = commit.to_bytes();
    assert_eq!(bytes[..16], [0; 16]);
    assert_eq!(bytes[80..], [0x30, 2, 1, 0, 0, 0]);
    let expected = sum("9991cb6a41d96284a68a4c9888b0d009f65775fbaa71559d2b1f318295e504b0");
    assert_eq!(commit.checksum(), expected);
    assert_eq!(Commit::parse(&bytes).unwrap(), commit);
}

#[test]
fn no_attributes_are_no_bytes() {
    assert!(Xattrs::new().to_bytes().is_empty());
    assert_eq!(Xattrs::parse(b"").unwrap(), Xattrs::new());
}

#[test]
fn names_and_paths() {
    let name = ObjectName::file(sum(HELLO));
    let path = "44/f778e59f0a4748d6b0c90a47347212a231c4ad1e8f7ea5c5dffc7749153a6b.file";
    assert_eq!(name.loose_path(RepoMode::Bare), path);
    assert_eq!(name.loose_path(RepoMode::BareUser), path);
    assert_eq!(name.loose_path(RepoMode::Archive), format!("{path}z"));
    assert_eq!(
        ObjectName::from_loose_path(path, RepoMode::Bare),
        Some(name)
    );
    assert_eq!(ObjectName::from_loose_path(path, RepoMode::Archive), None);
    assert_eq!(name.to_string().parse::<ObjectName>().unwrap(), name);
    for text in [
        "",
        "44",
        &HELLO[1..],
        &HELLO.to_uppercase(),
        &format!("{HELLO}0"),
        "é",
    ] {
        assert!(text.parse::<Checksum>().is_err(), "{text:?}");
    }
}

/// Offsets of one byte reach 255: the container that is one byte larger needs two each.
#[test]
fn offsets_grow_where_they_must() {
    for length in [
        200, 253, 254, 255, 256, 65_000, 65_532, 65_533, 65_534, 70_000,
    ] {
        let pairs = vec![
            (b"user.a".to_vec(), vec![7; length]),
            (b"user.b".to_vec(), vec![8; 3]),
        ];
        let xattrs = Xattrs::from_pairs(pairs).unwrap();
        let header = FileHeader::regular(1, 2, 0o4755, xattrs);
        let (parsed, used) = FileHeader::parse(&header.to_bytes()).unwrap();
        assert_eq!(
            (parsed, used),
            (header.clone(), header.to_bytes().len()),
            "{length}"
        );
        let (parsed, size, _) = FileHeader::parse_archive(&header.archive_header(99)).unwrap();
        assert_eq!((parsed, size), (header.clone(), 99));
        assert_eq!(
            FileHeader::parse_ostreemeta(&header.to_ostreemeta()).unwrap(),
            header
        );
    }
}

#[test]
fn metadata_keeps_what_it_does_not_know() {
    let mut metadata = Metadata::new();
    metadata.insert("a", Value::Str("text".to_owned()));
    metadata.insert("b", Value::Bytes(vec![1, 2, 3]));
    metadata.insert("c", Value::StrList(vec!["x".to_owned(), String::new()]));
    metadata.insert("d", Value::Bool(true));
    metadata.insert("e", Value::U64(0x0102_0304_0506_0708));
    let other = Value::Other {
        type_string: "(ut)".to_owned(),
        bytes: vec![9; 16],
    };
    metadata.insert("f", other);
    metadata.insert("empty list", Value::StrList(Vec::new()));
    metadata.check().unwrap();
    let bytes = metadata.to_bytes();
    assert_eq!(Metadata::parse(&bytes).unwrap(), metadata);
    assert_eq!(metadata.get_str("a"), Some("text"));
    assert_eq!(metadata.get_str("b"), None);
}

#[test]
fn dirtrees_that_are_refused() {
    let c = sum(HELLO);
    let files = |names: &[&str]| DirTree {
        files: names.iter().map(|name| ((*name).to_owned(), c)).collect(),
        dirs: Vec::new(),
    };
    for names in [
        &["b", "a"][..],
        &["a", "a"],
        &[""],
        &["."],
        &[".."],
        &["a/b"],
        &["a\0"],
        &["a", "B"],
    ] {
        assert!(files(names).check().is_err(), "{names:?}");
        assert!(
            DirTree::parse(&files(names).to_bytes()).is_err(),
            "{names:?}"
        );
    }
    let mut both = files(&["a", "b", "c"]);
    both.dirs = vec![("bb".to_owned(), c, c)];
    assert!(both.check().is_ok());
    both.dirs = vec![("a0".to_owned(), c, c), ("b".to_owned(), c, c)];
    assert!(both.check().is_err());
}

#[test]
fn headers_that_are_refused() {
    let plain = FileHeader::regular(0, 0, 0o644, Xattrs::new());
    let mut directory = plain.clone();
    directory.mode = 0o40755;
    let mut target = plain.clone();
    target.symlink_target = Some("x".to_owned());
    let mut no_target = FileHeader::symlink(0, 0, "x".to_owned(), Xattrs::new());
    no_target.symlink_target = None;
    let nul = FileHeader::symlink(0, 0, "x\0y".to_owned(), Xattrs::new());
    for header in [directory, target, no_target, nul] {
        assert!(header.check().is_err(), "{header:?}");
        assert!(FileHeader::parse(&header.to_bytes()).is_err(), "{header:?}");
    }
    let mut device = plain.to_bytes();
    device[8 + 15] = 1;
    assert!(FileHeader::parse(&device).is_err());
    let mut huge = plain.to_bytes();
    huge[0] = 0xff;
    assert!(FileHeader::parse(&huge).is_err());
}

#[test]
fn attributes_are_sorted_and_unique() {
    let pair = |name: &str| (name.as_bytes().to_vec(), vec![1]);
    let xattrs = Xattrs::from_pairs(vec![pair("user.b"), pair("user.a")]).unwrap();
    assert_eq!(xattrs.iter().next().unwrap().0, b"user.a");
    assert!(Xattrs::from_pairs(vec![pair("user.a"), pair("user.a")]).is_err());
    assert!(Xattrs::from_pairs(vec![pair("")]).is_err());
    assert!(Xattrs::from_pairs(vec![pair("a\0b")]).is_err());
    let mut xattrs = xattrs;
    xattrs
        .set(b"security.selinux", b"label\0".to_vec())
        .unwrap();
    xattrs.set(b"user.b", b"new".to_vec()).unwrap();
    assert!(xattrs.is_canonical());
    assert_eq!(xattrs.get(b"user.b"), Some(&b"new"[..]));
    assert!(xattrs.remove(b"user.a") && !xattrs.remove(b"user.a"));
    assert_eq!(xattrs.len(), 2);
}
