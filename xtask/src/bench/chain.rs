//! One image, pulled by several contestants in turn, round by round, each step by step on a disk of its own.

use super::contestant::{Contestant, Place, Step};
use super::disk::Disk;
use super::inputs::Input;
use super::measure::{Sample, measure, median};
use super::programs::Programs;
use super::scratch::Scratch;
use super::syncs::{self, Syncs};
use super::verdict::{Reference, Verdict};
use crate::image::registry::Registry;
use anyhow::{Context as _, Result};
use std::fs;
use std::path::Path;

/// What one contestant's step cost.
#[derive(Debug, serde::Serialize)]
pub(super) struct Row {
    pub(super) who: Contestant,
    pub(super) step: Step,
    pub(super) samples: Vec<Sample>,
    pub(super) median: Sample,
    pub(super) syncs: Option<Syncs>,
    pub(super) verdict: Option<Verdict>,
    /// What stayed in the repository's `tmp`.
    pub(super) left_in_tmp: Vec<String>,
}

/// What all of them cost.
#[derive(Debug, serde::Serialize)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) rows: Vec<Row>,
    /// What the update brings, as tar.
    pub(super) new_content_bytes: u64,
}

impl Case {
    pub(super) fn row(&self, who: Contestant, step: Step) -> Option<&Row> {
        self.rows
            .iter()
            .find(|row| row.who == who && row.step == step)
    }

    /// Ours against another's: only if its result was compared with ours in this run, or cannot be.
    pub(super) fn ratio(
        &self,
        who: Contestant,
        step: Step,
        of: impl Fn(&Sample) -> f64,
    ) -> Option<f64> {
        let other = self.row(who, step)?;
        // What leaves no tree of its own stands on that of the first pull.
        let first = || self.row(who, Step::First)?.verdict.as_ref();
        let verdict = other.verdict.as_ref().or_else(first)?;
        let (ours, theirs) = (
            of(&self.row(Contestant::Ours, step)?.median),
            of(&other.median),
        );
        (verdict.allows_ratio() && theirs > 0.0).then(|| ours / theirs)
    }
}

/// What is run.
#[derive(Debug)]
pub(super) struct Chain<'a> {
    pub(super) name: String,
    pub(super) input: &'a Input,
    pub(super) programs: &'a Programs,
    pub(super) scratch: &'a Scratch,
    /// Ours first: the others are compared with it.
    pub(super) contestants: &'a [Contestant],
    pub(super) steps: &'a [Step],
    pub(super) rounds: usize,
    pub(super) encapsulated: bool,
    /// Whether results are compared and syncs counted first, in a round that is not measured.
    pub(super) checked: bool,
}

impl Chain<'_> {
    pub(super) fn run(&self) -> Result<Case> {
        println!("\n## {}", self.name);
        let registry = match self.contestants.contains(&Contestant::OursFromRegistry) {
            true => Some(Registry::start(&self.scratch.folder.join("registry"))?),
            false => None,
        };
        let mut case = Case {
            name: self.name.clone(),
            rows: Vec::new(),
            new_content_bytes: self.input.new_content_bytes,
        };
        if self.checked {
            let mut reference =
                Reference::new(&self.scratch.folder, self.contestants, self.encapsulated)?;
            for who in self.contestants {
                self.turn(*who, registry.as_ref(), &mut case, Some(&mut reference))?;
            }
        }
        for _ in 0..self.rounds {
            for who in self.contestants {
                self.turn(*who, registry.as_ref(), &mut case, None)?;
            }
        }
        for row in &mut case.rows {
            row.median = median(&row.samples);
        }
        Ok(case)
    }

    /// One contestant's steps on a fresh disk. With a reference: under strace, and judged.
    fn turn(
        &self,
        who: Contestant,
        registry: Option<&Registry>,
        case: &mut Case,
        mut reference: Option<&mut Reference>,
    ) -> Result<()> {
        self.input.warm()?;
        let disk = Disk::create(&self.scratch.folder, self.scratch.keep)?;
        let place = Place {
            programs: self.programs,
            input: self.input,
            mount: &disk.mount,
            registry: registry.filter(|_| who == Contestant::OursFromRegistry),
        };
        who.prepare(&place)?;
        disk.sync()?;
        let empty = disk.used()?;
        let log = self.scratch.folder.join("log");
        for step in who.steps().iter().filter(|step| self.steps.contains(step)) {
            let what = || format!("{}, {}: {}", self.name, who.name(), step.name());
            who.before(*step, &place).with_context(what)?;
            let command = who.command(*step, &place)?;
            let row = row(case, who, *step);
            let Some(reference) = reference.as_deref_mut() else {
                let sample = measure(&command, &disk, empty, &log).with_context(what)?;
                println!(
                    "{}: {:.2} s, CPU {:.2} s",
                    what(),
                    sample.wall_s,
                    sample.cpu_s()
                );
                row.samples.push(sample);
                continue;
            };
            let table = self.scratch.folder.join("strace");
            if who.bears_strace() {
                let counted = syncs::counted(command, &table);
                measure(&counted, &disk, empty, &log).with_context(what)?;
                row.syncs = Some(syncs::read(&table)?);
            } else {
                measure(&command, &disk, empty, &log).with_context(what)?;
            }
            if who == Contestant::Ours {
                row.left_in_tmp = names(&place.repo().join("tmp"))?;
            }
            row.verdict = reference.judge(who, *step, &place).with_context(what)?;
            println!("{}: {:?}", what(), row.verdict);
        }
        Ok(())
    }
}

fn row(case: &mut Case, who: Contestant, step: Step) -> &mut Row {
    let found = case
        .rows
        .iter()
        .position(|row| row.who == who && row.step == step);
    let index = found.unwrap_or_else(|| {
        case.rows.push(Row {
            who,
            step,
            samples: Vec::new(),
            median: Sample::default(),
            syncs: None,
            verdict: None,
            left_in_tmp: Vec::new(),
        });
        case.rows.len() - 1
    });
    &mut case.rows[index]
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let names =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect()
}
