//! The bench: ours, its peers and what the machine can do, side by side, in one run.

mod bars;
mod chain;
mod contestant;
mod disk;
mod dump;
mod encapsulated;
mod inputs;
mod limit;
mod machine;
mod measure;
mod network;
mod objects;
mod pack;
mod parts;
mod programs;
mod report;
mod scratch;
mod syncs;
mod synthetic;
mod throttle;
mod trees;
mod verdict;

use crate::packages::Need;
use crate::setup;
use anyhow::{Context as _, Result, bail};
use bars::Bar;
use chain::{Case, Chain};
use contestant::{Contestant, Step};
use inputs::{Input, Inputs, Kind, LAYER_COUNTS};
use machine::Machine;
use programs::Programs;
use scratch::Scratch;
use std::path::PathBuf;
use std::process::ExitCode;

pub(crate) use limit::{Options as LimitOptions, run as limit};

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Name {
    /// Twelve plain layers: first pull, no-op, flatten only, update, prune.
    PlainGzip,
    PlainZstd,
    /// The base as an ostree commit in chunks, two layers on top.
    EncapsulatedGzip,
    EncapsulatedZstd,
    /// The same content in 1, 12 and 100 layers.
    Layers,
    /// 10,000 to a million small files.
    Growth,
    /// From a registry behind a slow network.
    Registry,
}

const ALL: [Name; 7] = [
    Name::PlainGzip,
    Name::PlainZstd,
    Name::EncapsulatedGzip,
    Name::EncapsulatedZstd,
    Name::Layers,
    Name::Growth,
    Name::Registry,
];

const SIZES: [u64; 4] = [10_000, 50_000, 250_000, 1_000_000];
const SMALL_SIZES: [u64; 2] = [1_000, 4_000];

/// What should be measured, and how.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub(crate) struct Options {
    /// Only these cases [default: all].
    #[arg(value_enum)]
    cases: Vec<Name>,
    /// Only these steps [default: all that the contestants can].
    #[arg(long, value_enum, value_delimiter = ',')]
    steps: Vec<Step>,
    /// Measured runs of each.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Small images and one round: to see that the bench works. Its figures mean nothing.
    #[arg(long)]
    quick: bool,
    /// Only ours and the limit program.
    #[arg(long)]
    no_peers: bool,
    /// Neither compare results nor count syncs: no ratio is printed then.
    #[arg(long)]
    no_check: bool,
    /// Keep the disk of the last run, and say where it is.
    #[arg(long)]
    keep: bool,
    /// Write the results as JSON, each run's figures too, to a file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where the images are kept between runs [default: $XDG_CACHE_HOME/bootc-storage, or target].
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
    /// Where the disks are made; 10 GB [default: $TMPDIR, or /var/tmp].
    #[arg(long, value_name = "FOLDER")]
    scratch: Option<PathBuf>,
}

/// All that was found.
#[derive(Debug, serde::Serialize)]
struct Results {
    machine: Machine,
    rounds: usize,
    quick: bool,
    cases: Vec<Case>,
    network: Vec<network::Transfer>,
    bars: Vec<Bar>,
}

/// Measures, prints; failure if a bar does not hold.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    setup::ensure(&[Need::Bench])?;
    if !rustix::process::geteuid().is_root() {
        bail!("the bench makes and mounts file systems: run it as root");
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let programs = Programs::build()?;
    let cache = std::path::absolute(options.cache.clone().unwrap_or_else(setup::cache))?;
    let environment = std::env::var_os("TMPDIR").map(PathBuf::from);
    let parent = options
        .scratch
        .clone()
        .or(environment)
        .unwrap_or_else(|| "/var/tmp".into());
    let bench = Bench {
        options,
        inputs: Inputs::ensure(&cache, options.quick, &programs)?,
        programs,
        scratch: Scratch::new(&std::path::absolute(parent)?, options.keep)?,
    };
    let mut results = Results {
        machine: Machine::look(),
        rounds: options.rounds(),
        quick: options.quick,
        cases: Vec::new(),
        network: Vec::new(),
        bars: Vec::new(),
    };
    for name in ALL {
        if options.cases.is_empty() || options.cases.contains(&name) {
            bench.case(name, &mut results)?;
        }
    }
    results.machine.look_again();
    options.print(&results)?;
    let good = options.quick || results.bars.iter().all(|bar| bar.holds);
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Options {
    fn rounds(&self) -> usize {
        if self.quick { 1 } else { self.rounds.max(1) }
    }

    fn steps(&self) -> Vec<Step> {
        if self.steps.is_empty() {
            use clap::ValueEnum as _;
            Step::value_variants().to_vec()
        } else {
            self.steps.clone()
        }
    }

    fn print(&self, results: &Results) -> Result<()> {
        if let Some(file) = &self.json {
            let text = serde_json::to_string_pretty(results)?;
            std::fs::write(file, text).with_context(|| file.display().to_string())?;
        }
        report::print(results);
        Ok(())
    }
}

struct Bench<'a> {
    options: &'a Options,
    programs: Programs,
    inputs: Inputs,
    scratch: Scratch,
}

