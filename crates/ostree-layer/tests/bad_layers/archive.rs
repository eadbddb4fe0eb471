//! Rows 40, 41b, 49, 56 and the archive formats.

use ostree_layer::{Limits, Warning};

use crate::support::tar::{GNU, Raw, Tar, V7, octal, padded, record};
use crate::support::{Lab, Request, chain};
use crate::{accept, refuse};

#[test]
fn row_40_cut_inside_an_entry() {
    let tar = Tar::new().file("a", "1").file("b", vec![b'x'; 5000]).end();
    for length in [1, 511, 512, 1025, 1535, 1536, 1537, 5000, 6000, 6535] {
        let error = refuse(&tar[..length]);
        assert!(
            error.ends_with("the archive is cut off"),
            "{length}: {error}"
        );
    }
}

#[test]
fn row_40_cut_after_an_entrys_content() {
    let tar = Tar::new().file("a", "1").file("b", vec![b'x'; 5000]).end();
    for (length, listing) in [
        (513, "a"),
        (1000, "a"),
        (1023, "a"),
        (1024, "a"),
        (6536, "a b"),
        (6655, "a b"),
        (6656, "a b"),
    ] {
        let layer = accept(&tar[..length]);
        assert_eq!(layer.listing(), listing, "{length}");
        assert_eq!(layer.report.warnings, [Warning::NoEndMark], "{length}");
    }
    assert_eq!(accept(&tar).report.warnings, []);
    assert_eq!(accept(b"").report.warnings, []);
    // A block that is begun is a header, be it the end's.
    for block in [Tar::new().file("c", "").bytes, vec![0; 512]] {
        let begun = [&tar[..6656], &block[..100]].concat();
        assert!(refuse(&begun).ends_with("the archive is cut off"));
    }
    // An extended header is no entry.
    let header = Raw {
        flag: b'x',
        ..Raw::file("p")
    };
    let records = header.with(&record("mtime", "1"));
    let pax = Tar::new().file("a", "1").raw(&records[..512 + 11]).bytes;
    assert!(refuse(&pax).ends_with("the archive is cut off"));
}

#[test]
fn row_40b_no_end_blocks() {
    let tar = Tar::new().file("a", "1").file("b", "2").bytes;
    assert_eq!(accept(&tar).listing(), "a b");
    assert_eq!(accept(&[tar, vec![0; 512]].concat()).listing(), "a b");
}

#[test]
fn row_41b_second_archive_after_the_end() {
    // bsdtar, GNU tar and Go stop there; so do we, and say so. The diff_id covers it all.
    let first = Tar::new().file("a", "1").end();
    let second = Tar::new().file("b", "2").end();
    let layer = accept(&[first.clone(), second.clone()].concat());
    assert_eq!(layer.listing(), "a");
    assert_eq!(
        layer.report.warnings,
        [Warning::TrailingData {
            bytes: second.len() as u64
        }]
    );
    let layer = accept(&[first, vec![0; 1_000_000]].concat());
    assert_eq!(layer.report.warnings, []);
}

#[test]
fn row_49_empty_layer() {
    for tar in [Vec::new(), vec![0; 512], Tar::new().end(), vec![0; 10240]] {
        let layer = accept(&tar);
        assert_eq!((layer.listing().as_str(), layer.node("").mode), ("", 0o755));
    }
}

#[test]
fn row_56_pax_size_wins() {
    // In the real file's content a whole header waits for a reader that believes the ustar size of 0.
    let hidden = Tar::new().file("evil", "").bytes;
    let header = Raw::file("a").block();
    let records = record("size", hidden.len().to_string());
    let tar = Tar::new()
        .raw(
            Raw {
                flag: b'x',
                ..Raw::file("p")
            }
            .with(&records),
        )
        .raw(header);
    let layer = accept(&tar.raw(&hidden).file("b", "").end());
    assert_eq!(layer.listing(), "a b");
    assert_eq!(layer.node("a").content, hidden);
    // And the other way round: the header says more.
    let records = record("size", "0");
    let tar = Tar::new()
        .raw(
            Raw {
                flag: b'x',
                ..Raw::file("p")
            }
            .with(&records),
        )
        .raw(
            Raw {
                size: octal(1024),
                ..Raw::file("a")
            }
            .block(),
        )
        .file("b", "2");
    let layer = accept(&tar.end());
    assert_eq!((layer.listing().as_str(), layer.node("a").size), ("a b", 0));
}

