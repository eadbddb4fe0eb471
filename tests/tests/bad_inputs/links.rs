//! Symlinks that lead elsewhere, hardlinks, and one name for two things.

use test_images::{Image, tar::RawTar};

use crate::harness::{accepted_layers, layer, raw, refused_layer, refused_single};

#[test]
fn row_13_a_path_through_a_lower_layers_symlink_replaces_the_link() {
    let lower = layer("dir usr/lib64\nfile usr/lib64/libc.so\nsymlink lib64 -> usr/lib64");
    let pulled = accepted_layers([lower, layer("file lib64/foo.so \"foo\"")]);
    assert_eq!(pulled.tree.at("/lib64").kind, 'd');
    assert_eq!(pulled.content("/lib64/foo.so"), "foo");
    assert!(pulled.tree.has("/usr/lib64/libc.so"));
    assert!(!pulled.tree.has("/usr/lib64/foo.so"));
    pulled.warns(&["lib64"]);
}

#[test]
fn row_70_a_file_below_a_lower_layers_absolute_symlink_stays_in_the_root() {
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().display();
    let lower = layer(&format!("symlink usr/lnk -> {target}"));
    let pulled = accepted_layers([lower, layer("file usr/lnk/x \"evil\"")]);
    assert_eq!(pulled.tree.at("/usr/lnk").kind, 'd');
    assert_eq!(pulled.content("/usr/lnk/x"), "evil");
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn row_71_a_whiteout_below_a_lower_layers_absolute_symlink_removes_nothing_outside() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("keep"), "keep").unwrap();
    let lower = layer(&format!("symlink usr/lnk -> {}", outside.path().display()));
    let pulled = accepted_layers([lower, layer("whiteout usr/lnk/keep")]);
    assert_eq!(std::fs::read(outside.path().join("keep")).unwrap(), b"keep");
    pulled.has_no_markers();
}

#[test]
fn row_72_an_opaque_marker_below_a_lower_layers_absolute_symlink_replaces_the_link() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("keep"), "keep").unwrap();
    let lower = layer(&format!("symlink usr/lnk -> {}", outside.path().display()));
    let upper = layer("dir usr/lnk 0711 3:4\nopaque usr/lnk");
    let pulled = accepted_layers([lower, upper]);
    let directory = pulled.tree.at("/usr/lnk");
    assert_eq!(
        (directory.kind, directory.mode, directory.uid),
        ('d', 0o711, 3)
    );
    assert_eq!(std::fs::read(outside.path().join("keep")).unwrap(), b"keep");
}

