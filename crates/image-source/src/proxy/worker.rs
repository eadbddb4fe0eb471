//! One proxy process, and the thread that talks to it.
//!
//! The thread starts the process and asks the kernel to end it with the thread (`PR_SET_PDEATHSIG`). So a stalled
//! process needs no search by its id: the thread leaves, and exactly its own process gets SIGTERM.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use containers_image_proxy::{
    BlobStream, Error as ClientError, ImageProxy, ImageProxyConfig, OpenedImage,
};
use oci_manifest::Digest;
use tokio::io::AsyncReadExt as _;
use tokio::sync::{mpsc, oneshot};

use crate::command::{self, Policy};
use crate::{Auth, Error, SourceConfig};

use super::{Target, failure};

/// A pipe holds 64 KiB, so a read brings no more.
const CHUNK_BYTES: usize = 64 << 10;
/// Chunks on their way to the reader: 1 MiB a blob.
const CHUNKS_IN_FLIGHT: usize = 16;
/// How long an idle process may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);
/// How long the end of a process whose socket broke may take to be seen, with its last words.
const LAST_WORDS: Duration = Duration::from_secs(10);
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Which policy the proxy is told to enforce.
#[derive(Debug, Clone)]
pub(crate) enum Enforced {
    /// Whatever skopeo finds and does by itself.
    SkopeosOwn,
    /// This file. Only a skopeo that has been seen to enforce is given one.
    File(PathBuf),
    /// None: a private copy, which was checked when it was made.
    Checked,
}

impl Enforced {
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::SkopeosOwn | Self::Checked => None,
        }
    }

    fn for_command(&self) -> Policy<'_> {
        match self {
            Self::SkopeosOwn => Policy::SkopeosOwn,
            Self::File(path) => Policy::File(path),
            Self::Checked => Policy::None,
        }
    }
}

type Answer<T> = SyncSender<Result<T, Error>>;

enum Job {
    Manifest(Answer<(String, Vec<u8>)>),
    Config(Answer<Vec<u8>>),
    Blob {
        digest: Digest,
        size: u64,
        chunks: Answer<Vec<u8>>,
        cancel: oneshot::Receiver<()>,
    },
}

/// A process with the image opened. Dropping it ends the process.
#[derive(Debug)]
pub(super) struct Worker {
    jobs: mpsc::UnboundedSender<Job>,
    target: Arc<Target>,
}

/// A blob on its way. An empty chunk is its checked end; dropping it ends the transfer, and the process with it.
pub(super) struct Transfer {
    pub(super) chunks: Receiver<Result<Vec<u8>, Error>>,
    _cancel: oneshot::Sender<()>,
}

impl Worker {
    /// Starts a process and opens the image.
    pub(super) fn start(target: &Arc<Target>, config: &Arc<SourceConfig>) -> Result<Self, Error> {
        let (jobs, to_do) = mpsc::unbounded_channel();
        let (ready, opened) = sync_channel(1);
        let mine = Arc::clone(target);
        let config = Arc::clone(config);
        std::thread::Builder::new()
            .name("image-proxy".to_owned())
            .spawn(move || {
                let runtime = match tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .build()
                {
                    Ok(runtime) => runtime,
                    Err(source) => {
                        let _gone = ready.send(Err(failure::reading(source, "the runtime", &mine)));
                        return;
                    }
                };
                runtime.block_on(serve(
                    &Serving {
                        target: &mine,
                        config: &config,
                    },
                    ready,
                    to_do,
                ));
                // Threads that wait for the process are not waited for: it ends because this thread does.
                runtime.shutdown_background();
            })
            .map_err(|source| Error::Io {
                action: "start a thread for",
                path: target.shown.clone(),
                source,
            })?;
        let worker = Self {
            jobs,
            target: Arc::clone(target),
        };
        opened
            .recv()
            .unwrap_or_else(|_| Err(worker.ended("the image")))?;
        Ok(worker)
    }

    /// The manifest's original digest, and its bytes as OCI.
    pub(super) fn manifest(&self) -> Result<(String, Vec<u8>), Error> {
        self.ask("the manifest", Job::Manifest)
    }

    /// The config as skopeo writes it.
    pub(super) fn config(&self) -> Result<Vec<u8>, Error> {
        self.ask("the config", Job::Config)
    }

