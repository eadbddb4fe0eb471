//! What happens while bound images are pulled, as facts.

use std::time::Duration;

use oci_manifest::Digest;

use crate::{BoundReference, Source};

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The storage was made.
    Created,
    /// An image's pull begins.
    Pulling {
        /// The image.
        reference: BoundReference,
        /// Where from.
        source: Source,
    },
    /// The source does not have the image, the next one is asked.
    NotThere {
        /// The image.
        reference: BoundReference,
        /// Which source.
        source: Source,
        /// What was said.
        message: String,
    },
    /// More of an image has come.
    Progress {
        /// The image.
        reference: BoundReference,
        /// How many bytes of its blobs in all, in this attempt, as transferred; where the source is the machine's own
        /// storage, as unpacked.
        bytes: u64,
        /// How many there are; those that the storage has already do not come. None where it is not known.
        total: Option<u64>,
    },
    /// It failed and is tried again.
    Retrying {
        /// The image.
        reference: BoundReference,
        /// Which attempt failed, from 1.
        attempt: u32,
        /// How many there are at most.
        attempts: u32,
        /// How long is waited.
        delay: Duration,
        /// What was said.
        message: String,
    },
    /// An image is in the storage.
    Pulled {
        /// The image.
        reference: BoundReference,
        /// Digest of its manifest for this machine.
        digest: Digest,
    },
    /// The storage gets its SELinux labels, which happens once.
    Labelling,
}

/// Who is told. Called from several threads; should return quickly.
pub type OnEvent<'a> = &'a (dyn Fn(&Event) + Sync);
