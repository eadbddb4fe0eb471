//! Random dumps, full of what is rare in real trees and decides something in the format: names around those of
//! whiteouts and dots, sizes around blocks and chunks, shared attributes in number, escapes, links.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use proptest::{collection::vec, prelude::*, sample::select};

/// A tree, as it stands in a dump.
#[derive(Clone)]
pub(crate) struct RandomDump {
    pub(crate) text: String,
}

impl fmt::Debug for RandomDump {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\n{}", self.text)
    }
}

#[derive(Debug, Clone)]
enum What {
    Directory,
    Empty,
    Inline(usize, u8),
    Backed {
        size: u64,
        path: Option<Vec<u8>>,
        digest: Option<u8>,
    },
    Symlink(Vec<u8>),
    Device(char, u32),
    Special(char),
    /// A further name of the node of that number, counted around.
    Link(usize),
}

#[derive(Debug, Clone)]
struct Node {
    /// The directory, counted around those before it.
    parent: usize,
    name: Vec<u8>,
    what: What,
    stat: (u16, u32, u32, u32, (i64, u32)),
    xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

pub(crate) fn dumps() -> impl Strategy<Value = RandomDump> {
    // Mostly small trees; some with many entries, whose names fill blocks of directories.
    let many = prop_oneof![
        6 => vec(node(), 0..12),
        3 => vec(node(), 12..60),
        1 => vec(node(), 200..500),
    ];
    (stat(), xattrs(), many).prop_map(|(stat, xattrs, nodes)| RandomDump {
        text: text(stat, &xattrs, &nodes),
    })
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        5 => "[a-c]{1,3}".prop_map(String::into_bytes),
        3 => "[a-z0-9._-]{1,40}".prop_map(String::into_bytes),
        2 => "[0-9a-f]{2}".prop_map(String::into_bytes),
        1 => select(vec!["!", "-", "..x", ".x", "00", "ff", "~"]).prop_map(|name| name.as_bytes().to_vec()),
        1 => vec(1_u8.., 1..20),
        1 => vec(b'a'..=b'b', 200..=255),
    ]
    .prop_map(|mut name: Vec<u8>| {
        for byte in &mut name {
            if *byte == b'/' {
                *byte = b'\\';
            }
        }
        if name == b"." || name == b".." {
            name.push(b' ');
        }
        name
    })
}

/// A length such that composefs-info 1.0.8 prints the path: it reads two bytes too many of it, which is seen where
/// no padding follows the attribute.
fn printable_path(mut path: Vec<u8>) -> Vec<u8> {
    while path.len() % 4 == 3 {
        path.push(b'p');
    }
    path
}

fn backing_path() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0_u8..4).prop_map(|kind| format!("{kind:02x}/{:062x}.file", u32::from(kind) + 10).into_bytes()),
        2 => vec(any::<u8>(), 32).prop_map(|bytes| {
            let digits = hex::encode(bytes);
            format!("{}/{}.file", &digits[..2], &digits[2..]).into_bytes()
        }),
        2 => "/?[A-Za-z/._-]{1,80}".prop_map(String::into_bytes),
        1 => vec(1_u8.., 1..300),
        1 => (1_usize..=4095).prop_map(|length| vec![b'q'; length]),
    ]
    .prop_map(printable_path)
    .prop_map(|mut path| {
        path.truncate(4094);
        path
    })
}

fn what() -> impl Strategy<Value = What> {
    let inline = select(vec![
        1, 2, 63, 64, 65, 2047, 2048, 2049, 4095, 4096, 4097, 4999, 5000,
    ]);
    let big = select(vec![
        1,
        4095,
        4096,
        4097,
        u64::from(u32::MAX),
        1 << 32,
        1 << 43,
        (1 << 43) + 1,
        9 << 43,
        900 << 43,
        1016 << 43,
        1017 << 43,
        (1024 << 43) - 1,
        1024 << 43,
    ]);
    prop_oneof![
        6 => Just(What::Directory),
        2 => Just(What::Empty),
        2 => (inline, any::<u8>()).prop_map(|(size, seed)| What::Inline(size, seed)),
        1 => (1_usize..5000, any::<u8>()).prop_map(|(size, seed)| What::Inline(size, seed)),
        8 => (
            prop_oneof![3 => 1_u64..100_000, 1 => big],
            proptest::option::weighted(0.9, backing_path()),
            proptest::option::of(0_u8..6),
        )
            .prop_map(|(size, path, digest)| What::Backed { size, path, digest }),
        3 => prop_oneof![
            3 => vec(1_u8.., 1..40),
            1 => (1_usize..=4095).prop_map(|length| vec![b't'; length]),
            1 => Just(vec![b't'; 4095]),
            1 => Just(vec![b'-']),
        ]
        .prop_map(What::Symlink),
        2 => (select(vec!['2', '6']), select(vec![0_u32, 0, 5, 259, u32::MAX]))
            .prop_map(|(kind, rdev)| What::Device(kind, rdev)),
        1 => select(vec!['1', 'e']).prop_map(What::Special),
        2 => any::<usize>().prop_map(What::Link),
    ]
}

fn stat() -> impl Strategy<Value = (u16, u32, u32, u32, (i64, u32))> {
    let id = || prop_oneof![4 => Just(0_u32), 2 => Just(1000), 1 => Just(65535), 1 => Just(65536), 1 => any::<u32>()];
    let time = prop_oneof![
        6 => Just((0, 0)),
        1 => Just((1_700_000_000, 5)),
        1 => Just((1_700_000_000, 999_999_999)),
        1 => Just((-1, 0)),
        1 => any::<i64>().prop_map(|seconds| (seconds, 0)),
    ];
    (
        0_u16..0o10000,
        id(),
        id(),
        prop_oneof![4 => Just(1_u32), 1 => id()],
        time,
    )
}

