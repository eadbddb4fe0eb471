//! Owners, modes, xattrs, and directories that a layer does not list.

use test_images::tar::{Header, Kind, RawTar};

use crate::harness::{accepted_layers, layer, raw, refused_single};

#[test]
fn row_12_file_in_a_directory_that_the_layer_does_not_list() {
    let lower = layer("dir usr/d 02770 3:4 xattr.user.a=b\nfile usr/d/x");
    let pulled = accepted_layers([lower, layer("file usr/d/y 0600 7:8")]);
    let directory = pulled.tree.at("/usr/d");
    assert_eq!(
        (directory.mode, directory.uid, directory.gid),
        (0o2770, 3, 4)
    );
    assert!(directory.xattrs.contains("user.a"), "{}", directory.xattrs);
    // One that no layer lists is root's, not the file's owner's.
    let pulled = accepted_layers([layer("file usr/d/y 0600 7:8")]);
    let directory = pulled.tree.at("/usr/d");
    assert_eq!(
        (directory.mode, directory.uid, directory.gid),
        (0o755, 0, 0)
    );
}

#[test]
fn row_12_a_directory_that_the_upper_layer_lists_gets_its_metadata() {
    let lower = layer("dir usr/d 0700 1:2 xattr.user.a=1");
    let pulled = accepted_layers([lower, layer("dir usr/d 0711 3:4 xattr.user.b=2")]);
    let directory = pulled.tree.at("/usr/d");
    assert_eq!(
        (directory.mode, directory.uid, directory.gid),
        (0o711, 3, 4)
    );
    assert!(directory.xattrs.contains("user.b") && !directory.xattrs.contains("user.a"));
}

#[test]
fn row_34_capabilities_and_user_xattrs() {
    // cap_net_raw+ep, version 2 (little endian), as setcap writes it.
    let capability =
        r"\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
    let pulled = accepted_layers([layer(&format!(
        "file usr/x 0755 \"1\" xattr.security.capability={capability} xattr.user.z=last xattr.user.a=\"\" \n\
         dir usr/d xattr.user.d=1\nsymlink usr/s -> x xattr.trusted.s=1"
    ))]);
    let xattrs = &pulled.tree.at("/usr/x").xattrs;
    let at = |name: &str| {
        xattrs
            .find(name)
            .unwrap_or_else(|| panic!("{name}: {xattrs}"))
    };
    assert!(
        at("security.capability") < at("user.a") && at("user.a") < at("user.z"),
        "sorted: {xattrs}"
    );
    assert!(pulled.tree.at("/usr/d").xattrs.contains("user.d"));
    assert!(pulled.tree.at("/usr/s").xattrs.contains("trusted.s"));
}

#[test]
fn row_35_security_selinux_in_the_layer() {
    let label = r"system_u:object_r:bin_t:s0\0";
    let pulled = accepted_layers([layer(&format!(
        "dir usr/d xattr.security.selinux={label}\nfile usr/x xattr.security.selinux={label} xattr.user.a=b\n\
         symlink usr/s -> x xattr.security.selinux={label}"
    ))]);
    for path in ["/usr/d", "/usr/x", "/usr/s"] {
        let xattrs = &pulled.tree.at(path).xattrs;
        assert!(!xattrs.contains("selinux"), "{path}: {xattrs}");
    }
    assert!(pulled.tree.at("/usr/x").xattrs.contains("user.a"));
    pulled.warns(&["SELinux", "3"]);
}

#[test]
fn row_36_overlay_xattrs() {
    let pulled = accepted_layers([layer(
        "dir usr/d xattr.trusted.overlay.opaque=y xattr.user.overlay.opaque=y\n\
         file usr/x xattr.trusted.overlay.redirect=/etc/shadow xattr.user.a=b",
    )]);
    for path in ["/usr/d", "/usr/x"] {
        let xattrs = &pulled.tree.at(path).xattrs;
        assert!(!xattrs.contains("overlay"), "{path}: {xattrs}");
    }
    assert!(pulled.tree.at("/usr/x").xattrs.contains("user.a"));
    pulled.warns(&["overlay", "3"]);
}

#[test]
fn row_66_73_ids_over_32_bits() {
    for id in [
        "4294967296",
        "18446744073709551615",
        "99999999999999999999999",
    ] {
        let tar = RawTar::new()
            .pax(&[("uid", id.as_bytes())])
            .file("usr/x", "");
        refused_single(raw(tar), &["uid"]);
        let tar = RawTar::new()
            .pax(&[("gid", id.as_bytes())])
            .file("usr/x", "");
        refused_single(raw(tar), &["gid"]);
    }
    let entry = Header::new(Kind::File, "usr/x").owner(1 << 32, 0);
    refused_single(raw(RawTar::new().entry(&entry, &[])), &["usr/x", "uid"]);
    // The largest id that Linux has is fine.
    let pulled = accepted_layers([layer("file usr/x 4294967294:4294967294")]);
    assert_eq!(pulled.tree.at("/usr/x").uid, 4_294_967_294);
}

#[test]
fn row_76_pax_comment_of_64_mib() {
    let comment = vec![b'x'; 64 * 1024 * 1024];
    let tar = RawTar::new()
        .pax(&[("comment", &comment)])
        .file("usr/x", "");
    refused_single(raw(tar), &["extended header", "limit"]);
}

#[test]
fn row_77_xattr_of_1_mib() {
    let value = vec![b'x'; 1024 * 1024];
    let tar = RawTar::new()
        .pax(&[("SCHILY.xattr.user.big", &value)])
        .file("usr/x", "");
    refused_single(raw(tar), &["limit"]);
    // Over what Linux can store, under the limit of headers.
    let value = vec![b'x'; 64 * 1024 + 1];
    let tar = RawTar::new()
        .pax(&[("SCHILY.xattr.user.big", &value)])
        .file("usr/x", "");
    refused_single(raw(tar), &["extended attribute", "65536"]);
}
