//! Which label a path gets: links of its directories are followed, as the image has them.

use test_images::Image;

use crate::host::{Host, Place, layer, name};
use crate::selinux::{bootable, policy};

const FILE: u32 = 0o100_644;
const RULES: [(&str, &str); 4] = [
    ("/.*", "u:r:any:s0"),
    ("/bin(/.*)?", "u:r:wrong:s0"),
    ("/usr/bin(/.*)?", "u:r:bin:s0"),
    ("/run/x", "u:r:run:s0"),
];

#[test]
fn links_of_directories_are_followed_and_named() {
    let tree = layer(
        "symlink bin -> usr/bin\nfile usr/bin/sh \"1\"\nsymlink usr/bin/bash -> sh\n\
         symlink usr/lib/up -> ../../bin\nsymlink usr/run -> /run\nsymlink usr/loop -> loop\n\
         symlink usr/lib/odd -> none/../bin\nfile etc/dir/x \"2\"\nsymlink usr/into -> ../etc/dir",
    );
    let image: Image = bootable([tree, layer(&policy("etc", &RULES))]);
    let host = Host::new();
    let place = Place::image(&image);
    host.pull(&place.latest()).unwrap();
    let image = host.storage.inspect(&name(&place.latest())).unwrap();
    let policy = host.storage.image_policy(&image).unwrap().unwrap();
    for (path, real, links, label) in [
        ("/usr/bin/sh", "/usr/bin/sh", &[][..], "bin"),
        ("/bin/sh", "/usr/bin/sh", &["/bin usr/bin"], "bin"),
        ("bin/none/x/", "/usr/bin/none/x", &["/bin usr/bin"], "bin"),
        // The last name is the link itself.
        ("/bin", "/bin", &[], "wrong"),
        ("/bin/bash", "/usr/bin/bash", &["/bin usr/bin"], "bin"),
        (
            "/usr/lib/up/sh",
            "/usr/bin/sh",
            &["/usr/lib/up ../../bin", "/bin usr/bin"],
            "bin",
        ),
        ("/usr/run/x", "/run/x", &["/usr/run /run"], "run"),
        (
            "/usr/into/x",
            "/etc/dir/x",
            &["/usr/into ../etc/dir"],
            "any",
        ),
        ("/etc/dir/x", "/etc/dir/x", &[], "any"),
        ("/usr/loop/x", "/usr/loop/x", &[], "any"),
        ("/usr/lib/odd/x", "/usr/lib/odd/x", &[], "any"),
        ("/usr/bin/sh/x", "/usr/bin/sh/x", &[], "bin"),
        ("/", "/", &[], "any"),
    ] {
        let found = host.storage.look_up_label(&image, &policy, path, FILE);
        let found = found.unwrap();
        assert_eq!(found.real_path, real, "{path}");
        let followed = found.links.iter();
        let followed: Vec<String> = followed
            .map(|link| format!("{} {}", link.path, link.target))
            .collect();
        assert_eq!(followed, links, "{path}");
        let got = found.explanation.label.unwrap().to_string();
        assert_eq!(got, format!("u:r:{label}:s0"), "{path}");
        if path == "/bin/sh" || path == "/usr/into/x" {
            assert!(found.stored.is_some(), "{path}: {:?}", found.stored_path);
        }
    }
}
