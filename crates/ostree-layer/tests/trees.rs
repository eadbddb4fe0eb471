//! Random trees come back as they were written, whatever wrote them; and ostree makes the same tree of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod support;

use std::collections::BTreeMap;
use std::process::Command;

use ostree_layer::{AsTheyCome, Encoding, LabelError, Labels};
use ostree_objects::RepoMode;
use proptest::prelude::*;
use support::lab::Node;
use support::tar::Raw;
use support::{Lab, Request, chain};

/// What a random path is.
#[derive(Debug, Clone)]
enum Thing {
    File(Vec<u8>),
    Link(String),
    Directory,
    /// Another name of the file whose number this is, among those that there are.
    HardLink(usize),
}

#[derive(Debug, Clone)]
struct Random {
    path: String,
    thing: Thing,
    mode: u32,
    uid: u32,
    xattr: Option<Vec<u8>>,
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]",
        "[a-z0-9 +.-]{1,12}".prop_filter("not a name", |name| {
            !matches!(name.as_str(), "." | "..") && !name.starts_with(".wh.")
        }),
        "[äöü日本]{1,5}",
        "[a-z]{90,200}",
    ]
}

fn thing() -> impl Strategy<Value = Thing> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..2000).prop_map(Thing::File),
        "[a-z/.]{1,100}".prop_map(Thing::Link),
        Just(Thing::Directory),
        (0..20_usize).prop_map(Thing::HardLink),
    ]
}

fn random() -> impl Strategy<Value = Random> {
    (
        proptest::collection::vec(name(), 1..5),
        thing(),
        0..0o10000_u32,
        prop_oneof![Just(0), 0..4_294_967_295_u32],
        proptest::option::of(proptest::collection::vec(any::<u8>(), 0..30)),
    )
        .prop_map(|(names, thing, mode, uid, xattr)| Random {
            path: names.join("/"),
            thing,
            mode,
            uid,
            xattr,
        })
}

/// A tree that can exist: no path below a file, none twice.
fn consistent(entries: Vec<Random>) -> Vec<Random> {
    let mut kept: Vec<Random> = Vec::new();
    for entry in entries {
        let clashes = kept.iter().any(|have| {
            let below = |outer: &Random, inner: &str| {
                inner.starts_with(&format!("{}/", outer.path))
                    && !matches!(outer.thing, Thing::Directory)
            };
            have.path == entry.path || below(have, &entry.path) || below(&entry, &have.path)
        });
        if !clashes {
            kept.push(entry);
        }
    }
    let files: Vec<String> = kept
        .iter()
        .filter(|entry| matches!(entry.thing, Thing::File(_)))
        .map(|entry| entry.path.clone())
        .collect();
    kept.retain(|entry| match entry.thing {
        Thing::HardLink(number) => number < files.len(),
        _ => true,
    });
    kept
}

/// Written by the `tar` crate: GNU headers, with pax headers in front for attributes.
fn written(entries: &[Random]) -> Vec<u8> {
    let files: Vec<&str> = entries
        .iter()
        .filter(|entry| matches!(entry.thing, Thing::File(_)))
        .map(|entry| entry.path.as_str())
        .collect();
    let mut builder = tar::Builder::new(Vec::new());
    for entry in entries {
        if let Some(value) = &entry.xattr {
            builder
                .append_pax_extensions([("SCHILY.xattr.user.random", value.as_slice())])
                .unwrap();
        }
        let mut header = tar::Header::new_gnu();
        header.set_mode(entry.mode);
        header.set_uid(entry.uid.into());
        header.set_gid(7);
        header.set_size(0);
        let mut kind = |kind| header.set_entry_type(kind);
        match &entry.thing {
            Thing::File(content) => {
                header.set_size(content.len() as u64);
                builder
                    .append_data(&mut header, &entry.path, content.as_slice())
                    .unwrap();
            }
            Thing::Link(target) => {
                kind(tar::EntryType::Symlink);
                // `append_link` would tidy the target.
                header.set_link_name_literal(target).unwrap();
                builder
                    .append_data(&mut header, &entry.path, &[][..])
                    .unwrap();
            }
            Thing::Directory => {
                kind(tar::EntryType::Directory);
                builder
                    .append_data(&mut header, format!("{}/", entry.path), &[][..])
                    .unwrap();
            }
            Thing::HardLink(number) => {
                kind(tar::EntryType::Link);
                builder
                    .append_link(&mut header, &entry.path, files[*number])
                    .unwrap();
            }
        }
    }
    builder.into_inner().unwrap()
}

