//! A host is led through stages, one after another and over restarts, by one machine.

use super::drive::{self, Part};
use super::guest::{self, Cache};
use super::host::{Host, OS};
use super::{Steps, report, requests};
use crate::vm::expectations::Results;
use crate::vm::stages::{Machine, Stage};
use anyhow::Result;

/// What the stages found, also when one did not come to its end.
pub(in crate::vm) fn lead(
    host: &Host<'_>,
    stages: &[&'static Stage],
) -> Result<(Results, Result<()>)> {
    let steps = stages.iter().flat_map(|stage| parts_of(stage));
    let (parts, seconds): (Vec<_>, Vec<_>) = steps.unzip();
    drive::write(&parts, &host.settings(0), &host.work.join("drive"))?;
    let since = requests::mark(&host.registry())?;
    // A restart belongs to what comes after it.
    let limit = |at: &str| {
        let running = |number: &usize| at.ends_with(&parts[*number].file_name(*number));
        let number = (0..parts.len()).find(running);
        let number = number.map_or(0, |number| number + usize::from(at.starts_with("restart")));
        seconds.get(number).copied().unwrap_or_default()
    };
    let ended = host.guest().start(Cache::Unsafe)?.wait(limit);
    if ended.is_err() {
        println!("{}\n", guest::tail(&host.work));
    }
    let out = host.work.join("out");
    let mut results = report::unpack(&out, &host.work.join("results")).unwrap_or_default();
    results.extend(host.facts.clone());
    let fetched = requests::blobs(&host.registry(), since, OS)?;
    let layers: Vec<_> = fetched.intersection(&host.layers).cloned().collect();
    results.insert("upgrade.layers-fetched".to_owned(), layers.join(" "));
    Ok((results, ended))
}

/// The parts of a stage of a host, each with its limit.
fn parts_of(stage: &'static Stage) -> Vec<(Part<'static>, u64)> {
    let Machine::Os(Steps { parts, .. }) = &stage.machine else {
        return Vec::new();
    };
    let named = |step: &'static super::Part| {
        let part = Part {
            stage: stage.name,
            script: step.script,
        };
        (part, step.seconds)
    };
    parts.iter().map(named).collect()
}
