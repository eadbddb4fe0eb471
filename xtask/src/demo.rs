//! The demo: a real image made, pulled, looked at, checked, updated and compared, each command shown.

mod channel;
mod composefs;
mod host;
mod unpack;

use crate::image::debian;
use crate::packages::Need;
use crate::reference;
use crate::run::{Cost, Run, bytes};
use crate::setup;
use anyhow::{Context as _, Result, bail};
use channel::{Channel, Via};
use host::{Host, RepoMode, is_root};
use std::path::{Path, PathBuf};

/// The promise that the demo holds the program to.
const MOST_MEMORY_BYTES: u64 = 150_000_000;

/// What the demo should do.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// An image from anywhere, in place of the demo's own.
    reference: Option<String>,
    /// Modes of the repositories [default: as root bare and, for the demo's own image, bare-user; else bare-user].
    #[arg(long, value_enum, value_delimiter = ',')]
    repo_mode: Vec<RepoMode>,
    /// Ways to the image [default: oci].
    #[arg(long, value_enum, value_delimiter = ',')]
    via: Vec<Via>,
    /// Every mode and every way.
    #[arg(long, conflicts_with_all = ["repo_mode", "via"])]
    all: bool,
    /// Keep the repository of the last run, and say where it is.
    #[arg(long)]
    keep: bool,
    /// Only make the demo's image (as root), and say where it is.
    #[arg(long)]
    image_only: bool,
    /// Where the image is kept between runs [default: $XDG_CACHE_HOME/bootc-storage, or target].
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
    /// Where the repositories are made; several GB [default: $TMPDIR, or /var/tmp].
    #[arg(long, value_name = "FOLDER")]
    scratch: Option<PathBuf>,
    /// Debian release of the image [default: the machine's own, else bookworm].
    #[arg(long)]
    suite: Option<String>,
    /// Debian mirror to take packages from [default: the machine's own].
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
}

/// One line of the table at the end.
#[derive(Debug)]
struct Round {
    mode: RepoMode,
    via: Via,
    pull: Cost,
    unchanged: Cost,
    update: Cost,
    compared: u64,
}

/// Runs it; an error if anything went other than expected.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup::ensure(&[Need::Demo])?;
    // What is made here can be read by the ordinary user whom root becomes below.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let image = || {
        let cache = options.cache.clone().unwrap_or_else(setup::cache);
        let image = debian::ensure(&cache, options.suite.as_deref(), options.mirror.as_deref())?;
        println!("the demo's image: oci:{}:v1 and :v2", image.oci().display());
        anyhow::Ok(image)
    };
    if options.image_only {
        return image().map(drop);
    }
    let scratch = Scratch::new(options)?;
    let program = build(&scratch.folder)?;
    match &options.reference {
        Some(reference) => theirs(options, reference, &program, &scratch.folder),
        None => ours(options, &image()?, &program, &scratch.folder),
    }
}

/// The program, where any user can start it.
fn build(scratch: &Path) -> Result<PathBuf> {
    Run::new("cargo")
        .args([
            "build",
            "--release",
            "--locked",
            "--package",
            "bootc-storage-cli",
        ])
        .run()?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let program = scratch.join("bootc-storage");
    std::fs::copy(target.join("release/bootc-storage"), &program)
        .context("taking the built program")?;
    Ok(program)
}

/// An image of which nothing is known beforehand.
fn theirs(options: &Options, reference: &str, program: &Path, scratch: &Path) -> Result<()> {
    let mut modes = options.modes();
    if options.repo_mode.is_empty() {
        // An ordinary user need not be able to read what root named.
        modes.truncate(1);
    }
    for mode in modes {
        println!("\n## {} by {}", reference, who(mode));
        let host = Host::new(program, scratch, mode)?;
        host.plan(reference)?;
        host.pull(reference)?;
        host.look(reference)?;
        host.check(reference)?;
        host.pull(reference)?;
    }
    Ok(())
}