fn expected(entries: &[Random]) -> BTreeMap<String, Node> {
    let node = |entry: &Random| {
        let (kind, content, target) = match &entry.thing {
            Thing::File(content) => ('f', content.clone(), String::new()),
            Thing::Link(target) => ('l', Vec::new(), target.clone()),
            _ => ('d', Vec::new(), String::new()),
        };
        let value = entry.xattr.clone();
        Node {
            kind,
            uid: entry.uid,
            gid: 7,
            mode: if kind == 'l' { 0o777 } else { entry.mode },
            size: content.len() as u64,
            content,
            target,
            xattrs: value
                .map(|value| ("user.random".to_owned(), value))
                .into_iter()
                .collect(),
            checksum: None,
        }
    };
    let files: Vec<&Random> = entries
        .iter()
        .filter(|entry| matches!(entry.thing, Thing::File(_)))
        .collect();
    let of = |entry: &Random| match entry.thing {
        Thing::HardLink(number) => node(files[number]),
        _ => node(entry),
    };
    entries
        .iter()
        .map(|entry| (entry.path.clone(), of(entry)))
        .collect()
}

/// Nothing, gzip, a zstd frame, a skippable one.
const MAGIC: [&[u8]; 4] = [
    b"",
    b"\x1f\x8b\x08",
    b"\x28\xb5\x2f\xfd",
    b"\x50\x2a\x4d\x18",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_trees_come_back(entries in proptest::collection::vec(random(), 0..20)) {
        let entries = consistent(entries);
        let tar = written(&entries);
        let layer = Lab::new().tar(&tar).map_err(|error| TestCaseError::fail(chain(&error)))?;
        let expected = expected(&entries);
        for (path, mut node) in layer.nodes.clone() {
            node.checksum = None;
            match expected.get(&path) {
                Some(expected) => prop_assert_eq!(&node, expected, "{}", path),
                None => prop_assert_eq!((node.kind, node.mode, node.uid), ('d', 0o755, 0)),
            }
        }
        prop_assert!(expected.keys().all(|path| layer.nodes.contains_key(path)));
        let again = Lab::new().tar(&tar).map_err(|error| TestCaseError::fail(chain(&error)))?;
        prop_assert_eq!(layer.id, again.id);
    }

    #[test]
    fn labels_known_later_give_the_same_commit(
        entries in proptest::collection::vec(random(), 0..20),
        // Room for few owners: then files are written before their label is known.
        owners in 0..40_usize,
    ) {
        let entries = consistent(entries);
        let tar = written(&entries);
        // Any file may be the one that tells: what came before it waits, what comes after does not.
        let file = entries.iter().filter(|entry| matches!(entry.thing, Thing::File(_)));
        let file = file.map(|entry| entry.path.as_str()).nth(owners % 4);
        let import = |labels, later, told_by| {
            let mut request = Request { labels, later, told_by, ..Request::default() };
            if later {
                request.limits.owner_bytes = 5_000 + owners * 200;
            }
            Lab::new()
                .blob(&tar, &tar, &request)
                .map_err(|error| TestCaseError::fail(chain(&error)))
        };
        let at_once = import(&Echo, false, None)?;
        for (path, node) in &at_once.nodes {
            let label = node.xattrs.iter().find(|(name, _)| name == "security.selinux");
            let label = label.map(|(_, value)| String::from_utf8_lossy(value).into_owned());
            let expected = format!("{path}:");
            prop_assert!(label.clone().is_some_and(|label| label.starts_with(&expected)), "{path}: {label:?}");
        }
        prop_assert_eq!(at_once.id, import(&Echo, true, None)?.id);
        prop_assert_eq!(at_once.id, import(&Echo, true, file)?.id);
        prop_assert_eq!(import(&AsTheyCome, false, None)?.id, import(&AsTheyCome, true, None)?.id);
    }

    #[test]
    fn any_bytes_are_imported_without_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..2000),
        magic in proptest::sample::select(MAGIC.to_vec()),
    ) {
        let blob = [magic, &bytes].concat();
        let lab = Lab::new();
        let request = Request { encoding: Encoding::Sniff, ..Request::default() };
        let _ = lab.blob(&blob, b"", &request);
        prop_assert!(magic.is_empty() || lab.objects().is_empty());
    }

    #[test]
    fn damaged_trees_are_imported_without_panic(
        entries in proptest::collection::vec(random(), 1..8),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut tar = written(&consistent(entries));
        for (at, byte) in damage {
            let at = at.index(tar.len());
            tar[at] = byte;
            let header = at / 512 * 512;
            if tar[header + 257..header + 262] == *b"ustar" {
                let sum: u32 = tar[header..header + 512]
                    .iter()
                    .enumerate()
                    .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) })
                    .sum();
                tar[header + 148..header + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            }
        }
        let _ = Lab::new().tar(&tar);
    }
}

