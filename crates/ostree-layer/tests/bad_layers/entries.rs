//! Rows 15 to 17, 25 to 27, 34 to 36, 66, 73, 76, 77, root and chmod.

use ostree_layer::{Dropped, Limits};

use crate::support::tar::{GNU, Raw, Tar, octal};
use crate::support::{Lab, Request, chain};
use crate::{accept, refuse};

#[test]
fn row_15_duplicate_file() {
    let layer = accept(
        &Tar::new()
            .file("a", "1")
            .file("./a", "2")
            .symlink("a", "3")
            .end(),
    );
    assert_eq!(layer.listing(), "a->3");
    assert_eq!(
        layer.warnings(),
        "[Duplicate { path: \"./a\" }, Duplicate { path: \"a\" }]"
    );
    let layer = accept(&Tar::new().dir("d").dir_mode("d/", 0o700).end());
    assert_eq!(
        (layer.node("d").mode, layer.warnings().as_str()),
        (0o700, "[]")
    );
}

#[test]
fn row_16_file_then_directory() {
    let layer = accept(&Tar::new().file("a", "1").dir("a").file("a/b", "2").end());
    assert_eq!(layer.listing(), "a/ a/b");
    assert_eq!(layer.warnings(), "[Replaced { path: \"a\" }]");
}

#[test]
fn row_17_directory_then_file() {
    let tar = Tar::new()
        .dir("a")
        .file("a/b/c", "1")
        .file("a/d", "1")
        .symlink("a", "x")
        .end();
    let layer = accept(&tar);
    assert_eq!(layer.listing(), "a->x");
    assert_eq!(layer.warnings(), "[Replaced { path: \"a\" }]");
    // What comes back does so alone.
    let tar = Tar::new()
        .dir_mode("a", 0o700)
        .file("a/b/c", "1")
        .file("a/d", "1")
        .file("a", "")
        .dir_mode("a", 0o711)
        .file("a/b/e", "2")
        .end();
    let layer = accept(&tar);
    assert_eq!(layer.listing(), "a/ a/b/ a/b/e");
    assert_eq!(
        (layer.node("a").mode, layer.node("a/b").mode),
        (0o711, 0o755)
    );
}

#[test]
fn row_25_to_27_devices_and_fifos() {
    let tar = Tar::new()
        .special(b'3', "usr/null", (1, 3))
        .special(b'4', "usr/sda", (8, 0))
        .special(b'6', "usr/fifo", (0, 0))
        .file("usr/x", "")
        .end();
    let layer = accept(&tar);
    assert_eq!(layer.listing(), "usr/ usr/x");
    assert_eq!(
        (
            layer.report.dropped[&Dropped::Device],
            layer.report.dropped[&Dropped::Fifo]
        ),
        (2, 1)
    );
    assert_eq!(layer.report.warnings.len(), 3);
    assert!(layer.warnings().contains("usr/sda"));
}

#[test]
fn row_27_overlayfs_whiteout() {
    let layer = accept(&Tar::new().special(b'3', "usr/gone", (0, 0)).end());
    assert_eq!(layer.listing(), "usr/ usr/.wh.gone");
    assert_eq!(
        (layer.node("usr/.wh.gone").mode, layer.warnings().as_str()),
        (0o644, "[]")
    );
}

#[test]
fn row_34_attributes() {
    let capability = b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let tar = Tar::new()
        .xattr("user.z", "1")
        .xattr("security.capability", capability)
        .pax("LIBARCHIVE.xattr.user.%62", "YWI")
        .file("usr/ping", "x")
        .xattr("user.dir", "")
        .dir("usr")
        .xattr("user.link", "l")
        .symlink("usr/l", "ping")
        .end();
    let layer = accept(&tar);
    let expected = [
        ("security.capability".to_owned(), capability.to_vec()),
        ("user.b".to_owned(), b"ab".to_vec()),
        ("user.z".to_owned(), b"1".to_vec()),
    ];
    assert_eq!(layer.node("usr/ping").xattrs, expected);
    assert_eq!(
        layer.node("usr").xattrs,
        [("user.dir".to_owned(), Vec::new())]
    );
    assert_eq!(
        layer.node("usr/l").xattrs,
        [("user.link".to_owned(), b"l".to_vec())]
    );
}

