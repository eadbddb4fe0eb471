//! Rows 14, 18 to 21, 58 to 61, and links in general.

use ostree_layer::{Dropped, NonUsr, PathPolicy, Var};

use crate::support::tar::{Raw, Tar};
use crate::support::{Lab, Request, chain};
use crate::{accept, refuse};

#[test]
fn row_14_write_through_a_link() {
    let tar = Tar::new()
        .symlink("usr/lnk", "/host/dir")
        .file("usr/lnk/x", "x")
        .end();
    assert_eq!(
        refuse(&tar),
        "entry \"usr/lnk/x\": the path leads through \"usr/lnk\", a symbolic link of the same layer"
    );
    for tar in [
        Tar::new().symlink("a", ".").symlink("a/b", "c"),
        Tar::new().symlink("a", ".").dir("a/b"),
        Tar::new()
            .symlink("a", ".")
            .file("f", "")
            .hardlink("a/b", "f"),
        Tar::new().symlink("a", ".").file("a/.wh.x", ""),
        Tar::new()
            .symlink("a", ".")
            .hardlink("b", "a")
            .file("b/c", ""),
    ] {
        assert!(refuse(&tar.end()).contains("leads through"));
    }
    assert_eq!(
        refuse(&Tar::new().file("a", "").file("a/b", "").end()),
        "entry \"a/b\": the path leads through \"a\", which is no directory in this layer"
    );
}

#[test]
fn row_18_hardlink_to_missing() {
    let error = refuse(&Tar::new().dir("usr").hardlink("usr/h", "usr/missing").end());
    assert_eq!(
        error,
        "entry \"usr/h\": the hard link's target \"usr/missing\" is no file of this layer"
    );
}

#[test]
fn row_19_hardlink_to_a_lower_layer() {
    // One layer knows no other: the same clear error.
    let error = refuse(&Tar::new().hardlink("etc/new", "etc/passwd").end());
    assert!(
        error.contains("\"etc/passwd\" is no file of this layer"),
        "{error}"
    );
}

#[test]
fn row_19b_chain_of_hardlinks() {
    let tar = Tar::new()
        .hardlink("d", "c")
        .hardlink("c", "b")
        .hardlink("b", "a")
        .file("a", "content")
        .hardlink("e", "d");
    let layer = accept(&tar.end());
    for name in ["a", "b", "c", "d", "e"] {
        assert_eq!(layer.text(name), "content");
    }
}

#[test]
fn hardlinks_in_a_circle() {
    let error = refuse(&Tar::new().hardlink("a", "b").hardlink("b", "a").end());
    assert_eq!(
        error,
        "entry \"a\": the hard link leads to itself by way of \"b\""
    );
    assert!(refuse(&Tar::new().hardlink("a", "a").end()).contains("leads to itself"));
    let lasso = Tar::new()
        .hardlink("a", "b")
        .hardlink("b", "c")
        .hardlink("c", "b");
    assert!(refuse(&lasso.end()).contains("leads to itself"));
    let itself = Tar::new().file("a", "1").hardlink("a", "a");
    assert_eq!(accept(&itself.end()).text("a"), "1");
}

#[test]
fn a_hundred_thousand_hardlinks_each_to_the_next() {
    let mut tar = Tar::new();
    for number in 0..20_000 {
        tar = tar.hardlink(&format!("l{number}"), &format!("l{}", number + 1));
    }
    let layer = accept(&tar.file("l20000", "end").end());
    assert_eq!((layer.text("l0"), layer.text("l19999")), ("end", "end"));
}

#[test]
fn row_20_hardlink_to_a_link() {
    let layer = accept(
        &Tar::new()
            .symlink("l", "/etc/shadow")
            .hardlink("h", "l")
            .end(),
    );
    assert_eq!(
        (layer.node("h").kind, layer.node("h").target.as_str()),
        ('l', "/etc/shadow")
    );
}

#[test]
fn row_21_hardlink_that_leads_out() {
    let error = refuse(&Tar::new().hardlink("usr/h", "../../etc/shadow").end());
    assert_eq!(
        error,
        "entry \"usr/h\": the hard link's target holds \"..\""
    );
    let error = refuse(&Tar::new().hardlink("usr/h", "/etc/shadow").end());
    assert!(
        error.contains("\"/etc/shadow\"") || error.contains("\"etc/shadow\""),
        "{error}"
    );
}

#[test]
fn hardlinks_to_what_is_no_file() {
    for target in ["d", ".", "/"] {
        let error = refuse(&Tar::new().dir("d").hardlink("h", target).end());
        assert!(
            error.contains("is no file of this layer"),
            "{target}: {error}"
        );
    }
}

#[test]
fn links_without_target() {
    for tar in [Tar::new().hardlink("h", ""), Tar::new().symlink("h", "")] {
        assert_eq!(refuse(&tar.end()), "entry \"h\": the link has no target");
    }
}

#[test]
fn a_hardlink_is_the_file_that_was_there() {
    let tar = Tar::new()
        .file("a", "old")
        .hardlink("b", "a")
        .file("a", "new")
        .end();
    let layer = accept(&tar);
    assert_eq!((layer.text("a"), layer.text("b")), ("new", "old"));
    let gone = Tar::new()
        .file("d/a", "old")
        .hardlink("b", "d/a")
        .symlink("d", "x")
        .end();
    assert_eq!(accept(&gone).text("b"), "old");
    let gone_before = Tar::new()
        .file("d/a", "old")
        .symlink("d", "x")
        .hardlink("b", "d/a")
        .end();
    assert!(refuse(&gone_before).contains("is no file of this layer"));
}

