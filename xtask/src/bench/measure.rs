//! One run of a program on a disk, and what it cost.

use super::disk::Disk;
use crate::run::Run;
use anyhow::{Context as _, Result};
use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

/// What a run cost. Seconds and bytes.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub(super) struct Sample {
    /// Until all is on the disk.
    pub(super) wall_s: f64,
    /// Of the program and all it started.
    pub(super) user_s: f64,
    pub(super) system_s: f64,
    pub(super) peak_rss_bytes: u64,
    pub(super) children_peak_rss_bytes: u64,
    /// What the programs gave to write(2).
    pub(super) given_bytes: u64,
    /// What the device was given to write: with the file system's own journal, and files rounded up to blocks.
    pub(super) written_bytes: u64,
    /// The most that the file system held in the meantime, and what it held after the run, both without what
    /// an empty one holds.
    pub(super) peak_disk_bytes: u64,
    pub(super) final_disk_bytes: u64,
}

impl Sample {
    pub(super) fn cpu_s(&self) -> f64 {
        self.user_s + self.system_s
    }
}

/// Runs it, with its output in `log`. `empty`: what the fresh file system held.
pub(super) fn measure(run: &Run, disk: &Disk, empty: u64, log: &Path) -> Result<Sample> {
    // What others left to write would be written meanwhile.
    rustix::fs::sync();
    let (written, given) = (disk.written()?, given()?);
    let mut peak = disk.used()?;
    let mut command = run.command();
    let output = File::create(log)?;
    command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output);
    let begun = Instant::now();
    let cost = run
        .measure_beside(&mut command, || peak = peak.max(disk.used().unwrap_or(0)))
        .with_context(|| last_lines(log))?;
    disk.sync()?;
    let wall = begun.elapsed();
    let used = disk.used()?;
    Ok(Sample {
        wall_s: wall.as_secs_f64(),
        user_s: cost.user.as_secs_f64(),
        system_s: cost.system.as_secs_f64(),
        peak_rss_bytes: cost.peak_bytes,
        children_peak_rss_bytes: cost.children_peak_bytes,
        given_bytes: self::given()?.saturating_sub(given),
        written_bytes: disk.written()? - written,
        peak_disk_bytes: peak.max(used).saturating_sub(empty),
        final_disk_bytes: used.saturating_sub(empty),
    })
}

/// Bytes that this process and all that it waited for gave to write(2) (proc(5), `/proc/PID/io`).
fn given() -> Result<u64> {
    let text = fs::read_to_string("/proc/self/io")?;
    let line = text.lines().find_map(|line| line.strip_prefix("wchar:"));
    let bytes = line.context("/proc/self/io tells no wchar")?;
    Ok(bytes.trim().parse()?)
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

/// The middle one of each figure.
pub(super) fn median(samples: &[Sample]) -> Sample {
    let real = |of: fn(&Sample) -> f64| {
        let mut values: Vec<_> = samples.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        middle(&values)
    };
    let whole = |of: fn(&Sample) -> u64| {
        let mut values: Vec<_> = samples.iter().map(of).collect();
        values.sort_unstable();
        middle(&values)
    };
    Sample {
        wall_s: real(|s| s.wall_s),
        user_s: real(|s| s.user_s),
        system_s: real(|s| s.system_s),
        peak_rss_bytes: whole(|s| s.peak_rss_bytes),
        children_peak_rss_bytes: whole(|s| s.children_peak_rss_bytes),
        given_bytes: whole(|s| s.given_bytes),
        written_bytes: whole(|s| s.written_bytes),
        peak_disk_bytes: whole(|s| s.peak_disk_bytes),
        final_disk_bytes: whole(|s| s.final_disk_bytes),
    }
}

/// Of an even number the lower of the two.
fn middle<T: Copy + Default>(sorted: &[T]) -> T {
    let index = sorted.len().saturating_sub(1) / 2;
    sorted.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_out_of_three_does_not_move_the_median() {
        let wall = |wall_s| Sample {
            wall_s,
            ..Sample::default()
        };
        let result = median(&[wall(2.0), wall(90.0), wall(1.0)]);
        assert!((result.wall_s - 2.0).abs() < f64::EPSILON, "{result:?}");
    }
}
