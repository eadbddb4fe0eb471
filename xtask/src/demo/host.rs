//! A repository and the built program that fills it: the commands of the demo.

use crate::image::compare::{self, Compared, Rule};
use crate::image::labels;
use crate::run::{Cost, Run};
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// The mode of the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum RepoMode {
    /// As on a host: files as they are, for root.
    Bare,
    /// For anyone: owners and attributes stand in an attribute of their own.
    BareUser,
    /// Compressed, for serving.
    Archive,
}

impl RepoMode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::BareUser => "bare-user",
            Self::Archive => "archive",
        }
    }
}

/// The ordinary user that root becomes where no root is needed.
const NOBODY: u32 = 65534;

#[derive(Debug)]
pub(crate) struct Host {
    program: PathBuf,
    folder: PathBuf,
    mode: RepoMode,
}

impl Host {
    /// An empty folder for the repository, which the first pull makes.
    pub(crate) fn new(program: &Path, scratch: &Path, mode: RepoMode) -> Result<Self> {
        let folder = scratch.join("host");
        remove(&folder)?;
        fs::create_dir(&folder)?;
        let host = Self {
            program: program.to_owned(),
            folder,
            mode,
        };
        if host.gives_up_root() {
            std::os::unix::fs::chown(&host.folder, Some(NOBODY), Some(NOBODY))?;
        }
        Ok(host)
    }

    /// bare needs root, and the others must not.
    fn gives_up_root(&self) -> bool {
        is_root() && self.mode != RepoMode::Bare
    }

    fn repo(&self) -> PathBuf {
        self.folder.join("repo")
    }

    /// The program with these arguments, as the user whom this mode is for.
    fn image<const N: usize>(&self, arguments: [&str; N]) -> Run {
        self.program("image", arguments)
    }

    pub(super) fn composefs_verb<const N: usize>(&self, arguments: [&str; N]) -> Run {
        self.program("composefs", arguments)
    }

    pub(super) const fn mode(&self) -> RepoMode {
        self.mode
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn selinux<const N: usize>(&self, arguments: [&str; N]) -> Run {
        self.program("selinux", arguments)
    }

    fn program<const N: usize>(&self, noun: &str, arguments: [&str; N]) -> Run {
        let run = if self.gives_up_root() {
            let user = NOBODY.to_string();
            Run::new("setpriv")
                .args(["--reuid", &user, "--regid", &user, "--clear-groups"])
                .arg(&self.program)
                // As a login gives them: skopeo looks for credentials there.
                .env("HOME", &self.folder)
                .env("XDG_RUNTIME_DIR", &self.folder)
        } else {
            Run::new(&self.program)
        };
        let [verb, others @ ..] = arguments.as_slice() else {
            return run;
        };
        run.args([noun, verb])
            .arg("--repo")
            .arg(self.repo())
            .args(others)
    }

    pub(crate) fn pull(&self, reference: &str) -> Result<Cost> {
        let pull = self.image(["pull", "--repo-mode", self.mode.name()]);
        let loopback = reference.starts_with("docker://127.0.0.1:");
        let insecure = loopback.then_some("--insecure-skip-tls-verification");
        timed(&pull.args(insecure).arg(reference))
    }

    /// What the next pull would do.
    pub(crate) fn plan(&self, reference: &str) -> Result<Cost> {
        let loopback = reference.starts_with("docker://127.0.0.1:");
        let insecure = loopback.then_some("--insecure-skip-tls-verification");
        timed(
            &self
                .image(["pull", "--dry-run"])
                .args(insecure)
                .arg(reference),
        )
    }

    pub(crate) fn look(&self, reference: &str) -> Result<()> {
        timed(&self.image(["list"]))?;
        timed(&self.image(["inspect", reference]))?;
        timed(&self.image(["history", reference]))?;
        Ok(())
    }

    pub(crate) fn list(&self) -> Result<()> {
        timed(&self.image(["list"]))?;
        timed(&self.image(["list", "--format", "json"]))?;
        Ok(())
    }

    /// Our own check, and the reference's.
    pub(crate) fn check(&self, reference: &str) -> Result<()> {
        timed(&self.image(["check", reference]))?;
        timed(
            &Run::new("ostree")
                .args(["fsck", "--quiet"])
                .arg(self.option()),
        )?;
        Ok(())
    }

    /// Every label is the image's own policy's; where one comes from.
    pub(crate) fn labels(&self, reference: &str) -> Result<()> {
        timed(&self.selinux(["check", reference]))?;
        timed(&self.selinux(["lookup", reference, "/etc/shadow", "/usr/sbin/sshd"]))?;
        Ok(())
    }

    /// Kernel, initramfs and configuration stand where a boot looks for them.
    pub(crate) fn bootable(&self) -> Result<()> {
        let list = |folder: &str| {
            let listing = Run::new("ostree")
                .arg("ls")
                .arg(self.option())
                .arg(self.merge_ref()?)
                .arg(folder);
            listing
                .read()
                .with_context(|| format!("{folder} is missing in the commit"))
        };
        let modules = list("/usr/lib/modules")?;
        let kernel = modules
            .lines()
            .filter_map(|line| line.rsplit(' ').next())
            .nth(1);
        let kernel = kernel.context("no kernel in /usr/lib/modules")?;
        for name in ["vmlinuz", "initramfs.img"] {
            list(&format!("{kernel}/{name}"))?;
        }
        for name in [
            "/usr/etc/os-release",
            "/usr/lib/systemd/systemd",
            "/sysroot",
            "/ostree",
        ] {
            list(name)?;
        }
        println!(
            "  bootable shape: {kernel}/{{vmlinuz,initramfs.img}}, /usr/etc, /sysroot, /ostree"
        );
        Ok(())
    }

    pub(super) fn option(&self) -> String {
        format!("--repo={}", self.repo().display())
    }

    /// The one ref below which the image's commit stands.
    pub(super) fn merge_ref(&self) -> Result<String> {
        let refs = Run::new("ostree").arg("refs").arg(self.option()).read()?;
        let images: Vec<_> = refs
            .lines()
            .filter(|name| name.starts_with("ostree/container/image/"))
            .collect();
        match images.as_slice() {
            [one] => Ok((*one).to_owned()),
            others => bail!(
                "one image was expected in the repository, and there are {}",
                others.len()
            ),
        }
    }

    /// Checks the image out again with the reference, and compares it with an unpacked one.
    pub(crate) fn compare(&self, unpacked: &Path) -> Result<Compared> {
        let checkout = self.folder.with_file_name("checkout");
        remove(&checkout)?;
        let command = Run::new("ostree").arg("checkout").arg(self.option());
        let user = (!is_root()).then_some("--user-mode");
        timed(&command.args(user).arg(self.merge_ref()?).arg(&checkout))?;
        println!("# {} against {}", checkout.display(), unpacked.display());
        let compared = compare::trees(
            unpacked,
            &checkout,
            Rule {
                owners: is_root(),
                // These are the policy's, not the layers'.
                labels: false,
            },
        )?;
        println!("  equal: {compared}");
        // An ordinary user may set no labels on a checkout.
        if is_root() {
            let labels = labels::hold(&checkout)?;
            println!("  {labels} labels: each is what libselinux says of its path");
        }
        remove(&checkout)?;
        Ok(compared)
    }
}

/// Runs a command and says what it cost.
pub(crate) fn timed(run: &Run) -> Result<Cost> {
    println!();
    let cost = run.run()?;
    println!("  {cost}");
    Ok(cost)
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Removes a folder if there is one.
pub(crate) fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    Ok(())
}