fn xattrs() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    let label = (0_u8..3).prop_map(|kind| {
        let value = format!("system_u:object_r:type{kind}_t:s0\0");
        (b"security.selinux".to_vec(), value.into_bytes())
    });
    // These the writer sets itself. With a longer value, mkcomposefs 1.0.8 miscounts and gives up.
    let set_by_writer = select(vec![
        "user.overlay.whiteout",
        "user.overlay.whiteouts",
        "user.overlay.opaque",
        "trusted.overlay.whiteout",
        "trusted.overlay.whiteouts",
        "trusted.overlay.opaque",
    ])
    .prop_map(|name| (name.as_bytes().to_vec(), Vec::new()));
    let odd = select(vec![
        "trusted.overlay.redirect",
        "trusted.overlay.metacopy",
        "trusted.overlay.overlay.redirect",
        "trusted.overlay.",
        "system.posix_acl_access",
        "system.posix_acl_default",
        "system.posix_acl_accessory",
        "lustre.lov",
        "user.",
        "plain",
        "user.a=b c",
    ]);
    let odd = (
        odd,
        prop_oneof![Just(b"v".to_vec()), vec(any::<u8>(), 1..50)],
    )
        .prop_map(|(name, value)| (name.as_bytes().to_vec(), value));
    let free = (vec(1_u8.., 1..12), vec(any::<u8>(), 0..30)).prop_map(|(name, value)| {
        let name = [b"user.x".to_vec(), name].concat();
        (name, value)
    });
    let big = (0_u8..3, select(vec![1000_usize, 3900, 4096, 9000]))
        .prop_map(|(kind, size)| (b"user.big".to_vec(), vec![kind; size]));
    let one = prop_oneof![6 => label, 1 => set_by_writer, 2 => odd, 1 => free, 1 => big];
    // More than an inode can refer to as shared.
    let hundreds = (100_usize..200).prop_map(|count| {
        (0..count)
            .map(|at| (format!("user.n{at}").into_bytes(), b"s".to_vec()))
            .collect()
    });
    prop_oneof![30 => vec(one, 0..5), 1 => hundreds].prop_map(|pairs: Vec<(Vec<u8>, Vec<u8>)>| {
        pairs
            .into_iter()
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .collect()
    })
}

fn node() -> impl Strategy<Value = Node> {
    (any::<usize>(), name(), what(), stat(), xattrs()).prop_map(
        |(parent, name, what, stat, xattrs)| Node {
            parent,
            name,
            what,
            stat,
            xattrs,
        },
    )
}

pub(crate) fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "\\x{byte:02x}");
        text
    })
}

fn text(
    stat: (u16, u32, u32, u32, (i64, u32)),
    xattrs: &[(Vec<u8>, Vec<u8>)],
    nodes: &[Node],
) -> String {
    let mut lines = vec![line("/", 0, "4", stat, 0, ["-", "-", "-"], xattrs)];
    let mut directories: Vec<Vec<u8>> = vec![Vec::new()];
    let mut taken = BTreeMap::new();
    let mut files: Vec<Vec<u8>> = Vec::new();
    for node in nodes {
        let parent = &directories[node.parent % directories.len()];
        let path = [parent, &b"/"[..], &node.name].concat();
        if path.len() > 3000 || taken.insert(path.clone(), ()).is_some() {
            continue;
        }
        let shown = escaped(&path);
        let none = ["-", "-", "-"];
        let with = |size, kind, rdev, fields| {
            line(&shown, size, kind, node.stat, rdev, fields, &node.xattrs)
        };
        let mut own = true;
        lines.push(match &node.what {
            What::Directory => {
                directories.push(path.clone());
                own = false;
                with(0, "4", 0, none)
            }
            What::Empty => with(0, "10", 0, none),
            What::Inline(size, seed) => {
                let content: Vec<u8> = (0..*size)
                    .map(|at| seed.wrapping_add(u8::try_from(at % 256).unwrap()))
                    .collect();
                with(*size as u64, "10", 0, ["-", &escaped(&content), "-"])
            }
            What::Backed { size, path, digest } => {
                let path = path.as_deref().map_or("-".to_owned(), escaped);
                let digest = digest.map_or("-".to_owned(), |byte| hex::encode([byte; 32]));
                with(*size, "10", 0, [&path, "-", &digest])
            }
            What::Symlink(target) => {
                with(target.len() as u64, "12", 0, [&escaped(target), "-", "-"])
            }
            What::Device(kind, rdev) => with(0, &kind.to_string(), *rdev, none),
            What::Special(kind) => with(0, if *kind == 'e' { "14" } else { "1" }, 0, none),
            What::Link(number) => {
                own = false;
                if files.is_empty() {
                    with(0, "10", 0, none)
                } else {
                    let target = escaped(&files[number % files.len()]);
                    with(0, "@10", 0, [&target, "-", "-"])
                }
            }
        });
        if own {
            files.push(path);
        }
    }
    lines.join("\n") + "\n"
}

fn line(
    path: &str,
    size: u64,
    kind: &str,
    (permissions, uid, gid, nlink, (seconds, nanoseconds)): (u16, u32, u32, u32, (i64, u32)),
    rdev: u32,
    [payload, content, digest]: [&str; 3],
    xattrs: &[(Vec<u8>, Vec<u8>)],
) -> String {
    let mut line = format!(
        "{path} {size} {kind}{permissions:04o} {nlink} {uid} {gid} {rdev} {seconds}.{nanoseconds} {payload} {content} {digest}"
    );
    for (name, value) in xattrs {
        let _ = write!(line, " {}={}", escaped(name), escaped(value));
    }
    line
}