#[test]
fn bad_checksums_and_no_archives() {
    let raw = Raw {
        checksum: Some(b"000000\0 ".to_vec()),
        ..Raw::default()
    };
    assert_eq!(
        refuse(&raw.block()),
        "the archive is damaged at byte 0: the header's checksum is wrong"
    );
    let later = Tar::new().file("a", "1").raw(raw.block()).end();
    assert!(refuse(&later).starts_with("the archive is damaged at byte 1024:"));
    assert!(refuse(&[b'x'; 4096]).contains("checksum"));
    let raw = Raw {
        flag: 1,
        ..Raw::default()
    };
    assert!(refuse(&raw.block()).ends_with("none that a tar archive begins with"));
}

#[test]
fn names_of_every_format() {
    let long = format!("{}/x", "0123456789".repeat(20));
    let v7 = Raw {
        magic: V7.to_vec(),
        ..Raw::file("v7/f")
    };
    let ustar = Raw {
        rest: b"pre/fix".to_vec(),
        ..Raw::file("f")
    };
    let gnu = Raw {
        magic: GNU.to_vec(),
        rest: b"12345670123\0".to_vec(),
        ..Raw::file("gnu/f")
    };
    let tar = Tar::new()
        .entry(v7, b"")
        .entry(ustar, b"")
        .entry(gnu, b"")
        .pax("path", "pax/f")
        .file("x", "")
        .gnu_long(b'L', format!("{long}1").as_bytes())
        .file("x", "")
        .gnu_long(b'K', long.as_bytes())
        .symlink("l", "x")
        .end();
    let layer = accept(&tar);
    for path in ["v7/f", "pre/fix/f", "gnu/f", "pax/f", &format!("{long}1")] {
        assert_eq!(layer.node(path).kind, 'f');
    }
    assert_eq!(layer.node("l").target, long);
}

#[test]
fn several_extended_headers() {
    // Of two long names the last counts; an outer header counts over an inner one.
    let two = Tar::new()
        .gnu_long(b'L', b"1")
        .gnu_long(b'L', b"2")
        .file("x", "");
    assert_eq!(accept(&two.end()).listing(), "2");
    let outer = Tar::new()
        .gnu_long(b'L', b"gnu")
        .pax("path", "pax")
        .file("x", "");
    assert_eq!(accept(&outer.end()).listing(), "gnu");
    let records = Raw {
        flag: b'x',
        ..Raw::file("p")
    }
    .with(&record("path", "pax"));
    let inner = Tar::new()
        .raw(&records)
        .gnu_long(b'L', b"gnu")
        .file("x", "");
    assert_eq!(accept(&inner.end()).listing(), "pax");
    let twice = Tar::new().raw(&records).pax("path", "2").file("x", "");
    assert!(refuse(&twice.end()).contains("two pax headers"));
    let last = Tar::new().raw(&records).end();
    assert!(refuse(&last).contains("not followed by an entry"));
    let mut many = Tar::new();
    for _ in 0..33 {
        many = many.gnu_long(b'L', b"a");
    }
    assert!(refuse(&many.file("x", "").end()).contains("more than 32 extended headers"));
}

#[test]
fn global_headers_are_passed_over() {
    let records = [
        record("comment", "by git"),
        record("path", "evil"),
        record("uid", "7"),
    ]
    .concat();
    let global = Raw {
        flag: b'g',
        ..Raw::file("pax_global_header")
    }
    .with(&records);
    let layer = accept(&Tar::new().raw(&global).file("a", "").raw(&global).end());
    assert_eq!((layer.listing().as_str(), layer.node("a").uid), ("a", 0));
    assert_eq!(layer.warnings(), "[GlobalHeader { keyword: \"path\" }]");
}

