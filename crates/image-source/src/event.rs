//! What a source tells while it works.

use std::sync::Arc;
use std::time::Duration;

/// Receives [`SourceEvent`]s; kept by the source, because blobs are retried long after `open` returned.
pub type OnEvent = Arc<dyn Fn(SourceEvent) + Send + Sync>;

/// Something worth telling the user that is no failure of the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceEvent {
    /// A transfer failed in a way worth repeating, and will be repeated after `delay`.
    Retrying {
        /// What was being fetched, e.g. `manifest` or a blob digest.
        what: String,
        /// The number of the attempt that failed, from 1.
        attempt: u32,
        /// Attempts in all.
        attempts: u32,
        /// The wait before the next attempt.
        delay: Duration,
        /// Why the attempt failed.
        error: String,
    },
    /// The image is first copied with `skopeo copy` into the private directory; this can take long.
    Copying {
        /// The image.
        reference: String,
        /// Why it is not read in place.
        reason: CopyReason,
    },
    /// The copy grew; not more often than five times a second.
    CopyProgress {
        /// Bytes in the private directory by now.
        bytes: u64,
    },
    /// A compressed archive is first decompressed into an unlinked temporary file.
    Decompressing {
        /// Path of the archive.
        archive: String,
    },
}

/// Why an image is copied before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CopyReason {
    /// The policy must be enforced, and this skopeo enforces it only in `skopeo copy`.
    Policy,
    /// The transport cannot serve single blobs through the image proxy.
    Transport,
}