impl Bench<'_> {
    fn case(&self, name: Name, results: &mut Results) -> Result<()> {
        use Contestant::{
            Composefs, Limit, OstreeExt, Ours, OursFromRegistry, OursWithoutDigest,
            OursWithoutLabels, Tar, Umoci,
        };
        let image = |kind, contestants: &[Contestant]| self.image(kind, contestants);
        let case = match name {
            Name::PlainGzip => image(
                Kind::PlainGzip,
                &[
                    Ours,
                    OursWithoutLabels,
                    OursWithoutDigest,
                    OursFromRegistry,
                    Limit,
                    Tar,
                    Composefs,
                    Umoci,
                ],
            )?,
            Name::PlainZstd => image(Kind::PlainZstd, &[Ours, Limit, Tar, Composefs])?,
            Name::EncapsulatedGzip => image(Kind::EncapsulatedGzip, &[Ours, Limit, OstreeExt])?,
            Name::EncapsulatedZstd => image(Kind::EncapsulatedZstd, &[Ours, Limit])?,
            Name::Layers => return self.layers(results),
            Name::Growth => return self.growth(results),
            Name::Registry => {
                let input = self.inputs.get(Kind::PlainGzip)?;
                let rounds = self.options.rounds();
                let transfers = network::run(&input, &self.programs, &self.scratch, rounds)?;
                let bars = transfers.iter().flat_map(bars::of_network);
                results.bars.extend(bars);
                results.network = transfers;
                return Ok(());
            }
        };
        results.bars.extend(bars::of_case(&case));
        results.cases.push(case);
        Ok(())
    }

    fn image(&self, kind: Kind, contestants: &[Contestant]) -> Result<Case> {
        let input = self.inputs.get(kind)?;
        let mut contestants = contestants.to_vec();
        if self.options.no_peers {
            contestants.retain(|who| who.is_ours_alone() || *who == Contestant::Limit);
        }
        let encapsulated = matches!(kind, Kind::EncapsulatedGzip | Kind::EncapsulatedZstd);
        let steps = self.options.steps();
        self.chain(kind.name(), &input, &contestants, &steps, encapsulated)
    }

    fn chain(
        &self,
        name: String,
        input: &Input,
        contestants: &[Contestant],
        steps: &[Step],
        encapsulated: bool,
    ) -> Result<Case> {
        let chain = Chain {
            name,
            input,
            programs: &self.programs,
            scratch: &self.scratch,
            contestants,
            steps,
            rounds: self.options.rounds(),
            encapsulated,
            checked: !self.options.no_check,
        };
        chain.run()
    }

    fn layers(&self, results: &mut Results) -> Result<()> {
        let mut counts = Vec::new();
        for count in LAYER_COUNTS {
            let kind = Kind::Layers(count);
            let input = self.inputs.get(kind)?;
            let case = self.chain(
                kind.name(),
                &input,
                &[Contestant::Ours],
                &[Step::First],
                false,
            )?;
            counts.push((count, case));
        }
        results.bars.extend(bars::of_layers(&counts));
        results
            .cases
            .extend(counts.into_iter().map(|(_, case)| case));
        Ok(())
    }

    fn growth(&self, results: &mut Results) -> Result<()> {
        let sizes = if self.options.quick {
            &SMALL_SIZES[..]
        } else {
            &SIZES[..]
        };
        let mut cases = Vec::new();
        for files in sizes {
            let input = synthetic::ensure(&self.inputs.synthetic(), *files)?;
            let name = format!("files-{files}");
            let contestants = [Contestant::Ours, Contestant::Limit];
            let case = self.chain(name, &input, &contestants, &[Step::First], false)?;
            cases.push((*files, case));
        }
        results.bars.extend(bars::of_growth(&cases));
        results
            .cases
            .extend(cases.into_iter().map(|(_, case)| case));
        Ok(())
    }
}