    /// Starts the transfer of a blob.
    pub(super) fn blob(&self, digest: &Digest, size: u64) -> Result<Transfer, Error> {
        let (sender, chunks) = sync_channel(CHUNKS_IN_FLIGHT);
        let (cancelled, cancel) = oneshot::channel();
        self.jobs
            .send(Job::Blob {
                digest: digest.clone(),
                size,
                chunks: sender,
                cancel,
            })
            .map_err(|_| self.ended(&digest.to_string()))?;
        Ok(Transfer {
            chunks,
            _cancel: cancelled,
        })
    }

    fn ask<T>(&self, what: &str, job: impl FnOnce(Answer<T>) -> Job) -> Result<T, Error> {
        let (sender, answer) = sync_channel(1);
        self.jobs.send(job(sender)).map_err(|_| self.ended(what))?;
        answer.recv().unwrap_or_else(|_| Err(self.ended(what)))
    }

    fn ended(&self, what: &str) -> Error {
        Error::Ended {
            what: what.to_owned(),
            image: self.target.shown.clone(),
        }
    }
}

/// What the thread works with.
struct Serving<'a> {
    target: &'a Target,
    config: &'a SourceConfig,
}

/// Does what it is asked until nobody can ask any more, or something fails. A failed process is not used again.
async fn serve(serving: &Serving<'_>, ready: Answer<()>, mut jobs: mpsc::UnboundedReceiver<Job>) {
    let (proxy, image) = match serving.open().await {
        Ok(opened) => opened,
        Err(error) => {
            let _gone = ready.send(Err(error));
            return;
        }
    };
    if ready.send(Ok(())).is_err() {
        return;
    }
    while let Some(job) = jobs.recv().await {
        let served = match job {
            Job::Manifest(answer) => {
                let request = proxy.fetch_manifest_raw_oci(&image);
                serving
                    .answer(&proxy, &image, "the manifest", request, &answer)
                    .await
            }
            Job::Config(answer) => {
                let request = proxy.fetch_config_raw(&image);
                serving
                    .answer(&proxy, &image, "the config", request, &answer)
                    .await
            }
            Job::Blob {
                digest,
                size,
                chunks,
                cancel,
            } => {
                serving
                    .blob(&proxy, &image, &digest, size, &chunks, cancel)
                    .await
            }
        };
        if !served {
            return;
        }
    }
    let goodbye = async {
        let _closed = proxy.close_image(&image).await;
        let _finished = proxy.finalize().await;
    };
    let _in_time = tokio::time::timeout(GOODBYE, goodbye).await;
}

/// The cause behind a broken socket: what the process said before it went comes with a later request, once its end has
/// been seen. On a busy machine that takes a while, so it is asked for until it is told.
async fn cause(mut error: ClientError, ask: impl AsyncFn() -> Option<ClientError>) -> ClientError {
    let told = async {
        while failure::is_dead(&error) {
            tokio::time::sleep(ASK_AGAIN).await;
            match ask().await {
                Some(next) => error = next,
                None => break,
            }
        }
    };
    let _in_time = tokio::time::timeout(LAST_WORDS, told).await;
    error
}

