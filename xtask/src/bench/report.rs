//! The results as people read them.

use super::Results;
use super::bars::Bar;
use super::chain::{Case, Row};
use super::contestant::{Contestant, Step};
use super::measure::Sample;
use super::verdict::Verdict;
use crate::run::bytes;

pub(super) fn print(results: &Results) {
    println!("\n# Results\n");
    println!(
        "Medians. Wall time is until all is on the disk, CPU time that of all processes of a program; memory is that"
    );
    println!(
        "of the program (of its child processes), written what the disk was given to write. In the ratios ours is"
    );
    println!("above: below 1 we are better. syncs are syncfs+fsync.");
    for case in &results.cases {
        print_case(case);
    }
    if !results.network.is_empty() {
        println!("\n## registry behind a slow network\n");
    }
    for transfer in &results.network {
        println!("{transfer}");
    }
    println!("\n## What is to be reached\n");
    for bar in &results.bars {
        print_bar(bar);
    }
    let failed = results.bars.iter().filter(|bar| !bar.holds).count();
    println!("\n{} hold, {failed} do not", results.bars.len() - failed);
    print!("\n{}", results.machine);
}

fn print_bar(bar: &Bar) {
    let verdict = if bar.holds { "holds" } else { "DOES NOT HOLD" };
    println!(
        "{:<20} {:<58} {:>8.3}  at most {:>7.3}  {verdict}",
        bar.case, bar.what, bar.value, bar.most
    );
}

fn print_case(case: &Case) {
    println!("\n## {}", case.name);
    let mut rows: Vec<_> = case.rows.iter().collect();
    rows.sort_by_key(|row| row.step as u8);
    let mut step = None;
    for row in rows {
        if step != Some(row.step) {
            step = Some(row.step);
            println!(
                "\n{:<22} {:>8} {:>8} {:>15} {:>19} {:>9} {:>9} {:>9} {:>6} {:>6}  compared",
                row.step.name(),
                "wall s",
                "CPU s",
                "user + system",
                "memory",
                "written",
                "peak disk",
                "syncs",
                "wall",
                "CPU"
            );
        }
        print_row(case, row);
    }
    print_costs(case);
}

/// What parts of our work cost, of which one run was without.
fn print_costs(case: &Case) {
    let parts = [
        ("labels", Contestant::OursWithoutLabels),
        ("digests", Contestant::OursWithoutDigest),
    ];
    println!();
    for (part, without) in parts {
        for step in [Step::First, Step::Noop, Step::Update] {
            let more =
                |of: fn(&Sample) -> f64| Some((case.ratio(without, step, of)? - 1.0) * 100.0);
            if let (Some(wall), Some(cpu)) = (more(|sample| sample.wall_s), more(Sample::cpu_s)) {
                let step = step.name();
                println!("{part} cost, {step}: {wall:+.1} % wall, {cpu:+.1} % CPU");
            }
        }
    }
}

fn print_row(case: &Case, row: &Row) {
    let median = &row.median;
    let ratio = |of: fn(&Sample) -> f64| {
        let value = case
            .ratio(row.who, row.step, of)
            .filter(|_| row.who != Contestant::Ours);
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"))
    };
    let compared = match &row.verdict {
        Some(Verdict::Equal(what)) => format!("equal: {what}"),
        Some(Verdict::OtherFormat(why)) => format!("not: {why}"),
        Some(Verdict::Differs(how)) => format!("DIFFERS: {how}"),
        None => String::new(),
    };
    let memory = match median.children_peak_rss_bytes {
        0 => bytes(median.peak_rss_bytes),
        children => format!("{} ({})", bytes(median.peak_rss_bytes), bytes(children)),
    };
    let times = format!("{:.2} + {:.2}", median.user_s, median.system_s);
    println!(
        "{:<22} {:>8.2} {:>8.2} {times:>15} {memory:>19} {:>9} {:>9} {:>9} {:>6} {:>6}  {compared}",
        row.who.name(),
        median.wall_s,
        median.cpu_s(),
        bytes(median.written_bytes),
        bytes(median.peak_disk_bytes),
        row.syncs.map(|syncs| syncs.to_string()).unwrap_or_default(),
        ratio(|sample| sample.wall_s),
        ratio(Sample::cpu_s),
    );
}
