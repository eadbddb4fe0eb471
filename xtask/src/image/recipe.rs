//! The root file system of the demo's image: Debian packages, put together by mmdebstrap.

use crate::run::Run;
use anyhow::{Context as _, Result, bail};
use std::path::Path;

/// What is installed on top of Debian's essential packages.
const PACKAGES: &[&str] = &[
    // What boots.
    "linux-image-amd64",
    "systemd",
    "systemd-sysv",
    "systemd-resolved",
    "dbus",
    "udev",
    "kmod",
    "dracut",
    "ostree",
    "ostree-boot",
    "bubblewrap",
    // What labels.
    "selinux-policy-default",
    "selinux-utils",
    "policycoreutils",
    // What a derived layer makes a policy module with.
    "checkpolicy",
    "semodule-utils",
    // What an image-based host has.
    "podman",
    "skopeo",
    "e2fsprogs",
    "xfsprogs",
    "btrfs-progs",
    "attr",
    "openssh-server",
    "iproute2",
    "iputils-ping",
    "procps",
    "less",
    "jq",
    "strace",
    "curl",
    "ca-certificates",
    "zstd",
    "rsync",
    // What makes the image big, in bytes and in number of files.
    "linux-headers-amd64",
    "gcc",
    "g++",
    "gdb",
    "git",
    "perl",
    "python3",
    "vim",
    "libboost-dev",
    // Small files by the thousand, for over 60,000 of them.
    "ncurses-term",
    "manpages",
    "manpages-dev",
    "perl-doc",
    "locales",
];

/// Where the packages come from.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) suite: String,
    pub(crate) mirror: String,
}

impl Source {
    /// The machine's own Debian release and mirror, unless others are given.
    pub(crate) fn find(suite: Option<&str>, mirror: Option<&str>) -> Result<Self> {
        let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        let own = (value(&release, "ID") == Some("debian"))
            .then(|| value(&release, "VERSION_CODENAME"))
            .flatten();
        let suite = suite.or(own).unwrap_or("bookworm").to_owned();
        if let Some(mirror) = mirror {
            return Ok(Self {
                suite,
                mirror: mirror.to_owned(),
            });
        }
        let texts = source_files()
            .into_iter()
            .filter_map(|file| std::fs::read_to_string(file).ok());
        let mirror = texts.filter_map(|text| mirror_in(&text, &suite)).next().with_context(|| {
            format!("no apt source of this machine serves Debian {suite}: give one with --mirror URL")
        })?;
        Ok(Self { suite, mirror })
    }
}

fn value<'a>(release: &'a str, key: &str) -> Option<&'a str> {
    let assignment = |line: &'a str| line.strip_prefix(key)?.strip_prefix('=');
    release
        .lines()
        .find_map(assignment)
        .map(|text| text.trim_matches('"'))
}

fn source_files() -> Vec<std::path::PathBuf> {
    let folder = std::fs::read_dir("/etc/apt/sources.list.d")
        .into_iter()
        .flatten()
        .flatten();
    let mut files: Vec<_> = folder.map(|entry| entry.path()).collect();
    files.sort();
    files.push("/etc/apt/sources.list".into());
    files
}

/// The first mirror for the suite's main component, in either form of apt's source files.
fn mirror_in(text: &str, suite: &str) -> Option<String> {
    let one_line = text.lines().find_map(|line| {
        let mut words = line.strip_prefix("deb ")?.split_whitespace().peekable();
        if words.peek()?.starts_with('[') {
            words.find(|word| word.ends_with(']'))?;
        }
        let (mirror, found) = (words.next()?, words.next()?);
        (found == suite && words.any(|word| word == "main")).then(|| mirror.to_owned())
    });
    one_line.or_else(|| {
        text.split("\n\n")
            .find_map(|stanza| mirror_in_stanza(stanza, suite))
    })
}

fn mirror_in_stanza(stanza: &str, suite: &str) -> Option<String> {
    let field = |name: &str| {
        let value = |line: &'_ str| {
            line.strip_prefix(name)?
                .strip_prefix(':')
                .map(str::to_owned)
        };
        stanza.lines().find_map(value).unwrap_or_default()
    };
    let has = |name: &str, word: &str| field(name).split_whitespace().any(|w| w == word);
    if has("Types", "deb") && has("Suites", suite) && has("Components", "main") {
        return field("URIs").split_whitespace().next().map(str::to_owned);
    }
    None
}

/// What decides the result, for the key of the cache: all but the mirror, whose content is signed.
pub(crate) fn text(suite: &str) -> String {
    format!(
        "{suite}\n{}\n{}\n",
        PACKAGES.join(" "),
        hooks(Path::new("BASE")).join("\n")
    )
}

/// `base` gets the tree as it is before the packages above, `full` the tree with them.
pub(crate) fn make(source: &Source, base: &Path, full: &Path) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!("the image is made of root's files: run once `sudo cargo xtask demo --image-only`");
    }
    let architecture = Run::new("dpkg").arg("--print-architecture").read()?;
    let mut command = Run::new("unshare")
        .args(["--mount", "mmdebstrap", "--mode=root"])
        .args([
            "--variant=minbase",
            "--format=directory",
            "--components=main",
            "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg",
            "--aptopt=Acquire::Languages \"none\"",
        ]);
    if let Some(proxy) = proxy() {
        command = command.arg(format!("--aptopt=Acquire::http::Proxy \"{proxy}\""));
    }
    let packages = PACKAGES.join(",").replace("amd64", architecture.trim());
    command
        .arg(format!("--include={packages}"))
        .args(hooks(base))
        .arg(&source.suite)
        .arg(full)
        .arg(&source.mirror)
        .run()?;
    Ok(())
}

/// A copy before the packages, and the initramfs after them, while /dev and /proc are mounted.
fn hooks(base: &Path) -> Vec<String> {
    let dracut = "chroot \"$1\" sh -ec 'kver=$(ls /usr/lib/modules); \
        dracut --quiet --force --no-hostonly --reproducible --add ostree --omit \"network nfs iscsi plymouth\" \
        --kver \"$kver\" \"/usr/lib/modules/$kver/initramfs.img\"'";
    vec![
        format!(
            "--essential-hook=cp -a --one-file-system \"$1\" {}",
            base.display()
        ),
        format!("--customize-hook={dracut}"),
    ]
}

/// The proxy by which this machine's apt reaches its mirrors.
pub(crate) fn proxy() -> Option<String> {
    let text = Run::new("apt-config")
        .args(["shell", "P", "Acquire::http::Proxy"])
        .read()
        .ok()?;
    let value = text.trim().strip_prefix("P='")?.strip_suffix('\'')?;
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_read_from_both_forms_of_source_files() {
        let stanza = "Types: deb\n# x\nURIs: http://mirror.example/debian-security\nSuites: bookworm-security\n\
            Components: main\n\nTypes: deb\nURIs: http://mirror.example/debian\n\
            Suites: bookworm bookworm-updates\nComponents: main contrib\n";
        assert_eq!(
            mirror_in(stanza, "bookworm").unwrap(),
            "http://mirror.example/debian"
        );
        let lines = "# deb http://no.example x main\ndeb http://other.example/apt nodistro main\n\
            deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main\n";
        assert_eq!(
            mirror_in(lines, "bookworm").unwrap(),
            "http://mirror.example/debian"
        );
        assert_eq!(mirror_in(lines, "trixie"), None);
    }
}
