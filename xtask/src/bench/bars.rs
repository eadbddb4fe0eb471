//! What is to be reached, and whether it was.

use super::chain::Case;
use super::contestant::{Contestant, Step};
use super::measure::Sample;
use super::network::Transfer;

/// One bar.
#[derive(Debug, serde::Serialize)]
pub(super) struct Bar {
    pub(super) case: String,
    pub(super) what: String,
    pub(super) value: f64,
    pub(super) most: f64,
    pub(super) holds: bool,
}

/// The most memory that any case may take.
const MEMORY_BYTES: u64 = 150_000_000;

/// A no-op takes some hundredths of a second of CPU, and its runs differ by as much: what costs nothing may seem to cost so
/// much.
const MOST_FOR_NOTHING: f64 = 1.3;

fn at_most(case: &str, what: impl Into<String>, value: f64, most: f64) -> Bar {
    Bar {
        case: case.to_owned(),
        what: what.into(),
        value,
        most,
        holds: value <= most,
    }
}

fn wall(sample: &Sample) -> f64 {
    sample.wall_s
}

/// The bars of one image, as far as its steps were run.
pub(super) fn of_case(case: &Case) -> Vec<Bar> {
    let mut bars = Vec::new();
    let zstd = case.name.ends_with("zstd");
    let encapsulated = case.name.starts_with("encapsulated");
    let mut ratio = |who: Contestant, step, what: &str, of: fn(&Sample) -> f64, most| {
        if let Some(value) = case.ratio(who, step, of) {
            let what = format!("{}: {what} / {}", step.name(), who.name());
            bars.push(at_most(&case.name, what, value, most));
        }
    };
    if !encapsulated {
        let (most, labelled) = if zstd { (1.6, 1.6) } else { (1.5, 1.7) };
        // The image has a policy: what ours does has labels in it, and digests.
        ratio(
            Contestant::Limit,
            Step::First,
            "CPU",
            Sample::cpu_s,
            labelled,
        );
        ratio(Contestant::Limit, Step::First, "wall", wall, most);
        ratio(
            Contestant::Tar,
            Step::First,
            "wall",
            wall,
            if zstd { f64::INFINITY } else { 0.7 },
        );
        ratio(
            Contestant::Composefs,
            Step::First,
            "wall",
            wall,
            if zstd { f64::INFINITY } else { 0.55 },
        );
        ratio(
            Contestant::Composefs,
            Step::Update,
            "CPU",
            Sample::cpu_s,
            1.0,
        );
    }
    let labels = Contestant::OursWithoutLabels;
    ratio(labels, Step::First, "CPU", Sample::cpu_s, 1.15);
    ratio(labels, Step::Noop, "CPU", Sample::cpu_s, MOST_FOR_NOTHING);
    ratio(Contestant::OstreeExt, Step::First, "wall", wall, 1.0 / 8.0);
    ratio(
        Contestant::OstreeExt,
        Step::Update,
        "CPU",
        Sample::cpu_s,
        1.0 / 20.0,
    );
    bars.extend(unlabelled(case));
    bars.extend(of_ours(case));
    bars.retain(|bar| bar.most.is_finite());
    bars
}