#[test]
fn row_35_labels_are_dropped() {
    let tar = Tar::new()
        .xattr("security.selinux", "system_u:object_r:bin_t:s0\0")
        .file("usr/a", "")
        .pax("RHT.security.selinux", "system_u:object_r:bin_t:s0")
        .dir("usr")
        .end();
    let layer = accept(&tar);
    assert_eq!(
        (
            layer.node("usr/a").xattrs.len(),
            layer.node("usr").xattrs.len()
        ),
        (0, 0)
    );
    assert_eq!(layer.report.dropped[&Dropped::SelinuxLabel], 2);
}

#[test]
fn row_36_overlayfs_attributes() {
    let tar = Tar::new()
        .xattr("trusted.overlay.opaque", "y")
        .xattr("user.overlay.redirect", "/x")
        .xattr("user.overlayish", "kept")
        .dir("usr")
        .xattr("trusted.overlay.metacopy", "")
        .file("usr/a", "")
        .end();
    let layer = accept(&tar);
    assert_eq!(
        layer.node("usr").xattrs,
        [("user.overlayish".to_owned(), b"kept".to_vec())]
    );
    assert_eq!(layer.node("usr/a").xattrs, []);
    assert_eq!(layer.report.dropped[&Dropped::OverlayXattr], 3);
}

#[test]
fn row_66_and_73_ids() {
    for (keyword, value) in [("uid", "4294967296"), ("gid", "4294967295"), ("uid", "-1")] {
        let error = refuse(&Tar::new().pax(keyword, value).file("a", "").end());
        assert_eq!(
            error_end(&error),
            format!("the {keyword} is negative or too large")
        );
    }
    let binary = vec![0x80, 0, 0, 1, 0, 0, 0, 0];
    let raw = Raw {
        uid: binary,
        ..Raw::file("a")
    };
    assert!(refuse(&Tar::new().entry(raw, b"").end()).contains("the uid is negative or too large"));
    let raw = Raw {
        gid: vec![0xff; 8],
        ..Raw::file("a")
    };
    assert!(refuse(&Tar::new().entry(raw, b"").end()).contains("the gid is negative or too large"));
    let raw = Raw {
        uid: vec![0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xfe],
        ..Raw::file("a")
    };
    assert_eq!(
        accept(&Tar::new().entry(raw, b"").end()).node("a").uid,
        4_294_967_294
    );
}

fn error_end(error: &str) -> &str {
    error.rsplit_once(": ").unwrap().1
}

#[test]
fn fields_that_are_no_numbers() {
    for raw in [
        Raw {
            uid: b"garbage\0".to_vec(),
            ..Raw::default()
        },
        Raw {
            mode: b"0000888\0".to_vec(),
            ..Raw::default()
        },
        Raw {
            mtime: b"xyz\0".to_vec(),
            ..Raw::default()
        },
    ] {
        let first = refuse(&Tar::new().raw(raw.block()).end());
        assert!(
            first.ends_with("none that a tar archive begins with"),
            "{first}"
        );
        let later = refuse(&Tar::new().file("a", "").raw(raw.block()).end());
        assert!(later.ends_with("is not a number"), "{later}");
    }
    let raw = Raw {
        size: vec![0xff; 12],
        ..Raw::default()
    };
    assert!(
        refuse(&Tar::new().raw(raw.block()).end()).contains("the size is negative or too large")
    );
    let raw = Raw {
        size: b"-0000000001\0".to_vec(),
        ..Raw::default()
    };
    let later = Tar::new().file("a", "").raw(raw.block()).end();
    assert!(refuse(&later).contains("the size is negative or too large"));
}

#[test]
fn row_76_pax_comment_of_64_mib() {
    let comment = vec![b'c'; 64 * 1024 * 1024];
    let tar = Tar::new().pax("comment", comment).file("a", "").end();
    let error = refuse(&tar);
    assert!(error.contains("an extended header has 67108"), "{error}");
    assert!(error.contains("more than the limit of 1048576"), "{error}");
    let header = Raw {
        size: octal(0o77_777_777_777),
        flag: b'L',
        ..Raw::default()
    };
    assert!(refuse(&header.block()).contains("more than the limit of 1048576"));
}

