//! No bytes make a parser panic, and what it takes it gives back byte for byte.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ostree_objects::{Checksum, Commit, DirMeta, DirTree, FileHeader, Metadata, Value, Xattrs};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

fn checksum() -> impl Strategy<Value = Checksum> {
    any::<[u8; 32]>().prop_map(Checksum::from_bytes)
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9é._+-]{1,40}".prop_filter("a name of an entry", |name| name != "." && name != "..")
}

fn xattrs() -> impl Strategy<Value = Xattrs> {
    btree_map("[a-z.]{1,12}", vec(any::<u8>(), 0..300), 0..6).prop_map(|map| {
        Xattrs::from_pairs(map.into_iter().map(|(k, v)| (k.into_bytes(), v)).collect()).unwrap()
    })
}

fn value() -> impl Strategy<Value = Value> {
    let text = "[^\0]{0,300}";
    prop_oneof![
        text.prop_map(Value::Str),
        vec(any::<u8>(), 0..600).prop_map(Value::Bytes),
        vec("[^\0]{0,30}", 0..20).prop_map(Value::StrList),
        any::<bool>().prop_map(Value::Bool),
        any::<u64>().prop_map(Value::U64),
        vec(any::<u8>(), 0..64).prop_map(|bytes| Value::Other {
            type_string: "a{sv}".to_owned(),
            bytes
        }),
    ]
}

fn metadata() -> impl Strategy<Value = Metadata> {
    btree_map("[^\0]{1,20}", value(), 0..8).prop_map(Metadata)
}

fn dirtree() -> impl Strategy<Value = DirTree> {
    (
        btree_map(name(), checksum(), 0..40),
        btree_map(name(), (checksum(), checksum()), 0..40),
    )
        .prop_map(|(files, dirs): (BTreeMap<_, _>, BTreeMap<_, _>)| DirTree {
            dirs: dirs
                .into_iter()
                .filter(|(name, _)| !files.contains_key(name))
                .map(|(name, (tree, meta))| (name, tree, meta))
                .collect(),
            files: files.into_iter().collect(),
        })
}

fn commit() -> impl Strategy<Value = Commit> {
    (
        metadata(),
        proptest::option::of(checksum()),
        "[^\0]{0,300}",
        "[^\0]{0,9}",
        any::<u64>(),
    )
        .prop_map(|(metadata, parent, subject, body, timestamp)| Commit {
            metadata,
            parent,
            subject,
            body,
            timestamp,
            tree: Checksum::from_bytes([1; 32]),
            meta: Checksum::from_bytes([2; 32]),
        })
}

fn header() -> impl Strategy<Value = FileHeader> {
    (
        any::<u32>(),
        any::<u32>(),
        0..0o10000_u32,
        proptest::option::of("[^\0]{1,300}"),
        xattrs(),
    )
        .prop_map(|(uid, gid, permissions, target, xattrs)| match target {
            None => FileHeader::regular(uid, gid, permissions, xattrs),
            Some(target) => FileHeader::symlink(uid, gid, target, xattrs),
        })
}

/// Every parser, on the same bytes: accepted means given back.
fn parse_all(bytes: &[u8]) {
    if let Ok(tree) = DirTree::parse(bytes) {
        assert_eq!(tree.to_bytes(), bytes);
    }
    if let Ok(meta) = DirMeta::parse(bytes) {
        assert_eq!(meta.to_bytes(), bytes);
    }
    if let Ok(xattrs) = Xattrs::parse(bytes) {
        assert_eq!(xattrs.to_bytes(), bytes);
    }
    if let Ok((header, used)) = FileHeader::parse(bytes) {
        assert_eq!(header.to_bytes(), &bytes[..used]);
    }
    if let Ok((header, size, used)) = FileHeader::parse_archive(bytes) {
        assert_eq!(header.archive_header(size), &bytes[..used]);
    }
    if let Ok(header) = FileHeader::parse_ostreemeta(bytes) {
        assert_eq!(header.to_ostreemeta(), bytes);
    }
    // Keys may come in another order and more than once, so only the values come back.
    if let Ok(metadata) = Metadata::parse(bytes) {
        assert_eq!(Metadata::parse(&metadata.to_bytes()).unwrap(), metadata);
    }
    if let Ok(commit) = Commit::parse(bytes) {
        assert_eq!(Commit::parse(&commit.to_bytes()).unwrap(), commit);
    }
}

fn damage(mut bytes: Vec<u8>, changes: &[(usize, u8)], cut: usize) -> Vec<u8> {
    for &(place, value) in changes {
        let length = bytes.len();
        if length > 0 {
            bytes[place % length] = value;
        }
    }
    bytes.truncate(bytes.len().saturating_sub(cut));
    bytes
}

fn changes() -> impl Strategy<Value = Vec<(usize, u8)>> {
    vec((any::<usize>(), any::<u8>()), 0..4)
}

proptest! {
    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..400)) {
        parse_all(&bytes);
    }

    #[test]
    fn few_values(bytes in vec(prop_oneof![Just(0_u8), Just(1), Just(b'a'), Just(8)], 0..120)) {
        parse_all(&bytes);
    }

    #[test]
    fn dirtrees(tree in dirtree(), changes in changes(), cut in 0..3_usize) {
        prop_assert!(tree.check().is_ok());
        let bytes = tree.to_bytes();
        prop_assert_eq!(&DirTree::parse(&bytes).unwrap(), &tree);
        parse_all(&damage(bytes, &changes, cut));
    }

    #[test]
    fn commits(commit in commit(), changes in changes(), cut in 0..3_usize) {
        prop_assert!(commit.check().is_ok());
        let bytes = commit.to_bytes();
        let parsed = Commit::parse(&bytes).unwrap();
        prop_assert_eq!(parsed.to_bytes(), bytes.clone());
        prop_assert_eq!(parsed, commit);
        parse_all(&damage(bytes, &changes, cut));
    }

    #[test]
    fn headers(header in header(), size in any::<u64>(), changes in changes(), cut in 0..3_usize) {
        prop_assert!(header.check().is_ok());
        let bytes = header.to_bytes();
        prop_assert_eq!(&FileHeader::parse(&bytes).unwrap().0, &header);
        parse_all(&damage(bytes, &changes, cut));
        parse_all(&damage(header.archive_header(size), &changes, cut));
        parse_all(&damage(header.to_ostreemeta(), &changes, cut));
    }

    #[test]
    fn dirmetas(uid: u32, gid: u32, permissions in 0..0o10000_u32, xattrs in xattrs()) {
        let meta = DirMeta { uid, gid, mode: 0o40000 | permissions, xattrs };
        prop_assert_eq!(DirMeta::parse(&meta.to_bytes()).unwrap(), meta);
    }
}

/// 100,000 entries are written and read without any step that grows with their square.
#[test]
fn large_directory() {
    let files = (0..100_000_u32)
        .map(|i| (format!("file-{i:06}"), Checksum::of(&i.to_le_bytes())))
        .collect();
    let tree = DirTree {
        files,
        dirs: Vec::new(),
    };
    let start = Instant::now();
    let bytes = tree.to_bytes();
    assert_eq!(DirTree::parse(&bytes).unwrap(), tree);
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(
        tree.file("file-099999"),
        Some(Checksum::of(&99_999_u32.to_le_bytes()))
    );
    assert_eq!(tree.file("file-1"), None);
}

/// A small input that claims many elements gets no memory for them.
#[test]
fn claims_are_not_believed() {
    let zeros = vec![0; 1 << 20];
    parse_all(&zeros);
    let ones = vec![1; 1 << 20];
    parse_all(&ones);
}
