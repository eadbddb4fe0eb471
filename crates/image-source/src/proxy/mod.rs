//! Images behind skopeo's image proxy: registries, `docker-archive:`, `dir:`, and private copies that need converting.
//!
//! A proxy process serves one blob at a time, whatever its client does, so every blob that is read at the same time
//! has a process of its own. A process that is done with its blob serves the next one.

mod failure;
mod reader;
mod worker;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oci_manifest::limits::MAX_CONFIG_BYTES;
use oci_manifest::{Config, Digest, Layer, Manifest, Platform};

use crate::document::{checked_config, digest_like, parse_manifest};
use crate::private_dir::PrivateDir;
use crate::{Blob, Encoding, Error, OnEvent, Source, SourceConfig, retry};

use reader::{BlobReader, RetryingReader};
use worker::Worker;

pub(crate) use worker::Enforced;

/// An image that skopeo reads for us.
#[derive(Debug)]
pub(crate) struct ProxySource {
    pool: Arc<Pool>,
    manifest: Manifest,
    digest: Digest,
    index_digest: Option<Digest>,
    platform: Platform,
    encoding: Encoding,
}

/// What is fetched through a proxy.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The image as the user knows it.
    pub(crate) shown: String,
    /// The image as skopeo is told.
    pub(crate) name: String,
    /// The digest by which a registry is asked: an index's, if it is not the manifest's.
    pub(crate) digest: Option<Digest>,
    /// How the blobs' compression is found out.
    pub(crate) encoding: Encoding,
    /// The containers policy to enforce.
    pub(crate) policy: Enforced,
    /// Where skopeo may put temporary files.
    pub(crate) tmp: PathBuf,
}

impl Target {
    /// Whether skopeo reads it from files: what it finds there does not change by itself.
    fn is_of_files(&self) -> bool {
        ["dir:", "docker-archive:"]
            .iter()
            .any(|transport| self.name.starts_with(transport))
    }
}

impl ProxySource {
    /// `private` is the directory that the target names, if there is one: it lives as long as the source.
    pub(crate) fn open(
        target: Target,
        private: Option<Arc<PrivateDir>>,
        config: &SourceConfig,
        on_event: &OnEvent,
    ) -> Result<Self, Error> {
        let in_reference = target.digest.clone();
        let encoding = target.encoding;
        let shown = target.shown.clone();
        let pool = Arc::new(Pool {
            target: Arc::new(target),
            config: Arc::new(config.clone()),
            on_event: Arc::clone(on_event),
            _private: private,
            idle: Mutex::new(Vec::new()),
        });
        let (digest, bytes) = pool.with_worker("manifest", Worker::manifest)?;
        let manifest = parse_manifest(&bytes, &shown)?;
        let digest: Digest = digest.parse().map_err(|source| Error::Document {
            what: "manifest digest".to_owned(),
            image: shown,
            source,
        })?;
        let index_digest = in_reference.filter(|named| *named != digest);
        Ok(Self {
            pool,
            manifest,
            digest,
            index_digest,
            platform: config.platform.clone(),
            encoding,
        })
    }
}

impl Source for ProxySource {
    fn manifest_digest(&self) -> &Digest {
        &self.digest
    }

    fn index_digest(&self) -> Option<&Digest> {
        self.index_digest.as_ref()
    }

    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn config(&self) -> Result<Config, Error> {
        let descriptor = self.manifest.config();
        let mut bytes = self.pool.with_worker("config", Worker::config)?;
        // skopeo writes the config anew from what it understood of it. Where that is not the original, the original
        // is a blob like any other.
        if digest_like(descriptor.digest.algorithm(), &bytes) != descriptor.digest {
            bytes = self.pool.read_small(&descriptor.digest, descriptor.size)?;
        }
        checked_config(&bytes, descriptor, &self.pool.target.shown, &self.platform)
    }

    fn blob(&self, layer: &Layer) -> Result<Blob, Error> {
        let descriptor = &layer.descriptor;
        let reader = RetryingReader::open(&self.pool, &descriptor.digest, descriptor.size)?;
        Ok(Blob {
            reader: Box::new(reader),
            encoding: self.encoding,
            digest_applies: true,
        })
    }
}

/// The proxy processes of one image.
struct Pool {
    target: Arc<Target>,
    config: Arc<SourceConfig>,
    on_event: OnEvent,
    /// A private directory, for as long as somebody can read from it. The processes' threads have no part in it: they may
    /// take a moment longer.
    _private: Option<Arc<PrivateDir>>,
    /// Processes that wait for work.
    idle: Mutex<Vec<Worker>>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

impl Pool {
    fn idle(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A process that waits, or a new one.
    fn take(&self) -> Result<Worker, Error> {
        let waiting = self.idle().pop();
        waiting.map_or_else(|| Worker::start(&self.target, &self.config), Ok)
    }

    fn give_back(&self, worker: Worker) {
        self.idle().push(worker);
    }

    /// One question to a process, repeated as configured; one that failed is ended.
    fn with_worker<T>(
        &self,
        what: &str,
        ask: impl Fn(&Worker) -> Result<T, Error>,
    ) -> Result<T, Error> {
        retry::run(&self.config.retry, &self.on_event, what, || {
            let worker = self.take()?;
            let answer = ask(&worker)?;
            self.give_back(worker);
            Ok(answer)
        })
    }

    /// A small blob, whole.
    fn read_small(self: &Arc<Self>, digest: &Digest, size: u64) -> Result<Vec<u8>, Error> {
        use std::io::Read as _;
        let limit = MAX_CONFIG_BYTES;
        let what = || format!("{digest} of {}", self.target.shown);
        if size > limit {
            return Err(Error::TooLarge {
                what: what(),
                size,
                limit,
            });
        }
        retry::run(
            &self.config.retry,
            &self.on_event,
            &digest.to_string(),
            || {
                let mut bytes = Vec::new();
                let reader = BlobReader::open(self, digest, size)?;
                reader
                    .take(limit)
                    .read_to_end(&mut bytes)
                    .map_err(|error| from_io(error, what()))?;
                Ok(bytes)
            },
        )
    }
}

/// Takes our own error out of a reader's.
fn from_io(error: std::io::Error, what: String) -> Error {
    match error.downcast::<Error>() {
        Ok(ours) => ours,
        Err(source) => Error::Io {
            action: "read",
            path: what,
            source,
        },
    }
}
