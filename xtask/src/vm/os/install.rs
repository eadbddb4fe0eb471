//! Our program installs the first version on a disk, and says beforehand what will run.

use super::InstalledBy;
use super::disk::{self, Disk};
use super::images::Images;
use super::packages::OsRoot;
use crate::run::Run;
use crate::vm::expectations::Results;
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the host looks for its next version.
pub(super) const TARGET: &str = "docker://registry.test/vmtest/os:latest";

/// The ref of a host that knows no images.
const PLAIN: &str = "vmtest/plain";

const KERNEL_ARGUMENTS: [&str; 9] = [
    "root=LABEL=root",
    "rw",
    "console=ttyS0",
    "security=selinux",
    "selinux=1",
    "enforcing=0",
    "mitigations=off",
    "audit=0",
    "panic=-1",
];

/// What is installed, by what, and a folder to work in.
#[derive(Debug)]
pub(super) struct Installer<'a> {
    pub(super) program: &'a Path,
    pub(super) os: &'a OsRoot,
    pub(super) images: &'a Images,
    pub(super) work: &'a Path,
}

impl Installer<'_> {
    /// What the images will be on a host: their digests and commits, computed in a repository that no guest sees.
    pub(super) fn foretell(&self) -> Result<Results> {
        let mut facts = Results::new();
        let repository = self.work.join("foretold");
        for version in [1, 2] {
            let reference = self.images.reference(&format!("v{version}"));
            let ours = |verb: [&str; 2]| {
                let option = ["--quiet", "--repo"];
                let run = Run::new(self.program).args(option).arg(&repository);
                run.args(verb).arg(&reference)
            };
            let pulled = document(&ours(["image", "pull"]).arg("--json"))?;
            let digest = document(&ours(["composefs", "digest"]).arg("--json"))?;
            let dump = ours(["composefs", "dump"]).read()?;
            let mut fact = |name: &str, value: &Value| {
                let text = value.as_str().with_context(|| format!("no {name}"))?;
                facts.insert(format!("host.{name}-{version}"), text.to_owned());
                anyhow::Ok(())
            };
            fact("commit", &pulled["mergeCommit"])?;
            fact("image", &pulled["manifestDigest"])?;
            fact("verity-digest", &digest["digest"])?;
            fact("digest", &self.unverified(&dump)?["digest"])?;
        }
        fs::remove_dir_all(&repository)?;
        Ok(facts)
    }

    /// The image without the digests of files, as libostree makes it where nothing is verified.
    fn unverified(&self, dump: &str) -> Result<Value> {
        let (text, image) = (self.work.join("dump"), self.work.join("cfs"));
        fs::write(&text, without_digests(dump))?;
        let run = Run::new(self.program).args(["composefs", "build", "--json", "--from-dump"]);
        document(&run.arg(text).arg("-o").arg(image))
    }

    /// Installs the first version; the boot entry that came of it.
    pub(super) fn install(&self, disk: &Disk, by: InstalledBy) -> Result<Results> {
        let root = self.work.join("root");
        let _mounted = disk.mount(&root)?;
        disk::configure(&root.join("boot"))?;
        match by {
            InstalledBy::Us => self.by_us(&root)?,
            InstalledBy::Ostree => self.by_ostree(&root)?,
        }
        let argument = ostree_argument(&root)?;
        let link = root.join(argument.trim_start_matches('/'));
        let deployment = link.canonicalize().with_context(|| argument.clone())?;
        let name = deployment.file_name().unwrap_or_default();
        let facts = [
            ("host.ostree-argument", argument),
            ("host.deployment", name.to_string_lossy().into_owned()),
        ];
        Ok(facts.map(|(name, value)| (name.to_owned(), value)).into())
    }

    fn by_us(&self, root: &Path) -> Result<()> {
        let ours = || Run::new(self.program).arg("--sysroot").arg(root);
        ours().args(["host", "init"]).run()?;
        let mut deploy = ours().args(["--quiet", "host", "deploy", "--target", TARGET]);
        for argument in KERNEL_ARGUMENTS {
            deploy = deploy.args(["--karg", argument]);
        }
        deploy.arg(self.images.reference("v1")).run()?;
        Ok(())
    }

    /// The operating system's own ostree, in its root file system: this machine's may know no composefs.
    fn by_ostree(&self, root: &Path) -> Result<()> {
        let plain = self.work.join("plain");
        let pull = Run::new(self.program).args(["--quiet", "--json", "image", "pull"]);
        let pull = pull.args(["--repo-mode", "bare", "--repo"]).arg(&plain);
        let pulled = document(&pull.arg(self.images.reference("v1")))?;
        let commit = pulled["mergeCommit"].as_str().context("no commit")?;
        let create = format!("--create={PLAIN}");
        Run::new("ostree")
            .args(["refs", "--repo"])
            .arg(&plain)
            .args([create.as_str(), commit])
            .run()?;
        let inside = |path: &Path| {
            let below = path.strip_prefix(self.work).unwrap_or(path);
            Path::new("/machine").join(below).display().to_string()
        };
        let (sysroot, repo) = (inside(root), inside(&root.join("ostree/repo")));
        let (sysroot, repo) = (format!("--sysroot={sysroot}"), format!("--repo={repo}"));
        let kernel = KERNEL_ARGUMENTS.map(|argument| format!("--karg={argument}"));
        let deploy = ["admin", "deploy", &sysroot, "--os=default", PLAIN];
        for command in [
            vec!["admin", "init-fs", "--modern", &inside(root)],
            vec!["admin", "stateroot-init", &sysroot, "default"],
            vec!["config", &repo, "set", "sysroot.bootloader", "none"],
            vec!["config", &repo, "set", "sysroot.readonly", "true"],
            vec!["pull-local", &repo, &inside(&plain), PLAIN],
            deploy
                .into_iter()
                .chain(kernel.iter().map(String::as_str))
                .collect(),
        ] {
            self.os.run(self.work, "ostree", &command)?;
        }
        fs::remove_dir_all(&plain)?;
        Ok(())
    }
}

/// `ostree=` of the only boot entry.
fn ostree_argument(root: &Path) -> Result<String> {
    let entries: Vec<PathBuf> = fs::read_dir(root.join("boot/loader/entries"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    let entry = entries.first().context("no boot entry was written")?;
    let text = fs::read_to_string(entry)?;
    text.split_whitespace()
        .find_map(|word| word.strip_prefix("ostree=").map(str::to_owned))
        .with_context(|| format!("{text} has no ostree="))
}

fn document(run: &Run) -> Result<Value> {
    Ok(serde_json::from_str(&run.read()?)?)
}

/// The eleventh field of a line is the digest: composefs-dump(5).
fn without_digests(dump: &str) -> String {
    let lines = dump.lines().map(|line| {
        let mut fields: Vec<&str> = line.split(' ').collect();
        if let Some(digest) = fields.get_mut(10) {
            *digest = "-";
        }
        fields.join(" ") + "\n"
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::without_digests;

    #[test]
    fn only_the_digests_of_files_go() {
        let dump = "/ 0 40755 1 0 0 0 0.0 - - - user.a=b\n/x 9 100644 1 0 0 0 0.0 12/34.file - 5678 user.a=b\n";
        let text = "/ 0 40755 1 0 0 0 0.0 - - - user.a=b\n/x 9 100644 1 0 0 0 0.0 12/34.file - - user.a=b\n";
        assert_eq!(without_digests(dump), text);
    }
}
