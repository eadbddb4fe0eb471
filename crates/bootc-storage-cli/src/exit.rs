//! Exit codes (field convention: 77 for "unchanged", asked for; the rest is ours and documented in `--help`).

use std::io;
use std::process::ExitCode;

use bootc_storage::Kind;
use image_source::FailureKind;
use ostree_flatten::composefs;

use crate::repository;

pub(crate) const UNCHANGED: u8 = 77;
pub(crate) const CORRUPT: u8 = 5;

/// The exit code for an error of any verb.
pub(crate) fn code_of(error: &anyhow::Error) -> ExitCode {
    ExitCode::from(code_of_kind(kind_of(error)))
}

/// The library knows its own errors; the rest is ours and the system's.
pub(crate) fn kind_of(error: &anyhow::Error) -> Kind {
    if let Some(error) = error.downcast_ref::<bootc_storage::Error>() {
        return error.kind();
    }
    if let Some(error) = error.downcast_ref::<repository::Error>() {
        return error.kind();
    }
    if let Some(error) = error.downcast_ref::<image_source::Error>() {
        return match error.failure_kind() {
            Some(FailureKind::Policy) => Kind::Unverified,
            Some(FailureKind::NotFound) => Kind::NotFound,
            _ => Kind::Invalid,
        };
    }
    match error.downcast_ref::<composefs::Error>() {
        Some(composefs::Error::Malformed { .. }) => return Kind::Corrupt,
        Some(composefs::Error::Io { .. }) | None => {}
        Some(_) => return Kind::Invalid,
    }
    match error.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::NotFound) => Kind::NotFound,
        Some(io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => Kind::Denied,
        Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => Kind::NoSpace,
        _ => Kind::Io,
    }
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

#[cfg(test)]
mod tests {
    use anyhow::Context as _;
    use bootc_storage::Kind;

    use super::{code_of_kind, kind_of};
    use crate::args::EXIT_CODES;

    #[test]
    fn help_lists_every_code() {
        for code in [0, 1, 2, super::UNCHANGED.into()] {
            assert!(EXIT_CODES.contains(&format!("\n  {code:<2} ")), "{code}");
        }
        for kind in [
            Kind::NotFound,
            Kind::Unverified,
            Kind::Corrupt,
            Kind::NoSpace,
            Kind::Network,
            Kind::Busy,
            Kind::Tool,
            Kind::Denied,
        ] {
            let code = code_of_kind(kind);
            assert!(EXIT_CODES.contains(&format!("\n  {code:<2} ")), "{kind:?}");
        }
    }

    #[test]
    fn the_systems_errors_have_codes_too() {
        for (path, kind) in [
            ("/no/such/file", Kind::NotFound),
            ("/proc/self/mem/x", Kind::Io),
        ] {
            let read = std::fs::read(path).with_context(|| format!("opening {path}"));
            assert_eq!(kind_of(&read.unwrap_err()), kind, "{path}");
        }
    }
}
