//! A repository in a temporary folder, and the program working on it.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{Run, Tree, program, run, tool};

/// Mode of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Files as they are: needs root.
    Bare,
    /// Owner, mode and xattrs in an xattr.
    BareUser,
    /// Compressed.
    Archive,
}

impl Mode {
    /// As `ostree init` and the repository's config write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::BareUser => "bare-user",
            Self::Archive => "archive",
        }
    }
}

/// A repository that `ostree init` made.
#[derive(Debug)]
pub struct Repo {
    folder: TempDir,
}

impl Repo {
    /// A new, empty repository.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        let repo = Self {
            folder: tempfile::tempdir().expect("temporary folder"),
        };
        fs::create_dir(repo.path()).expect("folder of the repository");
        let mode = format!("--mode={}", mode.as_str());
        repo.ostree(["init", &mode]);
        repo
    }

    /// The repository's folder.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("repo")
    }

    /// A folder beside the repository, for whatever a test needs.
    #[must_use]
    pub fn beside(&self) -> &Path {
        self.folder.path()
    }

    /// `bootc-storage image VERB --repo … ARGUMENTS`, not yet started.
    #[must_use]
    pub fn command<A: AsRef<OsStr>>(
        &self,
        verb: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut command = Command::new(program());
        command.args(["image", verb, "--repo"]).arg(self.path());
        command.args(arguments);
        command
    }

    /// `bootc-storage image VERB --repo … ARGUMENTS`.
    #[must_use]
    pub fn image<A: AsRef<OsStr>>(
        &self,
        verb: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Run {
        run(&mut self.command(verb, arguments))
    }

    /// `bootc-storage image pull REFERENCE`, its result as JSON.
    #[must_use]
    pub fn pull(&self, reference: &str) -> Run {
        self.image("pull", ["--format", "json", reference])
    }

    /// Pulls what must be pullable; the tree of the merge commit.
    #[track_caller]
    #[must_use]
    pub fn pulled(&self, reference: &str) -> Tree {
        let json = self.pull(reference).ok().json();
        let commit = json["mergeCommit"]
            .as_str()
            .expect("mergeCommit")
            .to_owned();
        self.tree(&commit)
    }

    /// `ostree --repo=… ARGUMENTS`, which must succeed; its standard output.
    #[track_caller]
    pub fn ostree<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> String {
        let repo = format!("--repo={}", self.path().display());
        let mut words = vec![repo.into()];
        words.extend(arguments.into_iter().map(|word| word.as_ref().to_owned()));
        tool("ostree", words)
    }

    /// All refs and their commits.
    #[must_use]
    pub fn refs(&self) -> BTreeMap<String, String> {
        let names = self.ostree(["refs"]);
        names
            .lines()
            .map(|name| {
                let commit = self.ostree(["rev-parse", name]);
                (name.to_owned(), commit.trim().to_owned())
            })
            .collect()
    }

    /// The commit of a layer's ref, by the blob's digest.
    #[must_use]
    pub fn layer_commit(&self, digest: &test_images::Digest) -> Option<String> {
        let name = digest.to_string().replace(':', "_3A_");
        let file = self
            .path()
            .join("refs/heads/ostree/container/blob")
            .join(name);
        let text = fs::read_to_string(file).ok()?;
        Some(text.trim().to_owned())
    }

    /// The entries of a commit or ref.
    #[track_caller]
    #[must_use]
    pub fn tree(&self, commit: &str) -> Tree {
        Tree::parse(&self.ostree(["ls", "-R", "-C", "-X", commit, "/"]))
    }

    /// Panics unless `ostree fsck` is content and nothing of a pull is left in `tmp`.
    #[track_caller]
    pub fn check_clean(&self) {
        self.ostree(["fsck", "--quiet"]);
        let left: Vec<String> = fs::read_dir(self.path().join("tmp"))
            .expect("tmp of the repository")
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|name| name != "cache" && !name.ends_with(".lock"))
            .collect();
        assert!(left.is_empty(), "left in tmp: {left:?}");
    }
}
