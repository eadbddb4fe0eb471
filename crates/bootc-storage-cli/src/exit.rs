//! Exit codes (field convention: 77 for "unchanged", asked for; the rest is ours and documented in `--help`).

use std::process::ExitCode;

use bootc_storage::Kind;

pub(crate) const UNCHANGED: u8 = 77;
pub(crate) const CORRUPT: u8 = 5;

/// What clap says, with its own exit code: 0 for help and version, 2 for wrong usage.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // Printing fails only when nobody reads.
    drop(error.print());
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// The exit code for an error of any verb.
pub(crate) fn code_of(error: &anyhow::Error) -> ExitCode {
    ExitCode::from(kind_of(error).map_or(1, code_of_kind))
}

pub(crate) fn kind_of(error: &anyhow::Error) -> Option<Kind> {
    error
        .downcast_ref::<bootc_storage::Error>()
        .map(bootc_storage::Error::kind)
}

fn code_of_kind(kind: Kind) -> u8 {
    match kind {
        Kind::NotFound => 3,
        Kind::Unverified => 4,
        Kind::Corrupt => CORRUPT,
        Kind::NoSpace => 6,
        Kind::Network => 7,
        Kind::Busy => 8,
        Kind::Tool => 9,
        Kind::Denied => 10,
        _ => 1,
    }
}
