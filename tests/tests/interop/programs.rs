//! The programs that the tests run: the peer, ours, ostree.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use whole_program_tests::{program, run, tool};

/// ostree-ext's program; built on first use, once for all test processes (cargo's own lock keeps others waiting).
fn peer_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let this = env::current_exe().expect("a test knows its own executable");
        let target = this
            .ancestors()
            .nth(3)
            .expect("tests lie in target/PROFILE/deps");
        let folder = target.join("peers");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/ostree-ext/Cargo.toml");
        let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.args([
            "build",
            "--quiet",
            "--release",
            "--locked",
            "--manifest-path",
        ]);
        build.arg(source).arg("--target-dir").arg(&folder);
        let status = build.status().expect("cargo runs");
        assert!(
            status.success(),
            "the peer ostree-ext did not build; it needs libostree-dev, libssl-dev and libzstd-dev"
        );
        folder.join("release/ostree-ext-cli")
    })
}

/// `ostree-ext-cli ARGUMENTS` must succeed; its standard output.
#[track_caller]
pub(crate) fn peer<A: AsRef<OsStr>>(arguments: &[A]) -> String {
    run(Command::new(peer_program()).args(arguments))
        .ok()
        .stdout
}

/// `ostree-ext-cli ARGUMENTS` must fail; what it says on standard error.
#[track_caller]
pub(crate) fn peer_error<A: AsRef<OsStr>>(arguments: &[A]) -> String {
    run(Command::new(peer_program()).args(arguments))
        .failed()
        .stderr
}

/// `bootc-storage ARGUMENTS` must succeed; its standard output.
#[track_caller]
pub(crate) fn ours<A: AsRef<OsStr>>(arguments: &[A]) -> String {
    run(Command::new(program()).args(arguments)).ok().stdout
}

/// `ostree ARGUMENTS` must succeed; its standard output.
#[track_caller]
pub(crate) fn ostree<A: AsRef<OsStr>>(arguments: &[A]) -> String {
    tool("ostree", arguments)
}

/// A bare repository in a temporary folder.
#[derive(Debug)]
pub(crate) struct BareRepo {
    folder: tempfile::TempDir,
}

impl BareRepo {
    pub(crate) fn new() -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "the interop tests write bare repositories, which only root can: run them as root"
        );
        // Not a memory file system: these hold no user.* attributes on older kernels.
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        let repo = Self { folder };
        ostree(&[&repo.option(), "init", "--mode=bare"]);
        repo
    }

    pub(crate) fn path(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    /// `--repo=PATH`
    pub(crate) fn option(&self) -> String {
        format!("--repo={}", self.path())
    }

    /// Every ref below `prefix`.
    pub(crate) fn refs(&self, prefix: &str) -> Vec<String> {
        let text = ostree(&[self.option().as_str(), "refs"]);
        let refs = text.lines().filter(|name| name.starts_with(prefix));
        let mut refs: Vec<String> = refs.map(str::to_owned).collect();
        refs.sort();
        refs
    }

    /// The one image ref; there must be exactly one.
    pub(crate) fn image_ref(&self) -> String {
        let mut refs = self.refs("ostree/container/image/");
        assert_eq!(refs.len(), 1, "{refs:?}");
        refs.remove(0)
    }

    /// Dirtree and dirmeta checksum of the root of `commit`.
    pub(crate) fn root(&self, commit: &str) -> (String, String) {
        let text = ostree(&[&self.option(), "ls", "-d", "-C", commit, "/"]);
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            [_mode, _uid, _gid, _size, tree, meta, "/"] => ((*tree).to_owned(), (*meta).to_owned()),
            _ => panic!("unknown form of `ostree ls`: {text}"),
        }
    }

    /// Every path of `commit` with its metadata, xattrs and file checksum.
    pub(crate) fn listing(&self, commit: &str) -> String {
        ostree(&[&self.option(), "ls", "-R", "-C", "-X", commit])
    }

    /// The paths of `commit`.
    pub(crate) fn paths(&self, commit: &str) -> Vec<String> {
        let text = ostree(&[&self.option(), "ls", "-R", "--nul-filenames-only", commit]);
        let paths = text.split('\0').filter(|path| !path.is_empty());
        let mut paths: Vec<String> = paths.map(str::to_owned).collect();
        paths.sort();
        paths
    }

    /// `ostree fsck` finds nothing.
    pub(crate) fn fsck(&self) {
        ostree(&[self.option().as_str(), "fsck", "--quiet"]);
    }
}
