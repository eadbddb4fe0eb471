//! Declarations in a directory: what is read, what is refused, and that nothing outside is.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panic, and opens a directory of its own"
)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use bound_images::limits::{MAX_ENTRIES, MAX_UNIT_BYTES};
use bound_images::{DECLARATIONS, Declarations, DirTree, Error, Oddity};
use cap_std::ambient_authority;
use cap_std::fs::Dir;

const UNITS: &str = "usr/share/containers/systemd";
const FOUND_THERE: &str = "GlobalArgs=--storage-opt=additionalimagestore=/usr/lib/bootc/storage\n";
const DIGEST: &str = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

/// The root of an operating system, in a folder with other things beside it.
struct Root {
    folder: tempfile::TempDir,
}

impl Root {
    fn new() -> Self {
        let root = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(root.path(DECLARATIONS)).unwrap();
        fs::create_dir_all(root.path(UNITS)).unwrap();
        root
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("root").join(path)
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn link(&self, name: impl AsRef<OsStr>, target: &str) -> &Self {
        symlink(target, self.path(DECLARATIONS).join(name.as_ref())).unwrap();
        self
    }

    /// A unit of that name, and a link of the same name to it.
    fn unit(&self, name: &str, text: &str) -> &Self {
        self.write(&format!("{UNITS}/{name}"), text);
        self.link(name, &format!("/{UNITS}/{name}"))
    }

    fn read(&self) -> Result<Declarations, Error> {
        let root = Dir::open_ambient_dir(self.path(""), ambient_authority()).unwrap();
        Declarations::read(&DirTree::new(&root))
    }

    fn references(&self) -> Vec<String> {
        let read = self.read().unwrap();
        let list = read.list.into_iter();
        list.map(|one| format!("{} {}", one.name, one.reference))
            .collect()
    }

    /// The whole chain of errors as one line.
    #[track_caller]
    fn refused(&self, expect: &str) {
        let error = self.read().unwrap_err();
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(source) = cause {
            text = format!("{text}: {source}");
            cause = source.source();
        }
        assert!(text.contains(expect), "{text}");
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}

#[test]
fn images_and_containers_are_found_in_the_order_of_their_links() {
    let root = Root::new();
    root.unit("b.image", "[Image]\nImage=quay.io/os/b\n");
    root.unit(
        "a.container",
        "[Unit]\nDescription=A\n\n[Container]\nImage=quay.io/os/a:1\n",
    );
    root.unit(
        "c.container",
        &format!("[Container]\nImage=quay.io/os/c@{DIGEST}\n"),
    );
    assert_eq!(
        root.references(),
        [
            "a.container quay.io/os/a:1".to_owned(),
            "b.image quay.io/os/b:latest".to_owned(),
            format!("c.container quay.io/os/c@{DIGEST}"),
        ]
    );
}

#[test]
fn a_tree_without_the_directory_is_bound_to_nothing() {
    let root = Root::new();
    fs::remove_dir(root.path(DECLARATIONS)).unwrap();
    assert_eq!(root.read().unwrap(), Declarations::default());
}

#[test]
fn what_is_no_directory_is_refused() {
    let refused = |root: &Root| {
        let error = root.read().unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("not a directory"), "{error}: {cause}");
    };
    let root = Root::new();
    fs::remove_dir(root.path(DECLARATIONS)).unwrap();
    root.write(DECLARATIONS, "a file");
    refused(&root);
    fs::remove_file(root.path(DECLARATIONS)).unwrap();
    // Outside of the tree the path leads to a directory.
    symlink(root.folder.path(), root.path(DECLARATIONS)).unwrap();
    refused(&root);
}

#[test]
fn the_links_extension_counts_and_not_its_targets() {
    let root = Root::new();
    root.write(
        "usr/lib/app/unit.txt",
        "[Container]\nImage=quay.io/os/a:1\n[Image]\nImage=quay.io/os/b:1\n",
    );
    root.link("x.image", "../../app/unit.txt");
    root.link("x.container", "../../app/unit.txt");
    assert_eq!(
        root.references(),
        ["x.container quay.io/os/a:1", "x.image quay.io/os/b:1"]
    );
    for name in [
        "x.kube", "x.pod", "x.build", "x.volume", "x", ".image", "x.IMAGE",
    ] {
        let root = Root::new();
        root.write(
            "usr/lib/app/x.container",
            "[Container]\nImage=quay.io/os/a:1\n",
        );
        root.link(name, "../../app/x.container")
            .refused("ends in neither .image nor .container");
    }
}

#[test]
fn only_links_to_files_declare_an_image() {
    let root = Root::new();
    root.write(
        &format!("{DECLARATIONS}/x.image"),
        "[Image]\nImage=quay.io/os/a:1\n",
    );
    root.refused("not a symbolic link");
    let root = Root::new();
    fs::create_dir(root.path(DECLARATIONS).join("x.image")).unwrap();
    root.refused("not a symbolic link");
    let root = Root::new();
    root.link("x.image", "/usr/share/none.image")
        .refused("leads to nothing");
    let root = Root::new();
    root.link("x.image", "/usr/share")
        .refused("not lead to a regular file");
    let root = Root::new();
    root.link("x.image", "x.image").refused("leads to nothing");
    let root = Root::new();
    root.unit("y.image", "[Image]\nImage=quay.io/os/a:1\n");
    root.link("x.image", "/usr/share/containers/systemd/y.image/below")
        .refused("leads to nothing");
}

#[test]
fn links_never_leave_the_root() {
    let outside = "[Image]\nImage=quay.io/evil/outside:1\n";
    let inside = "[Image]\nImage=quay.io/os/inside:1\n";
    let root = Root::new();
    let beside = root.folder.path().join("beside.image");
    fs::write(&beside, outside).unwrap();
    // Up beyond the root is the root.
    root.link("x.image", &format!("{}beside.image", "../".repeat(12)));
    root.refused("leads to nothing");
    root.write("beside.image", inside);
    assert_eq!(root.references(), ["x.image quay.io/os/inside:1"]);
    // An absolute target begins at the root, also through a directory that is such a link.
    let absolute = beside.to_str().unwrap();
    let root_of_two = Root::new();
    root_of_two
        .link("x.image", absolute)
        .refused("leads to nothing");
    let third = Root::new();
    symlink(root.folder.path(), third.path("usr/out")).unwrap();
    third
        .link("x.image", "/usr/out/beside.image")
        .refused("leads to nothing");
}

#[test]
fn specifiers_are_refused_and_two_percent_signs_are_one() {
    let check = |image: &str, expect: &str| {
        let root = Root::new();
        root.unit("x.image", &format!("[Image]\nImage={image}\n"))
            .refused(expect);
    };
    check("quay.io/os/%p:1", "specifier (%p)");
    check("quay.io/os/a:%%%v", "specifier (%v)");
    check("quay.io/os/a:%", "unfinished specifier");
    check("quay.io/os/a:%%%", "unfinished specifier");
    // A name has no percent sign, so that what was put in place of two is seen in the refusal.
    check("quay.io/os/a:%%", "Image=quay.io/os/a:%:");
}

#[test]
fn the_image_and_no_credentials_must_be_named() {
    let check = |name: &str, unit: &str, expect: &str| {
        Root::new().unit(name, unit).refused(expect);
    };
    check(
        "x.image",
        "[Container]\nImage=quay.io/os/a:1\n",
        "no Image= in [Image]",
    );
    check(
        "x.container",
        "[Container]\nImage=\n",
        "no Image= in [Container]",
    );
    check(
        "x.image",
        "[Image]\nImage=quay.io/os/a:1\nAuthFile=/etc/auth.json\n",
        "AuthFile=",
    );
    check("x.image", "[Image]\nImage=app:1\n", "which registry");
    check(
        "x.image",
        "[Image]\nImage=oci:/var/app\n",
        "Image=oci:/var/app",
    );
    check(
        "x.image",
        "[Image]\nImage=quay.io/os/a --tls-verify=false\n",
        "Image=quay.io",
    );
    check("x.image", "Image=quay.io/os/a:1\n", "line 1");
    check(
        "x.image",
        "[Image]\nImage=quay.io/os/a:1\x1b[2J\n",
        "control characters",
    );
}

#[test]
fn hostile_names_and_sizes_are_refused() {
    let root = Root::new();
    root.link(OsStr::from_bytes(b"x\xff.image"), "/usr")
        .refused("not UTF-8");
    let root = Root::new();
    root.link("x\u{1b}[2J.image", "/usr")
        .refused("control characters");
    let root = Root::new();
    root.write(&format!("{UNITS}/x.image"), b"[Image]\nImage=\xff");
    root.link("x.image", "/usr/share/containers/systemd/x.image")
        .refused("not UTF-8");

    let root = Root::new();
    for index in 0..10_000 {
        root.link(format!("{index}.image"), "/usr");
    }
    root.refused(&format!("more than {MAX_ENTRIES} entries"));

    let limit = usize::try_from(MAX_UNIT_BYTES).unwrap();
    let sized = |bytes: usize| {
        let unit = "[Image]\nImage=quay.io/os/a:1\n";
        format!("{unit}#{}\n", "x".repeat(bytes - unit.len() - 2))
    };
    let root = Root::new();
    root.unit("x.image", &sized(limit));
    assert_eq!(root.references(), ["x.image quay.io/os/a:1"]);
    root.write(&format!("{UNITS}/x.image"), sized(limit + 1))
        .refused("bytes");
}

#[test]
fn a_pipe_is_not_waited_for() {
    let root = Root::new();
    let pipe = root.path("usr/share/pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    root.link("x.image", "/usr/share/pipe")
        .refused("not lead to a regular file");
}

#[test]
fn drop_ins_beside_the_unit_count_in_their_order() {
    let root = Root::new();
    root.unit("x.container", "[Container]\nImage=quay.io/os/a:1\n");
    let drop_ins = format!("{UNITS}/x.container.d");
    root.write(
        &format!("{drop_ins}/20-b.conf"),
        "[Container]\nImage=quay.io/os/a:3\n",
    );
    root.write(
        &format!("{drop_ins}/10-a.conf"),
        "[Container]\nImage=quay.io/os/a:2\n",
    );
    root.write(&format!("{drop_ins}/30-c.txt"), "not read");
    symlink("/dev/null", root.path(&drop_ins).join("40-d.conf")).unwrap();
    assert_eq!(root.references(), ["x.container quay.io/os/a:3"]);
    root.write(&format!("{drop_ins}/50-e.conf"), "Image=quay.io/os/a:4\n")
        .refused("50-e.conf");
}

#[test]
fn an_image_of_another_unit_comes_with_that_unit() {
    let root = Root::new();
    root.unit("x.container", "[Container]\nImage=app.image\n");
    root.refused("Image=app.image means another unit");
    root.unit("app.image", "[Image]\nImage=quay.io/os/a:1\n");
    assert_eq!(root.references(), ["app.image quay.io/os/a:1"]);
    let root = Root::new();
    root.unit("x.container", "[Container]\nImage=app.build\n")
        .refused("app.build");
    let root = Root::new();
    root.unit("x.image", "[Image]\nImage=x.image\n")
        .refused("x.image means another unit");
    // With a registry it is a name like any other.
    let root = Root::new();
    root.unit("x.container", "[Container]\nImage=quay.io/os/a.image\n");
    assert_eq!(root.references(), ["x.container quay.io/os/a.image:latest"]);
}

#[test]
fn what_works_and_is_odd_is_told() {
    let root = Root::new();
    root.unit("a.image", "[Image]\nImage=quay.io/os/a:1\n");
    root.unit(
        "b.container",
        &format!("[Container]\nImage=quay.io/os/a:1\n{FOUND_THERE}"),
    );
    root.unit(
        "c.container",
        &format!(
            "[Container]\nImage=quay.io/os/c\nPodmanArgs=--memory=1g\nPull=always\n{FOUND_THERE}"
        ),
    );
    root.unit("d.container", "[Container]\nImage=quay.io/os/d:1\n");
    root.unit(
        "e.image",
        "[Image]\nImage=quay.io/os/e:latest\nArch=arm64\nTLSVerify=false\n",
    );
    root.unit(
        "f.image",
        &format!("[Image]\nImage=quay.io/os/f@{DIGEST}\n"),
    );
    let read = root.read().unwrap();
    let lints: Vec<(&str, &Oddity)> = read
        .lints
        .iter()
        .map(|lint| (lint.declaration.as_str(), &lint.oddity))
        .collect();
    let of = "a.image".to_owned();
    assert_eq!(
        lints,
        [
            ("b.container", &Oddity::Duplicate { of }),
            ("c.container", &Oddity::IgnoredKey { key: "Pull" }),
            ("c.container", &Oddity::Untagged),
            ("d.container", &Oddity::OtherStorage),
            ("e.image", &Oddity::IgnoredKey { key: "Arch" }),
            ("e.image", &Oddity::IgnoredKey { key: "TLSVerify" }),
            ("e.image", &Oddity::Latest),
        ]
    );
    assert_eq!(read.references().len(), 5);
}
