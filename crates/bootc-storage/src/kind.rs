//! From any error in a chain to what the caller would do about it.

use std::error::Error as StdError;
use std::io;

use image_source::{ArchiveFault, FailureKind};

use crate::{Error, Kind};

impl Error {
    /// What a caller would do about it: decided by the deepest cause that knows.
    #[must_use]
    pub fn kind(&self) -> Kind {
        // The directory is there, what makes it a repository is not.
        if matches!(self, Self::OpenRepo(ostree_store::Error::Io { source, .. })
            if source.kind() == io::ErrorKind::NotFound)
        {
            return Kind::NotFound;
        }
        let mut kind = self.own_kind();
        let mut cause = self.source();
        while let Some(error) = cause {
            if let Some(known) = kind_of(error) {
                kind = known;
            }
            cause = error.source();
        }
        kind
    }

    fn own_kind(&self) -> Kind {
        match self {
            Self::NotFound { .. }
            | Self::NoRepo { .. }
            | Self::NoPolicy { .. }
            | Self::NoCommit { .. } => Kind::NotFound,
            Self::Busy { .. } | Self::PlanOutdated { .. } => Kind::Busy,
            Self::NoSpace { .. } | Self::SpaceForAll(_) => Kind::NoSpace,
            Self::RemoteCannotVerify { .. } | Self::RemoteSignature { .. } => Kind::Unverified,
            Self::BadStoredImage { .. } | Self::OtherImage { .. } => Kind::Corrupt,
            Self::Manifest { .. }
            | Self::Ref { .. }
            | Self::RefCollision { .. }
            | Self::Layer { .. }
            | Self::Merge { .. }
            | Self::Policy { .. }
            | Self::BaseIncomplete { .. }
            | Self::Composefs { .. }
            | Self::MountNeedsBare { .. }
            | Self::NoVerity { .. }
            | Self::NothingBeside
            | Self::NotADeployment { .. }
            | Self::PrepareRoot { .. }
            | Self::CheckoutExists { .. }
            | Self::ReservedMetadata { .. } => Kind::Invalid,
            Self::Host(error) => error.kind(),
            Self::Bound(error) => crate::host::bound::kind(error),
            _ => Kind::Io,
        }
    }
}

/// What one cause says; an `io::Error` may carry another error inside.
fn kind_of(error: &(dyn StdError + 'static)) -> Option<Kind> {
    // A boxed cause shows itself as the box.
    if let Some(boxed) = error.downcast_ref::<Box<image_source::Error>>() {
        return kind_of(boxed.as_ref());
    }
    if let Some(boxed) = error.downcast_ref::<Box<ostree_layer::Error>>() {
        return kind_of(boxed.as_ref());
    }
    if let Some(source) = error.downcast_ref::<image_source::Error>() {
        return Some(source_kind(source));
    }
    if let Some(store) = error.downcast_ref::<ostree_store::Error>() {
        return store_kind(store);
    }
    if let Some(layer) = error.downcast_ref::<ostree_layer::Error>() {
        use ostree_layer::Error as Layer;
        return match layer {
            Layer::BlobDigest { .. } | Layer::BlobSize { .. } | Layer::DiffId { .. } => {
                Some(Kind::Unverified)
            }
            Layer::Blob { .. } | Layer::Thread { .. } => Some(Kind::Io),
            _ => None,
        };
    }
    if let Some(glib) = error.downcast_ref::<ostree::glib::Error>() {
        return glib_kind(glib);
    }
    let io = error.downcast_ref::<io::Error>()?;
    if let Some(inner) = io.get_ref() {
        let inner: &(dyn StdError + 'static) = inner;
        return kind_of(inner);
    }
    match io.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(Kind::NoSpace),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Some(Kind::Denied),
        _ => None,
    }
}

/// libostree's errors; that of a signature has its kind from where it came up.
fn glib_kind(error: &ostree::glib::Error) -> Option<Kind> {
    use ostree::gio::IOErrorEnum;
    match error.kind::<IOErrorEnum>()? {
        IOErrorEnum::WouldBlock => Some(Kind::Busy),
        IOErrorEnum::NoSpace => Some(Kind::NoSpace),
        IOErrorEnum::PermissionDenied | IOErrorEnum::ReadOnly => Some(Kind::Denied),
        _ => None,
    }
}

fn source_kind(error: &image_source::Error) -> Kind {
    use image_source::Error as Source;
    match error {
        Source::NoSuchTag { .. }
        | Source::NoSuchDigest { .. }
        | Source::NoImage { .. }
        | Source::BlobMissing { .. } => Kind::NotFound,
        Source::ToolMissing { .. } | Source::ToolTooOld { .. } | Source::ToolFailed { .. } => {
            Kind::Tool
        }
        Source::PolicyMissing { .. }
        | Source::PolicyNotFound { .. }
        | Source::PolicyInvalid { .. }
        | Source::PolicyAcceptsAnything { .. }
        | Source::UnverifiableReference { .. } => Kind::Unverified,
        Source::Archive {
            fault: ArchiveFault::NoSpace { .. },
            ..
        } => Kind::NoSpace,
        Source::Ended { .. } => Kind::Io,
        Source::Io { source, .. } => match source.kind() {
            io::ErrorKind::NotFound => Kind::NotFound,
            io::ErrorKind::PermissionDenied => Kind::Denied,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Kind::NoSpace,
            _ => Kind::Io,
        },
        _ => match error.failure_kind() {
            Some(FailureKind::Transient | FailureKind::Unreachable) => Kind::Network,
            Some(FailureKind::Auth) => Kind::Denied,
            Some(FailureKind::NotFound) => Kind::NotFound,
            Some(FailureKind::Policy | FailureKind::Integrity) => Kind::Unverified,
            _ => Kind::Invalid,
        },
    }
}

fn store_kind(error: &ostree_store::Error) -> Option<Kind> {
    use ostree_store::ErrorKind;
    match error.kind() {
        ErrorKind::NoSpace => Some(Kind::NoSpace),
        ErrorKind::Missing | ErrorKind::Corrupt => Some(Kind::Corrupt),
        ErrorKind::ReadOnly => Some(Kind::Denied),
        ErrorKind::Input | ErrorKind::Unsupported => Some(Kind::Invalid),
        ErrorKind::Io => Some(Kind::Io),
        _ => None,
    }
}
