//! One layer in, one staged commit out.

use std::fmt;
use std::io::{self, BufRead, Read};
use std::thread::{self, Scope};

use oci_manifest::{DiffId, Layer, Role};
use ostree_objects::Checksum;
use ostree_store::Stage;

use crate::blob::Blob;
use crate::content::Content;
use crate::decompress::Decoder;
use crate::derived::{Derived, Parsed};
use crate::encapsulated::{Encapsulated, Part};
use crate::pipe::{Drainer, Filler, pipe};
use crate::tar::{Archive, Entry};
use crate::writer::Writer;
use crate::{Error, Labelling, Labels, Limits, PathPolicy, Report, UnlabelledLayer, Warning};

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
    /// Labels for what a derived layer brings; base layers bring their own.
    pub labels: Labelling<'a>,
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

/// What became of a layer.
#[derive(Debug)]
pub enum ImportedLayer {
    /// All of it is done.
    Staged(Box<StagedLayer>),
    /// A derived layer whose labels were sought and are not known.
    Unlabelled(Box<UnlabelledLayer>),
}

impl ImportedLayer {
    /// The layer with all that is to be done, see [`UnlabelledLayer::label`]; `labels` count only where they waited.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn label(self, labels: &dyn Labels) -> Result<StagedLayer, Error> {
        match self {
            Self::Staged(staged) => Ok(*staged),
            Self::Unlabelled(layer) => layer.label(labels),
        }
    }
}

