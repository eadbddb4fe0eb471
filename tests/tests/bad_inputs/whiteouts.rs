//! Whiteouts and opaque directories (OCI image-spec, layer.md).

use test_images::tar::{Header, Kind, RawTar};

use crate::harness::{accepted_layers, layer, raw, refused_single};

const LOWER: &str = r#"
    dir usr/d 0700 1:2
    file usr/d/old "old"
    file usr/keep "keep"
"#;

#[test]
fn row_04_75_whiteout_of_dot_dot() {
    refused_single(
        raw(RawTar::new().file("usr/d/.wh...", "")),
        &["usr/d/.wh...", "whiteout"],
    );
    // Below a name like that, and as a directory.
    refused_single(
        raw(RawTar::new().dir("usr/.wh.../x")),
        &["usr/.wh...", "whiteout"],
    );
}

#[test]
fn row_05_whiteout_of_dot() {
    refused_single(
        raw(RawTar::new().file("usr/d/.wh..", "")),
        &["usr/d/.wh..", "whiteout"],
    );
}

#[test]
fn row_06_whiteout_of_nothing() {
    refused_single(
        raw(RawTar::new().file("usr/.wh.", "")),
        &["usr/.wh.", "whiteout"],
    );
}

#[test]
fn row_07_whiteout_that_is_a_symlink() {
    let upper = raw(RawTar::new().symlink("usr/d/.wh.old", "/etc/passwd"));
    let pulled = accepted_layers([layer(LOWER), upper]);
    assert!(!pulled.tree.has("/usr/d/old"));
    assert!(pulled.tree.has("/usr/keep"));
    pulled.has_no_markers();
    pulled.warns(&["usr/d/.wh.old"]);
}

#[test]
fn row_08_whiteout_that_is_a_directory() {
    let upper = raw(RawTar::new()
        .dir("usr/d/.wh.old")
        .file("usr/d/.wh.old/x", "below"));
    let pulled = accepted_layers([layer(LOWER), upper]);
    assert!(!pulled.tree.has("/usr/d/old"));
    pulled.has_no_markers();
    pulled.warns(&["usr/d/.wh.old"]);
    // The opaque marker as a directory hides too.
    let upper = raw(RawTar::new()
        .dir("usr/d/.wh..wh..opq")
        .file("usr/d/new", ""));
    let pulled = accepted_layers([layer(LOWER), upper]);
    assert!(!pulled.tree.has("/usr/d/old"));
    assert!(pulled.tree.has("/usr/d/new"));
    pulled.has_no_markers();
}

#[test]
fn row_09_whiteout_and_same_name_in_one_layer_in_both_orders() {
    let marker_first = layer("whiteout usr/d/old\nfile usr/d/old \"new\"");
    let marker_last = layer("file usr/d/old \"new\"\nwhiteout usr/d/old");
    // Names that sort before their marker, which older importers delete.
    let sorting_before = layer(
        "file usr/d/+x \"new\"\nwhiteout usr/d/+x\nfile usr/d/.bashrc\nwhiteout usr/d/.bashrc",
    );
    let directory = layer("whiteout usr/d\nfile usr/d/fresh");
    for upper in [marker_first, marker_last] {
        let pulled = accepted_layers([layer(LOWER), upper]);
        assert_eq!(pulled.content("/usr/d/old"), "new");
        pulled.has_no_markers();
    }
    let pulled = accepted_layers([layer(LOWER), sorting_before]);
    assert!(pulled.tree.has("/usr/d/+x") && pulled.tree.has("/usr/d/.bashrc"));
    let pulled = accepted_layers([layer(LOWER), directory]);
    assert!(pulled.tree.has("/usr/d/fresh") && !pulled.tree.has("/usr/d/old"));
    assert_eq!(
        pulled.tree.at("/usr/d").mode,
        0o755,
        "the lower directory is gone, its mode too"
    );
}

#[test]
fn row_10_opaque_marker_with_siblings() {
    // The marker first, between and last: the order does not count.
    for upper in [
        "opaque usr/d\nfile usr/d/a\nfile usr/d/b",
        "file usr/d/a\nopaque usr/d\nfile usr/d/b",
        "file usr/d/a\nfile usr/d/b\nopaque usr/d",
    ] {
        let pulled = accepted_layers([layer(LOWER), layer(upper)]);
        let expected = ["/", "/usr", "/usr/d", "/usr/d/a", "/usr/d/b", "/usr/keep"];
        assert_eq!(pulled.tree.paths(), expected);
    }
}

#[test]
fn row_10_opaque_marker_at_the_root() {
    let pulled = accepted_layers([layer(LOWER), layer("opaque\nfile usr/only")]);
    assert_eq!(pulled.tree.paths(), ["/", "/usr", "/usr/only"]);
    // A marker that only a higher layer brings does not touch layers above it.
    let pulled = accepted_layers([layer(LOWER), layer("opaque"), layer("file usr/later")]);
    assert_eq!(pulled.tree.paths(), ["/", "/usr", "/usr/later"]);
}

#[test]
fn row_11_aufs_metadata() {
    let upper = layer("file .wh..wh.aufs\ndir .wh..wh.plnk\nfile .wh..wh.plnk/x\nfile usr/new");
    let pulled = accepted_layers([layer(LOWER), upper]);
    assert!(pulled.tree.has("/usr/new") && pulled.tree.has("/usr/d/old"));
    pulled.has_no_markers();
    pulled.warns(&["3"]);
}

#[test]
fn row_25_27_char_device_0_0_is_a_whiteout() {
    let device = Header::new(Kind::Char, "usr/d/old").device(0, 0);
    let pulled = accepted_layers([layer(LOWER), raw(RawTar::new().entry(&device, &[]))]);
    assert!(!pulled.tree.has("/usr/d/old"));
    assert!(pulled.tree.has("/usr/keep"));
    pulled.has_no_markers();
}

#[test]
fn whiteouts_reach_lower_layers_only_and_by_their_mapped_path() {
    // `.wh.etc` must remove usr/etc, where the tree has it.
    let lower = layer("file etc/conf\nfile usr/keep");
    let pulled = accepted_layers([lower, layer("whiteout etc")]);
    assert_eq!(pulled.tree.paths(), ["/", "/usr", "/usr/keep"]);
}
