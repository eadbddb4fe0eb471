//! How often a program waits for the disk: counted by strace in a run that is not measured.

use crate::run::Run;
use anyhow::Result;
use std::fs;
use std::path::Path;

/// Calls of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Syncs {
    pub(super) fsync: u64,
    pub(super) fdatasync: u64,
    pub(super) syncfs: u64,
}

/// The same command under strace, which writes its table to `table`.
pub(super) fn counted(run: Run, table: &Path) -> Run {
    let strace = Run::new("strace")
        .args([
            "--follow-forks",
            "--seccomp-bpf",
            "--summary-only",
            "--output",
        ])
        .arg(table)
        .arg("--trace=fsync,fdatasync,syncfs")
        // Go interrupts its threads by signals, each of which stops them once more.
        .arg("--env=GODEBUG=asyncpreemptoff=1");
    run.under(strace)
}

/// What the table says.
pub(super) fn read(table: &Path) -> Result<Syncs> {
    Ok(parse(&fs::read_to_string(table)?))
}

fn parse(table: &str) -> Syncs {
    let calls = |name: &str| {
        let line = table
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .find(|words| words.last() == Some(&name));
        line.and_then(|words| words.get(3)?.parse().ok())
            .unwrap_or(0)
    };
    Syncs {
        fsync: calls("fsync"),
        fdatasync: calls("fdatasync"),
        syncfs: calls("syncfs"),
    }
}

impl std::fmt::Display for Syncs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}+{}", self.syncfs, self.fsync + self.fdatasync)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_from_straces_table_and_a_missing_line_is_none() {
        let table = "% time     seconds  usecs/call     calls    errors syscall\n\
            ------ ----------- ----------- --------- --------- ----------------\n 99.10    0.2    200        12           syncfs\n\
            \u{20} 0.90    0.0      1         3         1 fsync\n100.00    0.2    100        15         1 total\n";
        let syncs = Syncs {
            fsync: 3,
            fdatasync: 0,
            syncfs: 12,
        };
        assert_eq!(parse(table), syncs);
        assert_eq!(parse(""), Syncs::default());
    }
}
