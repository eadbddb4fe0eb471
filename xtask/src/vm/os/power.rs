//! The power fails while a host goes from one version to the other; then it boots.

use super::drive::{self, Part};
use super::guest::{self, Cache, Running};
use super::host::Host;
use super::report;
use crate::vm::expectations::{self, Results};
use anyhow::{Result, bail};
use std::time::{Duration, Instant};

const SCRIPT: &str = include_str!("guest/power.sh");
const LAST: &str = include_str!("guest/power_last.sh");
/// How often it fails.
pub(super) const CUTS: u32 = 10;
/// For a boot, and for a change. Software emulation on a busy machine.
const LIMIT: Duration = Duration::from_secs(900);
/// The script's words for where it is.
const CHANGING: &str = "changing";
const DONE: &str = "restart after";

/// What is so of a host that is whole, beside its version.
const SOUND: [(&str, &str); 5] = [
    ("root", "overlay composefs"),
    ("composefs-check", "0"),
    ("status", "0"),
    ("network", "0"),
    ("check", "0"),
];

/// How many cuts there were, after how many the host was whole, and what it was at last.
pub(in crate::vm) fn cut(host: &Host<'_>) -> Result<Results> {
    let mut running = boot(host, SCRIPT, 0)?;
    look(host, &mut running)?;
    // Once to its end, to know how long it takes.
    let begun = Instant::now();
    until(host, &mut running, |at| at.starts_with(DONE))?;
    let whole = begun.elapsed();
    running.wait(|_| LIMIT.as_secs())?;
    println!("  a change of version takes {} s", whole.as_secs());
    let mut sound = 0;
    for number in 1..=CUTS {
        let mut running = boot(host, SCRIPT, number)?;
        let found = look(host, &mut running)?;
        sound += u32::from(number > 1 && is_sound(&found));
        // Each in a part of the time of its own, where in it is chance; the last fall into the restart.
        let parts = f64::from(CUTS - 2);
        let after = whole.mul_f64((f64::from(number - 1) + fraction()?) / parts);
        println!("  cut {number} after {:.1} s", after.as_secs_f64());
        std::thread::sleep(after);
        running.kill()?;
    }
    let mut results = last(host)?;
    sound += u32::from(is_sound(&expectations::of("power", &results)));
    results.insert("power.cuts".to_owned(), CUTS.to_string());
    results.insert("power.sound".to_owned(), sound.to_string());
    Ok(results)
}

/// What the guest says of itself before it begins the change.
fn look(host: &Host<'_>, running: &mut Running) -> Result<Results> {
    until(host, running, |at| at == CHANGING)?;
    let found = report::unpack(&host.work.join("out"), &host.work.join("results"))?;
    let found = expectations::of("power", &found);
    for (name, value) in found.iter().filter(|(name, _)| !name.contains('/')) {
        println!("    {name}: {value}");
    }
    Ok(found)
}

fn is_sound(found: &Results) -> bool {
    let is = |name: &str, value: &str| found.get(name).is_some_and(|found| found == value);
    let sound = SOUND.iter().all(|(name, value)| is(name, value));
    sound && (is("version", "1") || is("version", "2"))
}

/// A change comes to its end.
fn last(host: &Host<'_>) -> Result<Results> {
    let parts = [SCRIPT, LAST].map(|script| Part {
        stage: "power",
        script,
    });
    drive::write(&parts, &host.settings(LAST_RUN), &host.work.join("drive"))?;
    let ended = host.guest().start(Cache::None)?.wait(|_| LIMIT.as_secs());
    if ended.is_err() {
        println!("{}\n", guest::tail(&host.work));
    }
    let results = report::unpack(&host.work.join("out"), &host.work.join("results"))?;
    ended.map(|()| results)
}

/// No cut has this number.
const LAST_RUN: u32 = CUTS + 1;

fn boot(host: &Host<'_>, script: &str, number: u32) -> Result<Running> {
    let part = Part {
        stage: "power",
        script,
    };
    let settings = host.settings(number);
    drive::write(&[part], &settings, &host.work.join("drive"))?;
    host.guest().start(Cache::None)
}

fn until(host: &Host<'_>, running: &mut Running, reached: impl Fn(&str) -> bool) -> Result<()> {
    let begun = Instant::now();
    while !reached(&report::progress(&host.work.join("out"))?) {
        if begun.elapsed() > LIMIT || running.has_ended()? {
            println!("{}\n", guest::tail(&host.work));
            bail!("after a cut the host did not come so far");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// By chance, from 0 to 1.
fn fraction() -> Result<f64> {
    let mut bytes = [0; 4];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut bytes)?;
    Ok(f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX))
}
