//! Rows 22 to 24, 28 to 33, 54, 57, 62 and 78.

use ostree_layer::{NonUsr, PathPolicy, Var};

use crate::support::tar::{Raw, Tar};
use crate::support::{Lab, Request};
use crate::{accept, refuse};

#[test]
fn row_22_and_24_absolute_names() {
    let layer = accept(
        &Tar::new()
            .file("/etc/a", "")
            .file("//etc//./b", "")
            .dir("/")
            .end(),
    );
    assert_eq!(layer.listing(), "etc/ etc/a etc/b");
}

#[test]
fn row_23_dot_dot() {
    for name in ["../a", "usr/../../a", "usr/..", "/../a", "./../a"] {
        assert_eq!(
            refuse(&Tar::new().file(name, "").end()),
            format!("entry \"{name}\": the name holds \"..\"")
        );
    }
    assert_eq!(
        accept(&Tar::new().file("usr/..a/b..", "").end()).listing(),
        "usr/ usr/..a/ usr/..a/b.."
    );
}

#[test]
fn row_28_and_78_not_utf8() {
    let raw = Raw {
        name: b"usr/a\xff\xfeb".to_vec(),
        ..Raw::default()
    };
    assert_eq!(
        refuse(&Tar::new().entry(raw, b"").end()),
        "entry \"usr/a\\xff\\xfeb\": the name is not UTF-8: \"usr/a\\xff\\xfeb\""
    );
    let raw = Raw {
        flag: b'2',
        link: b"\x80".to_vec(),
        ..Raw::file("l")
    };
    assert_eq!(
        refuse(&Tar::new().entry(raw, b"").end()),
        "entry \"l\": the link target is not UTF-8: \"\\x80\""
    );
    assert!(
        refuse(&Tar::new().pax("path", b"a\xc0\xaf").file("x", "").end()).contains("not UTF-8")
    );
    assert!(refuse(&Tar::new().gnu_long(b'L', b"a\xff").file("x", "").end()).contains("not UTF-8"));
}

#[test]
fn row_29_and_54_control_characters() {
    let name = "usr/a\nb\u{1b}[2J\u{202e}\u{7f}";
    let layer = accept(&Tar::new().file(name, "1").file(name, "2").end());
    assert_eq!(layer.text(name), "2");
    assert!(!layer.warnings().contains('\u{1b}'));
    let error = refuse(&Tar::new().hardlink("usr/\u{1b}[2J", "\u{1b}c").end());
    assert!(!error.contains('\u{1b}'), "{error}");
}

#[test]
fn row_30_name_of_256_bytes() {
    let name = "n".repeat(256);
    let error = refuse(&Tar::new().file(&format!("usr/{name}"), "").end());
    assert!(
        error.ends_with("a name has 256 bytes, more than the limit of 255"),
        "{error}"
    );
    assert!(refuse(&Tar::new().dir(&format!("{name}/a")).end()).contains("256 bytes"));
    accept(&Tar::new().file(&"n".repeat(255), "").end());
}

#[test]
fn row_31_and_33_paths_too_long_and_too_deep() {
    let long = format!("{}x", "0123456789/".repeat(400));
    assert!(refuse(&Tar::new().file(&long, "").end()).contains("the path has 4401 bytes"));
    let deep = "d/".repeat(5000);
    assert!(refuse(&Tar::new().file(&format!("{deep}x"), "").end()).contains("more than"));
    let deep = "d/".repeat(1001);
    assert!(refuse(&Tar::new().dir(&deep).end()).contains("more than 1000 names"));
}

#[test]
fn row_32_900_levels() {
    let path = format!("{}x", "d/".repeat(899));
    let layer = accept(&Tar::new().file(&path, "deep").end());
    assert_eq!(layer.text(&path), "deep");
}

#[test]
fn row_57_api_directories() {
    let tar = Tar::new()
        .dir("run")
        .file("run/secrets/a", "")
        .file("run/lock", "")
        .file("tmp/a", "")
        .special(b'3', "dev/null", (1, 3))
        .dir("proc")
        .file("usr/run/a", "")
        .end();
    let policy = PathPolicy::new(NonUsr::Keep, Var::Keep);
    let layer = Lab::new()
        .blob(
            &tar,
            &tar,
            &Request {
                policy,
                ..Request::default()
            },
        )
        .unwrap();
    assert_eq!(layer.listing(), "proc/ run/ usr/ usr/run/ usr/run/a");
    let dropped: Vec<_> = layer
        .report
        .dropped_paths
        .iter()
        .map(|(k, v)| (k.as_str(), *v))
        .collect();
    assert_eq!(dropped, [("dev", 1), ("run", 2), ("tmp", 1)]);
}

#[test]
fn row_62_etc_and_usr_etc() {
    let policy = PathPolicy::new(NonUsr::Drop, Var::Keep);
    let request = || Request {
        policy,
        ..Request::default()
    };
    let tar = Tar::new()
        .dir("etc")
        .dir("usr/etc")
        .file("etc/a", "1")
        .file("usr/etc/a", "2")
        .end();
    let layer = Lab::new().blob(&tar, &tar, &request()).unwrap();
    assert_eq!(layer.text("usr/etc/a"), "2");
    assert_eq!(layer.warnings(), "[EtcTwice { path: \"usr/etc/a\" }]");
    let tar = Tar::new().file("etc/a", "1").file("usr/etc/b", "2").end();
    assert_eq!(
        Lab::new().blob(&tar, &tar, &request()).unwrap().warnings(),
        "[]"
    );
}

#[test]
fn names_that_are_empty() {
    assert!(refuse(&Tar::new().file("", "").end()).contains("the name is empty"));
    let long = Tar::new().gnu_long(b'L', b"").file("x", "").end();
    assert!(refuse(&long).contains("the name is empty"));
}

#[test]
fn row_bytes_of_all_names() {
    let mut tar = Tar::new();
    for number in 0..100 {
        tar = tar.file(&format!("{number:0200}"), "");
    }
    let tar = tar.end();
    let limits = ostree_layer::Limits {
        all_names_bytes: 10_000,
        ..ostree_layer::Limits::default()
    };
    let request = Request {
        limits,
        ..Request::default()
    };
    let error = Lab::new().blob(&tar, &tar, &request).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the layer exceeds the limit of 10000 bytes of names"
    );
}