/// `ostree commit` reads the same archive through libarchive: needs the program `ostree`.
#[test]
fn ostree_makes_the_same_tree() {
    let raw = |name: &str| Raw {
        mode: b"0004755\0".to_vec(),
        ..Raw::file(name)
    };
    let tar = support::tar::Tar::new()
        .dir("./")
        .dir_mode("usr", 0o755)
        .entry(
            Raw {
                uid: b"0000005\0".to_vec(),
                ..raw("usr/su")
            },
            b"su",
        )
        .xattr("user.a", "1")
        .xattr("user.B", "2")
        .file("usr/deep/er/file", vec![b'x'; 200_000])
        .symlink("usr/l", "..//su")
        .hardlink("usr/h", "usr/su")
        .file("usr/.wh.gone", "")
        .file("usr/deep/.wh..wh..opq", "")
        .end();
    let lab = Lab::new();
    let ours = lab.tar(&tar).unwrap();
    let repo = lab.dir.path().join("theirs");
    let file = lab.dir.path().join("layer.tar");
    std::fs::write(&file, &tar).unwrap();
    let ostree = |arguments: &[&str]| {
        let output = Command::new("ostree")
            .arg(format!("--repo={}", repo.display()))
            .args(arguments)
            .output()
            .expect("this test needs ostree");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    ostree(&["init", "--mode=bare-user"]);
    let tree = format!("--tree=tar={}", file.display());
    ostree(&[
        "commit",
        "--branch=b",
        "--no-bindings",
        "--tar-autocreate-parents",
        &tree,
    ]);
    let listing = ostree(&["ls", "-R", "-C", "b"]);
    let root = listing.lines().next().unwrap();
    let theirs: Vec<&str> = root
        .split_whitespace()
        .filter(|word| word.len() == 64)
        .collect();
    let (tree, meta) = (ours.commit.tree.to_string(), ours.commit.meta.to_string());
    assert_eq!(theirs, [tree, meta], "{listing}");
}

/// Labels every path with itself.
struct Echo;

impl Labels for Echo {
    fn label(&self, path: &str, mode: u32) -> Result<Option<Vec<u8>>, LabelError> {
        match path {
            "usr/none" => Ok(None),
            "usr/broken" => Err("no policy for it".into()),
            _ => Ok(Some(format!("{path}:{mode:o}\0").into_bytes())),
        }
    }

    fn policy(&self) -> Option<String> {
        Some("echo".to_owned())
    }
}

#[test]
fn labels_are_asked_for_by_final_path() {
    let tar = support::tar::Tar::new()
        .xattr("security.selinux", "theirs\0")
        .file("etc/a", "")
        .symlink("usr/l", "x")
        .file("usr/none", "")
        .hardlink("usr/h", "etc/a")
        .dir_mode("usr/etc", 0o700)
        .file("usr/deep/.wh.x", "")
        .end();
    let policy = "usr-only".parse().unwrap();
    let request = |later| Request {
        labels: &Echo,
        policy,
        later,
        ..Request::default()
    };
    let layer = Lab::new().blob(&tar, &tar, &request(false)).unwrap();
    for mode in [RepoMode::Bare, RepoMode::BareUser, RepoMode::Archive] {
        let lab = Lab::with_mode(mode);
        let later = lab.blob(&tar, &tar, &request(true)).unwrap();
        assert_eq!((later.id, &later.nodes), (layer.id, &layer.nodes), "{mode}");
    }
    let label = |path: &str| -> String {
        let labels: Vec<_> = layer
            .node(path)
            .xattrs
            .iter()
            .map(|(_, value)| value.clone())
            .collect();
        String::from_utf8(labels.concat()).unwrap()
    };
    assert_eq!(label("usr/etc/a"), "usr/etc/a:100644\0");
    assert_eq!(label("usr/h"), "usr/h:100644\0");
    assert_eq!(label("usr/l"), "usr/l:120777\0");
    assert_eq!(label("usr/etc"), "usr/etc:40700\0");
    assert_eq!(label("usr/deep"), "usr/deep:40755\0");
    assert_eq!(label("usr/none"), "");
    assert_eq!(label("usr/deep/.wh.x"), "usr/deep/.wh.x:100644\0");
    let tar = support::tar::Tar::new().file("usr/broken", "").end();
    for later in [false, true] {
        let error = Lab::new().blob(&tar, &tar, &request(later)).unwrap_err();
        assert_eq!(
            chain(&error),
            "cannot find the label of \"usr/broken\": no policy for it"
        );
    }
}
