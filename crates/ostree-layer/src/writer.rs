//! Small files on their way into the stage: a thread of their own writes them, as far as it keeps up.
//!
//! To make a small file costs several times what it costs to read and hash one. Where a layer comes in alone, the largest
//! of an image usually, a second processor would have nothing to do otherwise.

use std::mem;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread::{self, Scope, ScopedJoinHandle};

use ostree_store::{HashedFile, Stage};

use crate::Error;
use crate::show::show;

/// Files of one batch at most: enough that handing it over costs nothing beside writing it.
const BATCH_FILES: usize = 32;
/// Bytes of one batch, from which on it is handed over.
const BATCH_BYTES: usize = 128 * 1024;
/// Batches that wait at most: with the one being filled and the two being written 1.3 MB a layer at most.
const WAITING: usize = 2;

/// Files, each with the path of its entry for errors.
type Batch = Vec<(HashedFile, Box<str>)>;

type Thread<'scope> = ScopedJoinHandle<'scope, Result<(), Error>>;

/// The hashing thread's end.
pub(crate) struct Writer<'scope> {
    stage: &'scope Stage,
    batch: Batch,
    bytes: usize,
    batches: SyncSender<Batch>,
    /// None once its error is told.
    thread: Option<Thread<'scope>>,
}

impl<'scope> Writer<'scope> {
    /// Begins the thread. It ends with the writer, or at its first error.
    pub(crate) fn begin(
        scope: &'scope Scope<'scope, '_>,
        stage: &'scope Stage,
    ) -> Result<Self, Error> {
        let (batches, waiting) = mpsc::sync_channel(WAITING);
        let thread = thread::Builder::new()
            .name("files".to_owned())
            .spawn_scoped(scope, move || write_all(stage, &waiting))
            .map_err(|source| Error::Thread { source })?;
        Ok(Self {
            stage,
            batch: Vec::new(),
            bytes: 0,
            batches,
            thread: Some(thread),
        })
    }

    /// Sees to it that the file is written: soon, or now where more wait than the thread can do.
    pub(crate) fn write(&mut self, file: HashedFile, path: Box<str>) -> Result<(), Error> {
        self.bytes += file.bytes_in_memory();
        self.batch.push((file, path));
        if self.batch.len() < BATCH_FILES && self.bytes < BATCH_BYTES {
            return Ok(());
        }
        self.bytes = 0;
        match self.batches.try_send(mem::take(&mut self.batch)) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(batch)) => write_batch(self.stage, batch),
            Err(TrySendError::Disconnected(batch)) => {
                end(self.thread.take())?;
                write_batch(self.stage, batch)
            }
        }
    }

    /// All files are written when this returns.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let Self {
            stage,
            batch,
            batches,
            thread,
            ..
        } = self;
        let last = write_batch(stage, batch);
        drop(batches);
        end(thread).and(last)
    }
}

/// Waits for the thread, whose last batch has been sent.
fn end(thread: Option<Thread<'_>>) -> Result<(), Error> {
    match thread.map(ScopedJoinHandle::join) {
        Some(Ok(written)) => written,
        Some(Err(panic)) => std::panic::resume_unwind(panic),
        None => Ok(()),
    }
}

fn write_all(stage: &Stage, batches: &Receiver<Batch>) -> Result<(), Error> {
    let mut batches = batches.iter();
    batches.try_for_each(|batch| write_batch(stage, batch))
}

fn write_batch(stage: &Stage, batch: Batch) -> Result<(), Error> {
    for (file, path) in batch {
        let written = stage.write_hashed(&file);
        written.map_err(|source| Error::Store {
            path: show(path.as_bytes()),
            source,
        })?;
    }
    Ok(())
}