impl Serving<'_> {
    async fn open(&self) -> Result<(ImageProxy, OpenedImage), Error> {
        let policy = self.target.policy.for_command();
        let mut options = ImageProxyConfig::default();
        options.skopeo_cmd = Some(command::skopeo(self.config, policy, Some(&self.target.tmp)));
        match &self.config.auth {
            Auth::Anonymous => options.auth_anonymous = true,
            Auth::File(path) => options.authfile = Some(path.clone()),
            Auth::Default => {}
        }
        options
            .certificate_directory
            .clone_from(&self.config.cert_dir);
        options.insecure_skip_tls_verification = self.config.tls_verify.map(|verify| !verify);
        let what = "the image";
        let proxy = match self
            .in_time(what, ImageProxy::new_with_config(options))
            .await?
        {
            Ok(proxy) => proxy,
            Err(error) => return Err(failure::at_start(error, self.target, self.config, policy)),
        };
        match self
            .in_time(what, proxy.open_image(&self.target.name))
            .await?
        {
            Ok(image) => Ok((proxy, image)),
            Err(error) => {
                let ask = async || proxy.open_image(&self.target.name).await.err();
                let cause = cause(error, ask).await;
                Err(failure::in_use(cause, what, self.target, self.config))
            }
        }
    }

    /// Waits no longer than the stall timeout.
    async fn in_time<T>(&self, what: &str, future: impl Future<Output = T>) -> Result<T, Error> {
        let timeout = self.config.stall_timeout;
        tokio::time::timeout(timeout, future)
            .await
            .map_err(|_| Error::Stalled {
                what: what.to_owned(),
                image: self.target.shown.clone(),
                timeout,
            })
    }

    /// Passes on the answer to a request; whether the process may be used again.
    async fn answer<T>(
        &self,
        proxy: &ImageProxy,
        image: &OpenedImage,
        what: &str,
        request: impl Future<Output = containers_image_proxy::Result<T>>,
        answer: &Answer<T>,
    ) -> bool {
        let result = match self.in_time(what, request).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.explain(proxy, image, what, error).await),
            Err(stalled) => Err(stalled),
        };
        let fine = result.is_ok();
        answer.send(result).is_ok() && fine
    }

    /// The true error behind one of the socket.
    async fn explain(
        &self,
        proxy: &ImageProxy,
        image: &OpenedImage,
        what: &str,
        error: ClientError,
    ) -> Error {
        let ask = async || proxy.close_image(image).await.err();
        failure::in_use(cause(error, ask).await, what, self.target, self.config)
    }

    /// Passes on a blob; whether the process may be used again.
    async fn blob(
        &self,
        proxy: &ImageProxy,
        image: &OpenedImage,
        digest: &Digest,
        size: u64,
        chunks: &Answer<Vec<u8>>,
        cancel: oneshot::Receiver<()>,
    ) -> bool {
        let what = digest.to_string();
        let transfer = async {
            let named = what.parse().map_err(|_| Error::Transport {
                what: what.clone(),
                image: self.target.shown.clone(),
                kind: crate::FailureKind::Permanent,
                message: "skopeo's client does not know this digest algorithm".to_owned(),
            })?;
            let stream = match self
                .in_time(&what, proxy.get_blob_stream(image, &named, size))
                .await?
            {
                Ok(stream) => stream,
                Err(error) => return Err(self.explain(proxy, image, &what, error).await),
            };
            self.pump(proxy, image, &what, stream, chunks).await
        };
        let result = tokio::select! {
            biased;
            _ = cancel => return false,
            result = transfer => result,
        };
        let fine = result.is_ok();
        // The reader's end, or its error; nobody there is as good.
        let sent = chunks.send(result.map(|()| Vec::new())).is_ok();
        sent && fine
    }

    /// Reads the data pipe and drives the end check beside it: the process closes the pipe only when it is asked
    /// for the check's result.
    async fn pump(
        &self,
        proxy: &ImageProxy,
        image: &OpenedImage,
        what: &str,
        stream: BlobStream<'_>,
        chunks: &Answer<Vec<u8>>,
    ) -> Result<(), Error> {
        let (mut reader, mut driver) = stream.into_parts();
        let mut checked = None;
        let mut buffer = vec![0_u8; CHUNK_BYTES];
        let broken = loop {
            tokio::select! {
                biased;
                result = &mut driver, if checked.is_none() => checked = Some(result),
                read = self.in_time(what, reader.read(&mut buffer)) => match read? {
                    Ok(0) => break None,
                    // Blocks while the reader is behind. Nothing else waits for this thread meanwhile.
                    Ok(read) => if chunks.send(Ok(buffer[..read].to_vec())).is_err() {
                        return Err(failure::reading(std::io::ErrorKind::BrokenPipe.into(), what, self.target));
                    },
                    Err(error) => break Some(error),
                },
            }
        };
        let checked = match checked {
            Some(result) => result,
            None => self.in_time(what, driver).await?,
        };
        // The check knows why the bytes ended; the pipe only knows that they did.
        match (checked, broken) {
            (Err(error), _) => Err(self.explain(proxy, image, what, error).await),
            (Ok(()), Some(source)) => Err(failure::reading(source, what, self.target)),
            (Ok(()), None) => Ok(()),
        }
    }
}