#[test]
fn row_14_symlink_then_write_through_it_in_one_layer() {
    let outside = tempfile::tempdir().unwrap();
    let listing = format!(
        "symlink usr/lnk -> {}\nfile usr/lnk/x \"evil\"",
        outside.path().display()
    );
    refused_single(layer(&listing), &["usr/lnk/x", "usr/lnk", "symbolic link"]);
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn row_15_duplicate_file() {
    let pulled = accepted_layers([layer("file usr/x \"1\" 0600\nfile usr/x \"22\" 0640")]);
    assert_eq!(pulled.content("/usr/x"), "22");
    assert_eq!(pulled.tree.at("/usr/x").mode, 0o640);
    pulled.warns(&["usr/x"]);
}

#[test]
fn row_16_file_then_directory_of_that_name() {
    let pulled = accepted_layers([layer("file usr/x \"1\"\ndir usr/x 0711\nfile usr/x/y")]);
    assert_eq!(pulled.tree.at("/usr/x").mode, 0o711);
    assert!(pulled.tree.has("/usr/x/y"));
    pulled.warns(&["usr/x"]);
    // Without an entry for the directory, the layer contradicts itself.
    refused_single(
        layer("file usr/x \"1\"\nfile usr/x/y"),
        &["usr/x/y", "no directory"],
    );
}

#[test]
fn row_17_directory_then_file_or_symlink_of_that_name() {
    for (line, kind) in [("file usr/x \"1\"", '-'), ("symlink usr/x -> y", 'l')] {
        let pulled = accepted_layers([layer(&format!("dir usr/x\nfile usr/x/inside\n{line}"))]);
        assert_eq!(pulled.tree.at("/usr/x").kind, kind);
        assert!(!pulled.tree.has("/usr/x/inside"));
        pulled.warns(&["usr/x"]);
    }
}

#[test]
fn row_18_hardlink_to_what_is_missing() {
    refused_single(
        layer("hardlink usr/x -> usr/missing"),
        &["usr/x", "usr/missing"],
    );
    // To a directory, and to itself.
    refused_single(
        layer("dir usr/d\nhardlink usr/x -> usr/d"),
        &["usr/x", "usr/d"],
    );
    refused_single(layer("hardlink usr/x -> usr/x"), &["usr/x"]);
    refused_single(
        layer("hardlink usr/a -> usr/b\nhardlink usr/b -> usr/a"),
        &["hard link"],
    );
}

#[test]
fn row_19_hardlink_to_a_file_in_a_lower_layer() {
    let image = Image::of([layer("file usr/x \"1\""), layer("hardlink usr/y -> usr/x")]);
    refused_layer(&image, 1, &["usr/y", "usr/x"]);
}

#[test]
fn row_19b_chain_of_hardlinks() {
    let pulled = accepted_layers([layer(
        "file usr/a 04711 1:2 \"content\" xattr.user.a=b\nhardlink usr/b -> usr/a\nhardlink usr/c -> usr/b",
    )]);
    assert_eq!(pulled.tree.at("/usr/c"), pulled.tree.at("/usr/a"));
    assert_eq!(pulled.tree.at("/usr/b"), pulled.tree.at("/usr/a"));
    // Forward references resolve as well.
    let pulled = accepted_layers([layer(
        "hardlink usr/c -> usr/b\nhardlink usr/b -> usr/a\nfile usr/a \"1\"",
    )]);
    assert_eq!(pulled.content("/usr/c"), "1");
}

#[test]
fn row_20_hardlink_to_a_symlink() {
    let pulled = accepted_layers([layer(
        "symlink usr/s -> /etc/shadow\nhardlink usr/h -> usr/s",
    )]);
    let link = pulled.tree.at("/usr/h");
    assert_eq!(
        (link.kind, link.target.as_deref()),
        ('l', Some("/etc/shadow"))
    );
    assert_eq!(link, pulled.tree.at("/usr/s"));
}

#[test]
fn row_21_hardlink_out_of_the_root() {
    for target in ["../../etc/shadow", "usr/../../etc/shadow", "/../etc/shadow"] {
        refused_single(
            layer(&format!("hardlink usr/x -> {target}")),
            &["usr/x", ".."],
        );
    }
    // An absolute target is one inside the root.
    refused_single(
        layer("hardlink usr/x -> /etc/shadow"),
        &["usr/x", "etc/shadow"],
    );
}

#[test]
fn row_58_hardlink_in_usr_to_var() {
    let pulled = accepted_layers([layer("file var/lib/x \"1\"\nhardlink usr/x -> var/lib/x")]);
    assert_eq!(pulled.content("/usr/x"), "1");
}

#[test]
fn row_58_hardlinks_across_moved_paths() {
    let pulled = accepted_layers([layer(
        "file etc/x \"1\"\nhardlink usr/x -> etc/x\nhardlink etc/y -> /etc/x\nhardlink etc/z -> ./etc/x",
    )]);
    for path in ["/usr/x", "/usr/etc/y", "/usr/etc/z"] {
        assert_eq!(pulled.content(path), "1", "{path}");
    }
}

#[test]
fn row_chmod_symlink_then_directory_entry() {
    let one_layer = vec![layer(
        "dir usr/target 0700\nsymlink usr/lnk -> target\ndir usr/lnk 0777",
    )];
    let two_layers = vec![
        layer("dir usr/target 0700\nsymlink usr/lnk -> target"),
        layer("dir usr/lnk 0777"),
    ];
    for layers in [one_layer, two_layers] {
        let pulled = accepted_layers(layers);
        assert_eq!(pulled.tree.at("/usr/target").mode, 0o700);
        let replaced = pulled.tree.at("/usr/lnk");
        assert_eq!((replaced.kind, replaced.mode), ('d', 0o777));
    }
}

#[test]
fn row_root_entry_as_a_link() {
    for name in [".", "./", "/"] {
        refused_single(
            raw(RawTar::new().symlink(name, "/etc").file("usr/x", "")),
            &["root"],
        );
        refused_single(
            raw(RawTar::new().file("usr/x", "").hardlink(name, "usr/x")),
            &["root"],
        );
    }
}