/// What the limit program does has no labels in it.
fn unlabelled(case: &Case) -> Option<Bar> {
    let cpu_s = |who| {
        let row = case.row(who, Step::First)?;
        Some(row.median.cpu_s())
    };
    let ratio = cpu_s(Contestant::OursWithoutLabels)? / cpu_s(Contestant::Limit)?;
    let what = format!(
        "{}: CPU without labels / {}",
        Step::First.name(),
        Contestant::Limit.name()
    );
    Some(at_most(&case.name, what, ratio, 1.5))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "ratios of bytes, shown with two places"
)]
fn of_ours(case: &Case) -> Vec<Bar> {
    let mut bars = Vec::new();
    let ours = |step| {
        case.row(Contestant::Ours, step)
            .map(|row| (step, &row.median))
    };
    let mut add = |step: Step, what: &str, value, most| {
        bars.push(at_most(
            &case.name,
            format!("{}: {what}", step.name()),
            value,
            most,
        ));
    };
    if let Some((step, median)) = ours(Step::Update) {
        add(step, "CPU, s", median.cpu_s(), 2.5);
        let new = case.new_content_bytes.max(1) as f64;
        add(
            step,
            "bytes given to write(2) / new content",
            median.given_bytes as f64 / new,
            1.2,
        );
    }
    if let Some((step, median)) = ours(Step::Noop) {
        add(step, "wall, s", median.wall_s, 0.1);
    }
    if let Some((step, median)) = ours(Step::Flatten) {
        add(step, "CPU, s", median.cpu_s(), 1.0);
    }
    if let Some((step, median)) = ours(Step::First) {
        let most = median.final_disk_bytes.max(1) as f64;
        add(
            step,
            "peak disk / final",
            median.peak_disk_bytes as f64 / most,
            1.1,
        );
    }
    let rows = || case.rows.iter().filter(|row| row.who == Contestant::Ours);
    let memory = rows()
        .map(|row| row.median.peak_rss_bytes)
        .max()
        .unwrap_or(0);
    let (memory, most) = (memory as f64 / 1e6, MEMORY_BYTES as f64 / 1e6);
    bars.push(at_most(
        &case.name,
        "peak memory of any step, MB",
        memory,
        most,
    ));
    let left = rows()
        .flat_map(|row| &row.left_in_tmp)
        .filter(|name| *name != "cache")
        .count();
    bars.push(at_most(
        &case.name,
        "left in tmp after any step",
        left as f64,
        0.0,
    ));
    bars
}

/// How cost grows: CPU a file of the largest against that of 50,000, or as near as was measured.
#[expect(clippy::cast_precision_loss, reason = "ratios, shown with two places")]
pub(super) fn of_growth(sizes: &[(u64, Case)]) -> Vec<Bar> {
    let mut bars: Vec<_> = sizes.iter().flat_map(|(_, case)| of_ours(case)).collect();
    bars.retain(|bar| bar.what.contains("memory") || bar.what.contains("left"));
    let each = |files: u64, case: &Case| {
        let row = case.row(Contestant::Ours, Step::First)?;
        Some(row.median.cpu_s() / files as f64)
    };
    let base = sizes.iter().rfind(|(files, _)| *files <= 50_000);
    if let (Some((few, small)), Some((many, large))) = (base, sizes.last())
        && let (Some(small), Some(large)) = (each(*few, small), each(*many, large))
    {
        let what = format!("CPU per file, {many} files / {few} files");
        bars.push(at_most("growth", what, large / small, 1.3));
    }
    bars
}

/// The same content in more layers.
pub(super) fn of_layers(counts: &[(usize, Case)]) -> Vec<Bar> {
    let mut bars: Vec<_> = counts.iter().flat_map(|(_, case)| of_ours(case)).collect();
    bars.retain(|bar| bar.what.contains("memory"));
    let cost = |layers: usize| {
        let (_, case) = counts.iter().find(|(count, _)| *count == layers)?;
        Some(case.row(Contestant::Ours, Step::First)?.median)
    };
    if let (Some(few), Some(many)) = (cost(12), cost(100)) {
        bars.push(at_most(
            "layers",
            "CPU, 100 layers / 12",
            many.cpu_s() / few.cpu_s(),
            1.3,
        ));
        bars.push(at_most(
            "layers",
            "wall, 100 layers / 12",
            many.wall_s / few.wall_s,
            1.3,
        ));
    }
    bars
}

/// A slow network.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
pub(super) fn of_network(transfer: &Transfer) -> Vec<Bar> {
    let name = &format!("registry, {:.0} MB/s", transfer.speed());
    let three = if transfer.at_once == 0 {
        f64::INFINITY
    } else {
        3.0 / transfer.at_once as f64
    };
    vec![
        at_most(name, "3 / fetches at once", three, 1.0),
        at_most(name, "pull / bare transfer, wall", transfer.ratio(), 1.2),
        at_most(
            name,
            "no-op: requests for manifests",
            transfer.noop_manifests as f64,
            1.0,
        ),
    ]
}
