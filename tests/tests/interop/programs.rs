//! The programs that the tests run: the peer, ours, ostree.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

/// The repository of this source tree.
fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Cargo's folder for what it builds: the one that this test program lies in.
fn target() -> PathBuf {
    let program = env::current_exe().unwrap();
    let deps = program.parent().unwrap();
    deps.parent().unwrap().to_owned()
}

fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// ostree-ext's program; built on first use, once for all test processes (cargo's own lock keeps others waiting).
fn peer_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let folder = target().parent().unwrap().join("peers");
        let mut build = cargo();
        build.args([
            "build",
            "--release",
            "--locked",
            "--quiet",
            "--manifest-path",
        ]);
        build.arg(top().join("tests/peers/ostree-ext/Cargo.toml"));
        build.arg("--target-dir").arg(&folder);
        // The peer's code is not ours to lint, and its build must not depend on who asks for it.
        build.env_remove("RUSTFLAGS");
        let status = build.status().expect("cargo runs");
        assert!(
            status.success(),
            "the peer ostree-ext did not build; it needs libostree-dev, libssl-dev and libzstd-dev"
        );
        folder.join("release/ostree-ext-cli")
    })
}

/// The program under test, as the workspace builds it.
fn our_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let mut build = cargo();
        build.args(["build", "--quiet", "--package", "bootc-storage-cli"]);
        let status = build.current_dir(top()).status().expect("cargo runs");
        assert!(status.success(), "bootc-storage did not build");
        target().join("bootc-storage")
    })
}

/// `ostree-ext-cli ARGUMENTS` must succeed; its standard output.
pub(crate) fn peer<A: AsRef<OsStr>>(arguments: &[A]) -> String {
    run(peer_program(), arguments)
}

/// `bootc-storage ARGUMENTS` must succeed; its standard output.
pub(crate) fn ours<A: AsRef<OsStr>>(arguments: &[A]) -> String {
    run(our_program(), arguments)
}

/// `ostree ARGUMENTS` must succeed; its standard output.
pub(crate) fn ostree<A: AsRef<OsStr>>(arguments: &[A]) -> String {
    run(Path::new("ostree"), arguments)
}

fn run<A: AsRef<OsStr>>(program: &Path, arguments: &[A]) -> String {
    let output = output(program, arguments);
    let words: Vec<_> = arguments
        .iter()
        .map(|word| word.as_ref().to_string_lossy())
        .collect();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{} {} failed: {}\n{stderr}",
        program.display(),
        words.join(" "),
        output.status
    );
    String::from_utf8(output.stdout).expect("the output is UTF-8")
}

/// Runs a program without asking how it ends.
pub(crate) fn output<A: AsRef<OsStr>>(program: &Path, arguments: &[A]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C");
    match command.output() {
        Ok(output) => output,
        Err(error) => panic!("running {}: {error}", program.display()),
    }
}

/// What a failing peer says on standard error.
pub(crate) fn peer_error<A: AsRef<OsStr>>(arguments: &[A]) -> String {
    let output = output(peer_program(), arguments);
    assert!(!output.status.success(), "the peer should have failed");
    String::from_utf8_lossy(&output.stderr).into_owned()
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
