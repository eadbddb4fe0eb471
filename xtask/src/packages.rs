//! What has to be on the machine, under which package name, and why.

use std::path::Path;
use std::process::{Command, Stdio};

/// What a package is needed for: a demo on a bare machine installs no test tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// To compile the workspace.
    Build,
    /// To run `cargo xtask test`.
    Test,
    /// To run `cargo xtask demo`.
    Demo,
    /// To run `cargo xtask bench`.
    Bench,
}

impl Need {
    pub(crate) const ALL: [Self; 4] = [Self::Build, Self::Test, Self::Demo, Self::Bench];
}

/// How to see that a package is there, whatever the distribution calls it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Probe {
    /// One of these programs is in the search path, or in a folder for administrators.
    Program(&'static [&'static str]),
    /// pkg-config knows this module.
    Module(&'static str),
    /// This file exists.
    File(&'static str),
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) apt: &'static str,
    pub(crate) dnf: &'static str,
    pub(crate) probe: Probe,
    pub(crate) needs: &'static [Need],
    pub(crate) reason: &'static str,
}

const BUILD: &[Need] = &[Need::Build];
const TEST: &[Need] = &[Need::Test];
const TEST_AND_BENCH: &[Need] = &[Need::Test, Need::Bench];
const DEMO: &[Need] = &[Need::Demo];
const TO_RUN: &[Need] = &[Need::Test, Need::Demo, Need::Bench];

/// Every package; the order is that of the installation messages.
pub(crate) const PACKAGES: &[Package] = &[
    package(
        "gcc",
        "gcc",
        Probe::Program(&["cc", "gcc"]),
        BUILD,
        "links Rust, compiles zstd",
    ),
    package(
        "pkg-config",
        "pkgconf-pkg-config",
        Probe::Program(&["pkg-config"]),
        BUILD,
        "finds libostree",
    ),
    package(
        "libostree-dev",
        "ostree-devel",
        Probe::Module("ostree-1"),
        BUILD,
        "bootc-storage links libostree",
    ),
    package(
        "libglib2.0-dev",
        "glib2-devel",
        Probe::Module("gio-2.0"),
        BUILD,
        "libostree's base",
    ),
    package(
        "libzstd-dev",
        "libzstd-devel",
        Probe::Module("libzstd"),
        TEST_AND_BENCH,
        "the peer ostree-ext links it",
    ),
    package(
        "libssl-dev",
        "openssl-devel",
        Probe::Module("openssl"),
        TEST_AND_BENCH,
        "the peer ostree-ext links it",
    ),
    package(
        "libselinux1-dev",
        "libselinux-devel",
        Probe::Module("libselinux"),
        TEST,
        "the oracle of selinux-label",
    ),
    package(
        "clang",
        "clang-devel",
        Probe::Program(&["clang"]),
        TEST,
        "selinux-sys reads libselinux's headers with libclang",
    ),
    package(
        "git",
        "git",
        Probe::Program(&["git"]),
        TEST,
        "tidy lists the files of the repository",
    ),
    package(
        "ostree",
        "ostree",
        Probe::Program(&["ostree"]),
        TO_RUN,
        "fsck, ls and checkout by the reference",
    ),
    package(
        "skopeo",
        "skopeo",
        Probe::Program(&["skopeo"]),
        TO_RUN,
        "registries and other transports",
    ),
    package(
        "podman",
        "podman",
        Probe::Program(&["podman"]),
        TEST,
        "bound images",
    ),
    package(
        "docker-registry",
        "docker-distribution",
        Probe::Program(&["docker-registry", "registry"]),
        TO_RUN,
        "a real registry on loopback",
    ),
    package(
        "umoci",
        "umoci",
        Probe::Program(&["umoci"]),
        TO_RUN,
        "the independent unpack",
    ),
    package(
        "selinux-utils",
        "libselinux-utils",
        Probe::Program(&["matchpathcon"]),
        DEMO,
        "libselinux's own labels, to compare with",
    ),
    package(
        "apache2-utils",
        "httpd-tools",
        Probe::Program(&["htpasswd"]),
        TEST,
        "passwords of the test registry",
    ),
    package(
        "libarchive-tools",
        "bsdtar",
        Probe::Program(&["bsdtar"]),
        TEST,
        "a second opinion on tar",
    ),
    package(
        "zstd",
        "zstd",
        Probe::Program(&["zstd"]),
        TEST,
        "a second opinion on zstd",
    ),
    package(
        "strace",
        "strace",
        Probe::Program(&["strace"]),
        TEST_AND_BENCH,
        "shows that syncs come before refs",
    ),
    package(
        "bubblewrap",
        "bubblewrap",
        Probe::Program(&["bwrap"]),
        TEST,
        "libostree runs the policy tools of a new deployment in it",
    ),
    package(
        "attr",
        "attr",
        Probe::Program(&["setfattr"]),
        TEST,
        "extended attributes of test trees",
    ),
    package(
        "e2fsprogs",
        "e2fsprogs",
        Probe::Program(&["mkfs.ext4"]),
        TO_RUN,
        "small file systems that fill up, disks of machines",
    ),
    package(
        "util-linux",
        "util-linux",
        Probe::Program(&["setpriv"]),
        TO_RUN,
        "pulls as an ordinary user",
    ),
    package(
        "xfsprogs",
        "xfsprogs",
        Probe::Program(&["mkfs.xfs"]),
        TEST,
        "power cuts on XFS too",
    ),
    package(
        "mmdebstrap",
        "mmdebstrap",
        Probe::Program(&["mmdebstrap"]),
        TO_RUN,
        "makes the demo's image, unpacks mkcomposefs for tests",
    ),
    package(
        "debian-archive-keyring",
        "debian-keyring",
        Probe::File("/usr/share/keyrings/debian-archive-keyring.gpg"),
        TO_RUN,
        "its packages are verified",
    ),
];

const fn package(
    apt: &'static str,
    dnf: &'static str,
    probe: Probe,
    needs: &'static [Need],
    reason: &'static str,
) -> Package {
    Package {
        apt,
        dnf,
        probe,
        needs,
        reason,
    }
}

impl Probe {
    /// Whether the thing is there now.
    pub(crate) fn is_there(self) -> bool {
        match self {
            Self::Program(names) => names.iter().any(|name| program(name)),
            Self::Module(name) => Command::new("pkg-config")
                .args(["--exists", name])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success()),
            Self::File(path) => Path::new(path).exists(),
        }
    }
}

/// Whether a program of this name can be started. Ordinary users often lack sbin in their search
/// path, though the tools there serve them too.
pub(crate) fn program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|folder| folder.join(name).is_file())
}
