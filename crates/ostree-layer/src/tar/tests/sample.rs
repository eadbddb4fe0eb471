//! One archive with everything.

use super::make::{GNU, Raw, Tar, V7, octal};

/// One archive with everything that the reader knows.
pub(super) fn everything() -> Vec<u8> {
    let typed = |flag, name: &str| Raw {
        flag,
        magic: GNU.to_vec(),
        ..Raw::file(name)
    };
    let v7 = |name: &str| Raw {
        magic: V7.to_vec(),
        flag: 0,
        ..Raw::file(name)
    };
    let long = "long-name/".repeat(12);
    Tar::new()
        .dir_mode("./dir/", 0o1777)
        .file("dir/a", "content of a")
        .entry(
            Raw {
                rest: b"prefix/of/it".to_vec(),
                ..Raw::file("name")
            },
            b"prefixed",
        )
        .entry(v7("v7/file"), b"old")
        .entry(v7("v7/dir/"), b"")
        .symlink("dir/l", "../a")
        .hardlink("dir/h", "dir/a")
        .special(b'3', "dev/c", (1, 3))
        .special(b'4', "dev/b", (8, 1))
        .special(b'6', "dev/p", (0, 0))
        .pax("path", format!("{long}p"))
        .pax("uid", "3000000000")
        .pax("mtime", "1.5")
        .pax("SCHILY.xattr.user.a", b"\0\n=")
        .file("short", "paxed")
        .gnu_long(b'L', format!("{long}g").as_bytes())
        .entry(typed(b'0', "short"), b"gnu")
        .gnu_long(b'K', format!("{long}t").as_bytes())
        .gnu_long(b'L', format!("{long}l").as_bytes())
        .entry(
            Raw {
                link: b"short".to_vec(),
                ..typed(b'2', "short")
            },
            b"",
        )
        .entry(
            Raw {
                uid: vec![0x80, 0, 0, 0, 0, 0x12, 0x34, 0x56],
                ..typed(b'0', "big")
            },
            b"b",
        )
        .entry(typed(b'V', "volume"), b"")
        .entry(typed(b'7', "contiguous"), b"7")
        .raw(gnu_sparse())
        .raw(pax_sparse())
        .end()
}

/// Old GNU: five extents, so that one is in a block of its own, and a hole at the end.
fn gnu_sparse() -> Vec<u8> {
    let extent = |index: u64| [octal(index * 4096), octal(512)].concat();
    let mut rest: Vec<u8> = vec![0; 41];
    for index in 0..4 {
        rest.extend(extent(index));
    }
    rest.push(1);
    rest.extend(octal(40_000));
    let header = Raw {
        flag: b'S',
        magic: GNU.to_vec(),
        size: octal(2560),
        rest,
        ..Raw::file("gnu.sparse")
    };
    let mut block = [extent(4), [octal(40_000), octal(0)].concat()].concat();
    block.resize(512, 0);
    [header.block(), block, vec![b'g'; 2560]].concat()
}

/// Pax formats 0.0, 0.1 and 1.0.
fn pax_sparse() -> Vec<u8> {
    let map = [(512_u64, 512_u64), (4096, 100), (10_000, 0)];
    let list: Vec<String> = map
        .iter()
        .map(|(start, length)| format!("{start},{length}"))
        .collect();
    let data = vec![b'p'; 612];
    let mut first = Tar::new()
        .pax("GNU.sparse.size", "10000")
        .pax("GNU.sparse.numblocks", "3");
    for (start, length) in map {
        first = first.pax("GNU.sparse.offset", start.to_string());
        first = first.pax("GNU.sparse.numbytes", length.to_string());
    }
    let mut lines = b"3\n".to_vec();
    for (start, length) in map {
        lines.extend(format!("{start}\n{length}\n").as_bytes());
    }
    lines.resize(512, 0);
    first
        .file("sparse.0.0", &data)
        .pax("GNU.sparse.size", "10000")
        .pax("GNU.sparse.numblocks", "3")
        .pax("GNU.sparse.map", list.join(","))
        .file("sparse.0.1", &data)
        .pax("GNU.sparse.major", "1")
        .pax("GNU.sparse.minor", "0")
        .pax("GNU.sparse.name", "sparse.1.0")
        .pax("GNU.sparse.realsize", "10000")
        .file("GNUSparseFile.0/made-up", [lines, data].concat())
        .bytes
}