#[test]
fn row_77_attribute_of_1_mib() {
    let tar = Tar::new()
        .xattr("user.a", vec![0; 1024 * 1024 - 100])
        .file("a", "")
        .end();
    assert!(refuse(&tar).contains("an extended attribute exceeds the limit of 65536 bytes"));
    let mut tar = Tar::new();
    for number in 0..129 {
        tar = tar.xattr(&format!("user.{number}"), "");
    }
    assert!(refuse(&tar.file("a", "").end()).contains("exceeds the limit of 128 attributes"));
}

#[test]
fn row_root_as_something_else() {
    for tar in [
        Tar::new().symlink("./", "/etc"),
        Tar::new().file(".", ""),
        Tar::new().file("a", "").hardlink("/", "a"),
        Tar::new().special(b'6', ".", (0, 0)),
    ] {
        assert!(refuse(&tar.end()).ends_with("the root is not a directory"));
    }
    let layer = accept(&Tar::new().dir_mode("./", 0o1711).end());
    assert_eq!(layer.node("").mode, 0o1711);
}

#[test]
fn row_chmod_link_then_directory() {
    let layer = accept(&Tar::new().symlink("a", "/etc").dir_mode("a", 0o777).end());
    assert_eq!(
        (layer.listing().as_str(), layer.node("a").mode),
        ("a/", 0o777)
    );
}

#[test]
fn setuid_bits_and_owners() {
    let raw = Raw {
        mode: b"0104755\0".to_vec(),
        uid: b"0000005\0".to_vec(),
        gid: b"0001750\0".to_vec(),
        magic: GNU.to_vec(),
        ..Raw::file("usr/su")
    };
    let layer = accept(&Tar::new().entry(raw, b"x").end());
    let node = layer.node("usr/su");
    assert_eq!((node.mode, node.uid, node.gid), (0o4755, 5, 1000));
}

#[test]
fn limits_on_entries() {
    let limits = Limits {
        entries: 10,
        ..Limits::default()
    };
    let request = || Request {
        limits: limits.clone(),
        ..Request::default()
    };
    let mut tar = Tar::new();
    for _ in 0..11 {
        tar = tar.file("a", "");
    }
    let tar = tar.end();
    let error = Lab::new().blob(&tar, &tar, &request()).unwrap_err();
    assert_eq!(chain(&error), "the layer exceeds the limit of 10 entries");
    let tar = Tar::new().file("1/2/3/4/5/6/7/8/9/10/11", "").end();
    let error = Lab::new().blob(&tar, &tar, &request()).unwrap_err();
    assert_eq!(
        chain(&error),
        "the layer exceeds the limit of 10 files and directories"
    );
    let limits = Limits {
        implied_bytes: 10,
        ..Limits::default()
    };
    let tar = Tar::new().file("12345/67890/a", "").end();
    let error = Lab::new()
        .blob(
            &tar,
            &tar,
            &Request {
                limits,
                ..Request::default()
            },
        )
        .unwrap_err();
    assert!(chain(&error).contains("the limit of 10 bytes of names of directories"));
}

#[test]
fn limits_on_warnings() {
    let limits = Limits {
        warnings: 2,
        ..Limits::default()
    };
    let mut tar = Tar::new();
    for number in 0..5 {
        tar = tar.file("a", "").file(&format!("top{number}/a"), "");
    }
    let tar = tar.end();
    let policy = "usr-only".parse().unwrap();
    let layer = Lab::new().blob(
        &tar,
        &tar,
        &Request {
            limits: limits.clone(),
            policy,
            ..Request::default()
        },
    );
    let report = layer.unwrap().report;
    assert_eq!(report.dropped_paths.values().sum::<u64>(), 10);
    assert_eq!(report.dropped_paths.len(), 3);
    let layer = Lab::new()
        .blob(
            &tar,
            &tar,
            &Request {
                limits,
                ..Request::default()
            },
        )
        .unwrap();
    assert_eq!(
        (layer.report.warnings.len(), layer.report.more_warnings),
        (2, 2)
    );
}
