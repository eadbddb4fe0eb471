//! Rows 04 to 12 and 75.

use crate::support::tar::Tar;
use crate::{accept, refuse};
use ostree_layer::Dropped;

#[test]
fn row_04_and_75_whiteout_of_dot_dot() {
    let error = refuse(&Tar::new().dir("usr").file("usr/.wh...", "").end());
    assert_eq!(
        error,
        "entry \"usr/.wh...\": a whiteout of nothing, of \".\" or of \"..\""
    );
}

#[test]
fn row_05_whiteout_of_dot() {
    assert!(refuse(&Tar::new().file("usr/.wh..", "").end()).contains("whiteout of nothing"));
}

#[test]
fn row_06_whiteout_of_nothing() {
    assert!(refuse(&Tar::new().file(".wh.", "").end()).contains("whiteout of nothing"));
    assert!(refuse(&Tar::new().dir(".wh.").end()).contains("whiteout of nothing"));
    assert!(refuse(&Tar::new().file("a/.wh./b", "").end()).contains("whiteout of nothing"));
}

#[test]
fn row_07_whiteout_that_is_a_link() {
    for tar in [
        Tar::new().symlink("usr/.wh.x", "/etc/shadow"),
        Tar::new().file("usr/a", "a").hardlink("usr/.wh.x", "usr/a"),
        Tar::new().file("usr/.wh.x", "not empty"),
    ] {
        let layer = accept(&tar.end());
        let marker = layer.node("usr/.wh.x");
        assert_eq!((marker.kind, marker.mode, marker.size), ('f', 0o644, 0));
        assert!(
            layer.warnings().contains("OddWhiteout"),
            "{}",
            layer.warnings()
        );
    }
}

#[test]
fn row_08_whiteout_that_is_a_directory() {
    let tar = Tar::new()
        .dir("usr/.wh.x")
        .file("usr/.wh.x/inside", "a")
        .end();
    let layer = accept(&tar);
    assert_eq!(layer.listing(), "usr/ usr/.wh.x");
    assert_eq!(
        (layer.node("usr/.wh.x").kind, layer.node("usr/.wh.x").size),
        ('f', 0)
    );
    assert_eq!(layer.report.dropped[&Dropped::BelowWhiteout], 1);
}

#[test]
fn row_09_whiteout_and_file_of_one_name() {
    for tar in [
        Tar::new().file("usr/.wh.x", "").file("usr/x", "new"),
        Tar::new().file("usr/x", "new").file("usr/.wh.x", ""),
    ] {
        let layer = accept(&tar.end());
        assert_eq!(layer.listing(), "usr/ usr/.wh.x usr/x");
        assert_eq!(layer.text("usr/x"), "new");
        assert_eq!(layer.warnings(), "[]");
    }
}

#[test]
fn row_10_opaque_markers_are_kept() {
    let tar = Tar::new()
        .file(".wh..wh..opq", "")
        .file("usr/x", "")
        .file("usr/.wh..wh..opq", "");
    let layer = accept(&tar.end());
    assert_eq!(layer.listing(), ".wh..wh..opq usr/ usr/.wh..wh..opq usr/x");
}

#[test]
fn row_11_aufs_metadata() {
    let tar = Tar::new()
        .dir(".wh..wh.plnk")
        .file(".wh..wh.plnk/123.456", "a")
        .file(".wh..wh.aufs", "")
        .file("usr/.wh..wh.orph", "")
        .file("usr/x", "");
    let layer = accept(&tar.end());
    assert_eq!(layer.listing(), "usr/ usr/x");
    assert_eq!(layer.report.dropped[&Dropped::AufsMetadata], 4);
}

#[test]
fn row_12_directories_that_are_not_listed() {
    let tar = Tar::new()
        .dir_mode("usr", 0o711)
        .file("usr/a/b/c", "")
        .end();
    let layer = accept(&tar);
    assert_eq!(
        (layer.node("usr").mode, layer.node("usr/a").mode),
        (0o711, 0o755)
    );
    let implied = layer.commit.metadata.0["bootc-storage.implied-directories"].clone();
    let paths = ["", "usr/a", "usr/a/b"].map(str::to_owned).to_vec();
    assert_eq!(implied, ostree_objects::Value::StrList(paths));
    let listed_late = Tar::new()
        .file("usr/a/b/c", "")
        .dir_mode("usr/a", 0o700)
        .dir(".")
        .dir("usr");
    let layer = accept(&listed_late.end());
    assert_eq!(
        (layer.node("usr/a").mode, layer.node("usr/a/b").mode),
        (0o700, 0o755)
    );
    let implied = layer.commit.metadata.0["bootc-storage.implied-directories"].clone();
    assert_eq!(
        implied,
        ostree_objects::Value::StrList(vec!["usr/a/b".to_owned()])
    );
}