/// The demo's own image: all that is promised of it is held.
fn ours(options: &Options, image: &debian::Image, program: &Path, scratch: &Path) -> Result<()> {
    if is_root() {
        reference::ensure()?;
    }
    let mut channel = Channel::new(image, scratch)?;
    println!("\n## The image unpacked by umoci, to compare with");
    let unpacked = unpack::versions(image, scratch)?;
    let mut rounds = Vec::new();
    for via in options.ways() {
        for mode in options.modes() {
            println!("\n## {} into {} by {}", via.name(), mode.name(), who(mode));
            let host = Host::new(program, scratch, mode)?;
            rounds.push(round(&host, mode, via, &mut channel, &unpacked, scratch)?);
        }
    }
    table(&rounds);
    let most = rounds
        .iter()
        .flat_map(|r| [&r.pull, &r.update])
        .map(|cost| cost.peak_bytes)
        .max();
    if most.is_some_and(|most| most > MOST_MEMORY_BYTES) {
        bail!("a pull took more memory than {}", bytes(MOST_MEMORY_BYTES));
    }
    Ok(())
}

fn round(
    host: &Host,
    mode: RepoMode,
    via: Via,
    channel: &mut Channel,
    unpacked: &[PathBuf; 2],
    scratch: &Path,
) -> Result<Round> {
    channel.publish(1, via, scratch)?;
    let reference = channel.reference(via);
    let pull = host.pull(&reference)?;
    host.look(&reference)?;
    host.check(&reference)?;
    host.labels(&reference)?;
    host.bootable()?;
    host.composefs(&reference)?;
    host.compare(&unpacked[0])?;
    let unchanged = host.pull(&reference)?;
    channel.publish(2, via, scratch)?;
    host.plan(&reference)?;
    let update = host.pull(&reference)?;
    host.list()?;
    host.check(&reference)?;
    host.labels(&reference)?;
    host.bootable()?;
    host.composefs(&reference)?;
    let compared = host.compare(&unpacked[1])?;
    Ok(Round {
        mode,
        via,
        pull,
        unchanged,
        update,
        compared: compared.entries(),
    })
}

fn table(rounds: &[Round]) {
    println!(
        "\nPeak memory is that of the program; of its child processes (skopeo) in brackets.\n"
    );
    println!(
        "{:<12} {:<10} {:>9} {:>21} {:>9} {:>9} {:>9}",
        "way", "mode", "pull", "peak memory", "unchanged", "update", "equal"
    );
    for round in rounds {
        let seconds = |cost: &Cost| format!("{:.1} s", cost.wall.as_secs_f64());
        let most = |of: fn(&Cost) -> u64| bytes(of(&round.pull).max(of(&round.update)));
        let memory = format!(
            "{} ({})",
            most(|c| c.peak_bytes),
            most(|c| c.children_peak_bytes)
        );
        println!(
            "{:<12} {:<10} {:>9} {:>21} {:>9} {:>9} {:>9}",
            round.via.name(),
            round.mode.name(),
            seconds(&round.pull),
            memory,
            seconds(&round.unchanged),
            seconds(&round.update),
            round.compared
        );
    }
}

impl Options {
    fn modes(&self) -> Vec<RepoMode> {
        match (self.all, is_root()) {
            (true, true) => vec![RepoMode::Bare, RepoMode::BareUser, RepoMode::Archive],
            (true, false) => vec![RepoMode::BareUser, RepoMode::Archive],
            (false, _) if !self.repo_mode.is_empty() => self.repo_mode.clone(),
            (false, true) => vec![RepoMode::Bare, RepoMode::BareUser],
            (false, false) => vec![RepoMode::BareUser],
        }
    }

    fn ways(&self) -> Vec<Via> {
        if self.all {
            return vec![Via::Oci, Via::OciArchive, Via::Registry];
        }
        if self.via.is_empty() {
            vec![Via::Oci]
        } else {
            self.via.clone()
        }
    }
}

fn who(mode: RepoMode) -> &'static str {
    match (is_root(), mode) {
        (true, RepoMode::Bare) => "root",
        _ => "an ordinary user",
    }
}

/// A folder that goes when the demo ends, however it ends.
struct Scratch {
    folder: PathBuf,
    keep: bool,
}

impl Scratch {
    fn new(options: &Options) -> Result<Self> {
        let environment = std::env::var_os("TMPDIR").map(PathBuf::from);
        let parent = options
            .scratch
            .clone()
            .or(environment)
            .unwrap_or_else(|| "/var/tmp".into());
        let folder = parent.join(format!("bootc-storage-demo-{}", std::process::id()));
        std::fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
        Ok(Self {
            folder,
            keep: options.keep,
        })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.keep {
            println!("kept: {}", self.folder.display());
        } else if let Err(error) = host::remove(&self.folder) {
            println!("{error:#}");
        }
    }
}