/// Read one layer to its true end and stage what it holds.
///
/// Objects are hashed and written while the blob still comes in: one thread decompresses, this one parses and hashes, and
/// of a derived layer a third one helps to write small files. When this returns `Ok`, the
/// blob's digest and size (where they apply) and its diff_id are those that manifest and config promise; on any
/// error the stage and everything in it is gone.
///
/// # Errors
///
/// See [`Error`].
pub fn import(
    blob: impl Read + Send,
    input: &LayerInput<'_>,
    import: &Import<'_>,
    stage: Stage,
) -> Result<ImportedLayer, Error> {
    let (filler, drainer) = pipe();
    let (arrived, stored) = thread::scope(|scope| -> Result<_, Error> {
        let worker = move || decompress(blob, input, import, filler);
        let worker = thread::Builder::new()
            .name("layer".to_owned())
            .spawn_scoped(scope, worker)
            .map_err(|source| Error::Thread { source })?;
        let stored = store(scope, drainer, input, import, &stage);
        match worker.join() {
            Ok(arrived) => Ok((arrived, stored)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })?;
    let (arrived, stored) = agree(arrived, stored)?;
    let mut report = stored.report;
    report.blob_bytes = arrived.blob_bytes;
    report.bytes = arrived.bytes;
    Ok(match stored.outcome {
        Outcome::Committed { commit, commitmeta } => ImportedLayer::Staged(Box::new(StagedLayer {
            commit,
            stage,
            report,
            commitmeta,
        })),
        Outcome::Parsed(parsed) => ImportedLayer::Unlabelled(Box::new(UnlabelledLayer {
            parsed: *parsed,
            stage,
            diff_id: input.layer.diff_id.clone(),
            report,
        })),
    })
}

/// What the decompressing thread found when all was well.
struct Arrived {
    blob_bytes: u64,
    bytes: u64,
}

/// What the parsing thread made.
struct Stored {
    outcome: Outcome,
    report: Report,
}

/// How far the layer is.
enum Outcome {
    Committed {
        commit: Checksum,
        commitmeta: Option<Vec<u8>>,
    },
    Parsed(Box<Parsed>),
}

/// The two threads' results, or whichever error is the cause.
fn agree(
    arrived: Result<Option<Arrived>, Error>,
    stored: Result<Stored, Error>,
) -> Result<(Arrived, Stored), Error> {
    match (arrived, stored) {
        (Ok(Some(arrived)), Ok(stored)) => Ok((arrived, stored)),
        // What the archive's reader stumbled over is no more than a symptom if the blob is a wrong one. A full
        // disk is not.
        (Err(cause), Err(symptom))
            if symptom.is_stopped()
                || matches!(symptom, Error::Archive { .. } | Error::Entry { .. }) =>
        {
            Err(cause)
        }
        (_, Err(cause)) | (Err(cause), Ok(_)) => Err(cause),
        // The pipe's reader reads to the end unless it fails.
        (Ok(None), Ok(_)) => Err(Error::Blob {
            source: io::Error::other(crate::pipe::Stopped),
        }),
    }
}

/// Decompress, hash and hand on. `None`: the other side wanted no more.
fn decompress(
    blob: impl Read,
    input: &LayerInput<'_>,
    import: &Import<'_>,
    mut filler: Filler,
) -> Result<Option<Arrived>, Error> {
    /// When the import has failed, this much more of the blob is read at most to learn whether it is a wrong one.
    const RUN_OUT_BYTES: u64 = 16 * 1024 * 1024;
    let layer = input.layer;
    let descriptor = input.digest_applies.then_some(&layer.descriptor);
    let blob = Blob::new(blob, descriptor, import.on_bytes);
    let window = import.limits.zstd_window_bytes;
    let mut decoder = Decoder::new(blob, layer.compression, input.encoding, window)?;
    let mut content = Content::new(&layer.diff_id, import.limits);
    let mut at_end = false;
    while !at_end {
        let mut buffer = filler.buffer();
        let filled = match decoder.fill(&mut buffer) {
            Ok(filled) => filled,
            Err(error @ (Error::Blob { .. } | Error::BlobSize { .. })) => return Err(error),
            Err(error) => return Err(decoder.blob().run_out(RUN_OUT_BYTES).unwrap_or(error)),
        };
        at_end = filled < buffer.len();
        buffer.truncate(filled);
        content.update(&buffer, decoder.blob())?;
        if !filler.send(buffer) {
            return decoder.blob().run_out(RUN_OUT_BYTES).map_or(Ok(None), Err);
        }
    }
    decoder.blob().verify()?;
    let bytes = content.verify()?;
    let blob_bytes = decoder.blob().bytes_read();
    Ok(filler.finish().then_some(Arrived { blob_bytes, bytes }))
}

/// Parse and store.
fn store<'scope>(
    scope: &'scope Scope<'scope, '_>,
    drainer: Drainer,
    input: &LayerInput<'_>,
    import: &'scope Import<'scope>,
    stage: &'scope Stage,
) -> Result<Stored, Error> {
    let mut archive = Archive::new(drainer, import.limits);
    let mut report = Report::default();
    let mut importer = Importer::new(scope, input.layer.role, import, stage)?;
    while let Some(entry) = archive.next()? {
        for warning in archive.take_warnings() {
            report.warn(warning, import.limits.warnings);
        }
        importer.add(entry, &mut archive, &mut report)?;
    }
    for warning in archive.take_warnings() {
        report.warn(warning, import.limits.warnings);
    }
    report.entries = archive.entries();
    let trailing = archive.finish()?;
    if trailing > 0 {
        report.warn(
            Warning::TrailingData { bytes: trailing },
            import.limits.warnings,
        );
    }
    let outcome = importer.finish(&input.layer.diff_id)?;
    Ok(Stored { outcome, report })
}

/// The three roles of a layer.
enum Importer<'a> {
    Derived(Box<Derived<'a>>, &'a Stage),
    Encapsulated(Box<Encapsulated<'a>>),
}

impl<'a> Importer<'a> {
    fn new(
        scope: &'a Scope<'a, '_>,
        role: Role,
        import: &'a Import<'a>,
        stage: &'a Stage,
    ) -> Result<Self, Error> {
        let encapsulated =
            |part| Self::Encapsulated(Box::new(Encapsulated::new(part, import.limits, stage)));
        Ok(match role {
            Role::Derived => {
                let writer = Writer::begin(scope, stage)?;
                let derived = Derived::new(import, stage, writer)?;
                Self::Derived(Box::new(derived), stage)
            }
            Role::Commit => encapsulated(Part::Commit),
            Role::Chunk => encapsulated(Part::Chunk),
        })
    }

    fn add<R: BufRead>(
        &mut self,
        entry: Entry,
        archive: &mut Archive<'_, R>,
        report: &mut Report,
    ) -> Result<(), Error> {
        match self {
            Self::Derived(derived, ..) => derived.add(entry, archive, report),
            Self::Encapsulated(encapsulated) => encapsulated.add(entry, archive, report),
        }
    }

    fn finish(self, diff_id: &DiffId) -> Result<Outcome, Error> {
        let (commit, commitmeta) = match self {
            Self::Derived(derived, stage) => {
                let labels = derived.labels();
                let parsed = derived.parsed(diff_id.to_string())?;
                match labels {
                    None => return Ok(Outcome::Parsed(Box::new(parsed))),
                    Some(labels) => (parsed.finish(stage, labels)?, None),
                }
            }
            Self::Encapsulated(encapsulated) => encapsulated.finish()?,
        };
        Ok(Outcome::Committed { commit, commitmeta })
    }
}
