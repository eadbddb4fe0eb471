//! Failures of bound images, as this crate's.

use std::io;

use bound_images::{Error as Bound, PullFailure};

use crate::{Error, Kind};

impl From<Bound> for Error {
    fn from(error: Bound) -> Self {
        Self::Bound(Box::new(error))
    }
}

/// What a caller would do about it.
pub(crate) fn kind(error: &Bound) -> Kind {
    match error {
        Bound::Tree { .. } | Bound::Missing { .. } | Bound::Record { .. } => Kind::Corrupt,
        Bound::Declaration { .. } | Bound::Label { .. } => Kind::Invalid,
        Bound::Pull { kind, .. } => match kind {
            PullFailure::NotFound => Kind::NotFound,
            PullFailure::Denied => Kind::Denied,
            PullFailure::Unverified => Kind::Unverified,
            PullFailure::NoSpace => Kind::NoSpace,
            PullFailure::Transient => Kind::Network,
            _ => Kind::Tool,
        },
        Bound::Io { source, .. } => match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Kind::Denied,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Kind::NoSpace,
            _ => Kind::Io,
        },
        _ => Kind::Tool,
    }
}