#[test]
fn types_that_are_read_as_others() {
    let typed = |flag, name: &str| Raw {
        flag,
        magic: GNU.to_vec(),
        ..Raw::file(name)
    };
    let tar = Tar::new()
        .entry(typed(b'V', "volume"), b"")
        .entry(typed(0, "nul"), b"0")
        .entry(typed(b'7', "contiguous"), b"7")
        .entry(typed(b'D', "dump/"), b"Yfoo\0\0")
        .entry(typed(b'0', "slash/"), b"")
        .entry(typed(b'Z', "unknown"), b"Z")
        .end();
    let layer = accept(&tar);
    assert_eq!(layer.listing(), "contiguous dump/ nul slash/ unknown");
    assert_eq!(
        layer.warnings(),
        "[UnknownType { path: \"unknown\", flag: 90 }]"
    );
    let tar = Tar::new()
        .entry(typed(b'A', "x"), b"1000003")
        .file("y", "")
        .end();
    assert!(refuse(&tar).ends_with("Solaris access control lists cannot be read"));
    // The rest of a file from another volume: listed as a file by all.
    let layer = accept(&Tar::new().entry(typed(b'M', "rest"), b"of it").end());
    assert_eq!(layer.text("rest"), "of it");
    assert!(layer.warnings().contains("UnknownType"));
}

#[test]
fn hardlinks_with_a_size() {
    let link = |magic: &[u8]| Raw {
        flag: b'1',
        link: b"a".to_vec(),
        size: octal(4),
        magic: magic.to_vec(),
        ..Raw::file("l")
    };
    let ustar = link(b"ustar\x0000").block();
    for block in [link(V7).block(), link(GNU).block(), ustar.clone()] {
        let tar = Tar::new().file("a", "data").raw(&block).file("b", "");
        let layer = accept(&tar.end());
        assert_eq!(
            (layer.listing().as_str(), layer.text("l")),
            ("a b l", "data")
        );
    }
    assert_eq!(
        accept(&Tar::new().file("a", "data").raw(&ustar).end()).text("l"),
        "data"
    );
    let content = [ustar.clone(), padded(b"evil")].concat();
    let error = "entry \"l\": a hard link with content";
    assert_eq!(
        refuse(&Tar::new().file("a", "data").raw(&content).end()),
        error
    );
    let pax = Tar::new().pax("mtime", "1").file("a", "data").raw(&content);
    assert_eq!(refuse(&pax.end()), error);
}

#[test]
fn sizes_where_there_is_no_content() {
    let sized = |flag, name: &str| Raw {
        flag,
        size: octal(5),
        link: b"a".to_vec(),
        ..Raw::file(name)
    };
    let tar = Tar::new()
        .raw(sized(b'2', "l").block())
        .raw(sized(b'5', "d").block())
        .raw(sized(b'6', "p").block())
        .file("b", "");
    assert_eq!(accept(&tar.end()).listing(), "b d/ l->a");
    let tar = Tar::new()
        .pax("size", "5")
        .dir("d")
        .raw(padded(b"12345"))
        .end();
    assert!(refuse(&tar).ends_with("a directory with content"));
    let tar = Tar::new().file("slash/", "12345").end();
    assert!(refuse(&tar).ends_with("a directory with content"));
}

#[test]
fn limits_on_sizes() {
    let limits = Limits {
        file_bytes: 1000,
        ..Limits::default()
    };
    let tar = Tar::new().file("a", [0; 1001]).end();
    let request = Request {
        limits,
        ..Request::default()
    };
    let error = Lab::new().blob(&tar, &tar, &request).unwrap_err();
    assert_eq!(
        chain(&error),
        "entry \"a\": the file has 1001 bytes, more than the limit of 1000"
    );
}
