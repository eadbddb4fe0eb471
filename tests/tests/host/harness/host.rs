//! A host on a disk that nothing was booted from, as an installer or a rescue system sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use whole_program_tests::{Run, program, run, tool};

use super::entries::{Deployed, boot_order};
use super::{Disk, Shelf};

/// Room for a few tiny systems.
const BYTES: u64 = 256 * 1024 * 1024;

/// A host's disk.
#[derive(Debug)]
pub(crate) struct Host {
    disk: Disk,
}

impl Host {
    /// An empty disk.
    pub(crate) fn empty() -> Self {
        Self {
            disk: Disk::new(BYTES),
        }
    }

    /// A host that `host init` made.
    pub(crate) fn new() -> Self {
        let host = Self::empty();
        host.ours(["init"]).ok();
        host
    }

    /// A host with images of these versions deployed from `os:latest`, one after the other.
    pub(crate) fn with(shelf: &Shelf, versions: &[&str]) -> Self {
        let host = Self::new();
        for version in versions {
            shelf.point("latest", version);
            host.ours(["deploy", &shelf.name("latest")]).ok();
        }
        host
    }

    /// Where the disk is mounted.
    pub(crate) fn root(&self) -> PathBuf {
        self.disk.path()
    }

    /// A folder that is not on the disk.
    pub(crate) fn beside(&self) -> &Path {
        self.disk.beside()
    }

    /// `bootc-storage host ARGUMENTS`, not yet started.
    pub(crate) fn command<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut command = Command::new(program());
        command.arg("host").args(arguments);
        command.arg("--sysroot").arg(self.root());
        command
    }

    /// `bootc-storage host ARGUMENTS`.
    pub(crate) fn ours<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Run {
        run(&mut self.command(arguments))
    }

    /// The result of a verb that must succeed.
    #[track_caller]
    pub(crate) fn json<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Value {
        let mut command = self.command(arguments);
        run(command.args(["--format", "json"])).ok().json()
    }

    /// `ostree admin ARGUMENTS`, which must succeed; its standard output.
    #[track_caller]
    pub(crate) fn admin(&self, arguments: &[&str]) -> String {
        let sysroot = format!("--sysroot={}", self.root().display());
        let mut words = vec!["admin"];
        words.extend(arguments);
        words.push(&sysroot);
        tool("ostree", words)
    }

    /// `ostree ARGUMENTS` on the host's repository, which must succeed; its standard output.
    #[track_caller]
    pub(crate) fn ostree(&self, arguments: &[&str]) -> String {
        let repo = format!("--repo={}", self.root().join("ostree/repo").display());
        let mut words = vec![repo.as_str()];
        words.extend(arguments);
        tool("ostree", words)
    }

    /// All refs and their commits.
    pub(crate) fn refs(&self) -> BTreeMap<String, String> {
        let names = self.ostree(&["refs"]);
        let commit = |name: &str| self.ostree(&["rev-parse", name]).trim().to_owned();
        let refs = names.lines().map(|name| (name.to_owned(), commit(name)));
        refs.collect()
    }

    /// Takes away a ref's file, as no program would.
    pub(crate) fn remove_ref(&self, name: &str) {
        let heads = self.root().join("ostree/repo/refs/heads");
        std::fs::remove_file(heads.join(name)).unwrap();
    }

    /// The file of a commit object.
    pub(crate) fn commit_file(&self, commit: &str) -> PathBuf {
        let (shard, name) = commit.split_at(2);
        let objects = self.root().join("ostree/repo/objects");
        objects.join(shard).join(format!("{name}.commit"))
    }

    /// Names of refs below a prefix, without it.
    pub(crate) fn refs_below(&self, prefix: &str) -> Vec<String> {
        let refs = self.refs().into_keys();
        refs.filter_map(|name| name.strip_prefix(prefix).map(str::to_owned))
            .collect()
    }

    /// What boots, first to last. Whatever else speaks of the deployments says the same, or this fails: `ostree admin
    /// status`, the refs that keep their commits, the directories that are there.
    #[track_caller]
    pub(crate) fn boot_order(&self) -> Vec<Deployed> {
        let order = boot_order(&self.root());
        let names: Vec<String> = order
            .iter()
            .map(|one| format!("{} {}.{}", one.stateroot, one.commit, one.serial))
            .collect();
        assert_eq!(self.admin_status(), names, "ostree admin status");
        let commits = order.iter().map(|one| one.commit.clone()).collect();
        assert_eq!(self.refs_of_deployments(), commits, "refs of deployments");
        order
    }

    /// What boots, first to last, and nothing else is asked.
    pub(crate) fn entries(&self) -> Vec<Deployed> {
        boot_order(&self.root())
    }

    /// Commits that libostree keeps for deployments.
    pub(crate) fn refs_of_deployments(&self) -> BTreeSet<String> {
        let of_deployment = |name: &str| {
            let rest = name.strip_prefix("ostree/");
            rest.is_some_and(|rest| rest.starts_with(['0', '1']))
        };
        let refs = self.refs().into_iter();
        refs.filter(|(name, _)| of_deployment(name))
            .map(|(_, commit)| commit)
            .collect()
    }

    /// Versions in the order in which they boot, by their `/usr`.
    #[track_caller]
    pub(crate) fn versions(&self) -> Vec<String> {
        let order = self.boot_order();
        order.iter().map(|one| one.read("usr/version")).collect()
    }

    /// `STATEROOT COMMIT.SERIAL` of each line of `ostree admin status` that names a deployment in the boot order.
    #[track_caller]
    pub(crate) fn admin_status(&self) -> Vec<String> {
        let text = self.admin(&["status"]);
        let lines = text.lines().map(|line| line.trim_start_matches(['*', ' ']));
        lines
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                let (stateroot, name) = (words.next()?, words.next()?);
                let (commit, _) = name.split_once('.')?;
                (commit.len() == 64).then(|| format!("{stateroot} {name}"))
            })
            .collect()
    }

    /// Nothing of the repository is damaged.
    #[track_caller]
    pub(crate) fn fsck(&self) {
        self.ostree(&["fsck", "--quiet"]);
    }
}