fn with_policy(tar: &[u8], policy: PathPolicy) -> Result<crate::Imported, String> {
    let request = Request {
        policy,
        ..Request::default()
    };
    Lab::new()
        .blob(tar, tar, &request)
        .map_err(|error| chain(&error))
}

const USR: PathPolicy = PathPolicy {
    nonusr: NonUsr::Drop,
    var: Var::Keep,
};
const OLD: PathPolicy = PathPolicy {
    nonusr: NonUsr::Drop,
    var: Var::Factory,
};

#[test]
fn row_58_hardlink_between_usr_and_var() {
    let tar = Tar::new()
        .file("var/lib/a", "a")
        .hardlink("usr/lib/a", "var/lib/a")
        .hardlink("etc/a", "./usr/lib/a")
        .hardlink("usr/lib/b", "/etc/b")
        .file("etc/b", "b")
        .end();
    let layer = with_policy(&tar, USR).unwrap();
    assert_eq!(
        (layer.text("usr/lib/a"), layer.text("usr/etc/a")),
        ("a", "a")
    );
    assert_eq!(layer.text("usr/lib/b"), "b");
    let layer = with_policy(&tar, OLD).unwrap();
    assert_eq!(layer.text("usr/share/factory/var/lib/a"), "a");
}

#[test]
fn hardlink_to_what_the_policy_drops() {
    let tar = Tar::new()
        .file("opt/a", "a")
        .hardlink("usr/a", "opt/a")
        .end();
    assert_eq!(
        with_policy(&tar, USR).unwrap_err(),
        "entry \"usr/a\": the hard link's target \"opt/a\" is dropped by the path policy"
    );
    let tar = Tar::new()
        .file("opt/a", "a")
        .hardlink("opt/b", "opt/a")
        .dir("usr")
        .end();
    assert_eq!(
        with_policy(&tar, USR).unwrap().report.dropped_paths["opt"],
        2
    );
}

const OBJECT: &str = "sysroot/ostree/repo/objects/aa/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.file";

#[test]
fn row_59_changed_object_and_its_links() {
    for mtime in [0_u64, 1_700_000_000] {
        let object = Raw {
            mtime: crate::support::tar::octal(mtime),
            ..Raw::file(OBJECT)
        };
        let tar = Tar::new()
            .dir("sysroot/ostree/repo/objects")
            .entry(object, b"changed")
            .hardlink("etc/a", OBJECT)
            .hardlink("usr/b", &format!("/{OBJECT}"))
            .hardlink("usr/c", &format!("./{OBJECT}"))
            .hardlink("usr/d", "usr/b")
            .end();
        let layer = with_policy(&tar, USR).unwrap();
        assert_eq!(layer.listing(), "usr/ usr/b usr/c usr/d usr/etc/ usr/etc/a");
        for path in ["usr/b", "usr/c", "usr/d", "usr/etc/a"] {
            assert_eq!(layer.text(path), "changed");
        }
        assert_eq!(layer.report.dropped[&Dropped::EmbeddedRepository], 2);
    }
}

#[test]
fn row_60_object_that_is_a_link_to_a_path() {
    let tar = Tar::new()
        .file("etc/a", "changed")
        .hardlink(OBJECT, "etc/a")
        .hardlink("usr/b", OBJECT)
        .end();
    let layer = with_policy(&tar, USR).unwrap();
    assert_eq!(layer.listing(), "usr/ usr/b usr/etc/ usr/etc/a");
    assert_eq!(layer.text("usr/b"), "changed");
}

#[test]
fn row_60_links_in_the_repository_that_lead_nowhere() {
    let other = OBJECT.replace("aaaa.file", "bbbb.file");
    let tar = Tar::new()
        .hardlink(OBJECT, "usr/lower")
        .hardlink(&other, "opt/dropped")
        .file("usr/x", "")
        .end();
    assert_eq!(with_policy(&tar, USR).unwrap().listing(), "usr/ usr/x");
    let tar = Tar::new()
        .hardlink(OBJECT, "usr/lower")
        .hardlink("usr/x", OBJECT)
        .end();
    assert!(
        with_policy(&tar, USR)
            .unwrap_err()
            .contains("is no file of this layer")
    );
}

#[test]
fn row_61_nothing_of_the_repository_stays() {
    let tar = Tar::new()
        .dir("sysroot/ostree/repo")
        .file("sysroot/ostree/repo/config", "x")
        .file("sysroot/ostree/repo/refs/heads/x", "x")
        .file("sysroot/ostree/repo/objects/aa/.wh.x.file", "")
        .file("sysroot/ostree/repo/.wh..wh..opq", "")
        .symlink("sysroot/ostree/repo/l", "x")
        .file("usr/x", "")
        .end();
    let policy = PathPolicy::new(NonUsr::Keep, Var::Keep);
    let layer = with_policy(&tar, policy).unwrap();
    assert_eq!(layer.listing(), "usr/ usr/x");
    assert_eq!(layer.report.dropped[&Dropped::EmbeddedRepository], 6);
    let tar = Tar::new().hardlink("usr/x", OBJECT).end();
    assert!(
        with_policy(&tar, policy)
            .unwrap_err()
            .contains("is no file of this layer")
    );
}
