//! Rows 59 to 61: a build on top of an encapsulated base leaves copies of the base's objects in its layers
//! (ostree-rs-ext#405).

use test_images::{
    Encapsulated, Encapsulation, Image, Listing,
    tar::{Header, Kind, RawTar},
};

use crate::harness::{accepted, layer, raw, refused_layer};

fn base() -> Encapsulated {
    let listing = Listing::parse(
        "dir usr/bin\nfile usr/bin/tool 0755 \"original\"\nfile usr/bin/other \"other\"",
    );
    Encapsulation::default()
        .encapsulate(&listing.unwrap())
        .unwrap()
}

/// Path of the object of `usr/bin/tool` in the embedded repository.
fn object(base: &Encapsulated) -> String {
    // Any object of the base will do: the path is what counts.
    let hex = base
        .file_objects
        .iter()
        .flatten()
        .next()
        .unwrap()
        .to_string();
    format!(
        "sysroot/ostree/repo/objects/{}/{}.file",
        &hex[..2],
        &hex[2..]
    )
}

fn image(base: &Encapsulated, upper: RawTar) -> Image {
    base.image().layer(raw(upper))
}

fn body(name: &str, mtime: u64) -> Header {
    Header::new(Kind::File, name)
        .mode(0o755)
        .size(7)
        .mtime(mtime)
}

#[test]
fn row_59_modified_object_and_a_hardlink_to_it() {
    let base = base();
    let object = object(&base);
    let upper = RawTar::new()
        .entry(&body(&object, 1), b"changed")
        .hardlink("usr/bin/tool", &object)
        .hardlink("etc/tool", format!("/{object}"));
    let pulled = accepted(&image(&base, upper));
    assert_eq!(pulled.content("/usr/bin/tool"), "changed");
    assert_eq!(pulled.tree.at("/usr/bin/tool").mode, 0o755);
    assert_eq!(pulled.content("/usr/etc/tool"), "changed");
    assert_eq!(pulled.content("/usr/bin/other"), "other");
    assert!(
        !pulled.tree.has("/sysroot/ostree"),
        "{:?}",
        pulled.tree.paths()
    );
}

#[test]
fn row_60_object_whose_metadata_alone_was_changed() {
    // chmod, chown and setcap keep the time, which is 0.
    let base = base();
    let object = object(&base);
    let header = body(&object, 0).mode(0o4711).owner(5, 6);
    let upper = RawTar::new()
        .entry(&header, b"changed")
        .hardlink("usr/bin/tool", &object);
    let pulled = accepted(&image(&base, upper));
    let tool = pulled.tree.at("/usr/bin/tool");
    assert_eq!((tool.mode, tool.uid, tool.gid), (0o4711, 5, 6));
    assert!(!pulled.tree.has("/sysroot/ostree"));
}

#[test]
fn row_61_hardlink_to_an_object_that_the_layer_does_not_have() {
    let base = base();
    let object = object(&base);
    let image = image(&base, RawTar::new().hardlink("usr/bin/tool", &object));
    refused_layer(&image, image.layers.len() - 1, &["usr/bin/tool", &object]);
}

#[test]
fn row_59_to_61_objects_alone_change_nothing() {
    let base = base();
    let upper = RawTar::new().entry(&body(&object(&base), 1), b"changed");
    let pulled = accepted(&image(&base, upper));
    assert_eq!(pulled.content("/usr/bin/tool"), "original");
    let alone = accepted(&base.image().layer(layer("file usr/x")));
    assert!(alone.tree.has("/usr/x") && alone.tree.has("/usr/bin/tool"));
}
