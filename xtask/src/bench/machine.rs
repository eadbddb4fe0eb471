//! What the figures were measured on.

use crate::run::Run;
use std::fs;

/// The machine, as JSON has it and the table's last lines.
#[derive(Debug, serde::Serialize)]
pub(super) struct Machine {
    cpu: String,
    cores: usize,
    kernel: String,
    memory_bytes: u64,
    date: String,
    /// Processes that wanted to run in the last minute, before the bench began and at its end.
    load_before: String,
    load_after: String,
}

impl Machine {
    /// As it is now.
    pub(super) fn look() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: String, name: &str| {
            let line = text
                .lines()
                .find(|line| line.starts_with(name))
                .unwrap_or_default();
            line.split_once(':')
                .map_or("", |(_, value)| value.trim())
                .to_owned()
        };
        let memory = field(read("/proc/meminfo"), "MemTotal");
        let kib: u64 = memory
            .split(' ')
            .next()
            .and_then(|n| n.parse().ok())
            .unwrap_or(0);
        let date = Run::new("date")
            .args(["--utc", "+%Y-%m-%d %H:%M UTC"])
            .read();
        Self {
            cpu: field(read("/proc/cpuinfo"), "model name"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            memory_bytes: kib * 1024,
            date: date.unwrap_or_default().trim().to_owned(),
            load_before: load(),
            load_after: String::new(),
        }
    }

    pub(super) fn look_again(&mut self) {
        self.load_after = load();
    }
}

fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let memory = crate::run::bytes(self.memory_bytes);
        writeln!(
            f,
            "{}, {} cores, {memory} of memory, Linux {}; {}; load before {}, after {}",
            self.cpu, self.cores, self.kernel, self.date, self.load_before, self.load_after
        )
    }
}
