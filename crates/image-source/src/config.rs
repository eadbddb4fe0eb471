//! What a caller decides about a source.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cap_std::fs::Dir;
use oci_manifest::Platform;

/// How images are fetched. Nothing here is read from the environment.
#[derive(Debug, Clone)]
pub struct SourceConfig {
    /// The platform chosen from an index, and expected of every image.
    pub platform: Platform,
    /// Credentials for registries.
    pub auth: Auth,
    /// A directory of certificates and keys (`*.crt`, `*.cert`, `*.key`) for the registry.
    pub cert_dir: Option<PathBuf>,
    /// `Some(false)` allows plain HTTP and unknown certificates; otherwise skopeo's default (verify).
    pub tls_verify: Option<bool>,
    /// The containers policy that `ostree-image-signed:` is checked against.
    pub policy: PolicyFile,
    /// How often, and how patiently, a failed transfer is repeated.
    pub retry: Retry,
    /// A source that delivers no byte for so long is given up.
    pub stall_timeout: Duration,
    /// The skopeo program: a name looked up in `PATH`, or a path.
    pub skopeo: PathBuf,
    /// Where private copies and decompressed archives are put. Needs room for one image.
    pub tmp: Arc<Dir>,
}

impl SourceConfig {
    /// The defaults: the host's platform, skopeo's own credentials, five attempts, a stall timeout of a minute.
    pub fn new(tmp: Arc<Dir>) -> Self {
        Self {
            platform: Platform::host(),
            auth: Auth::Default,
            cert_dir: None,
            tls_verify: None,
            policy: PolicyFile(None),
            retry: Retry::default(),
            stall_timeout: Duration::from_secs(60),
            skopeo: PathBuf::from("skopeo"),
            tmp,
        }
    }
}

/// Credentials for registries. See [`crate::auth::find`] for the lookup order of ostree hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// No credentials at all (`--no-creds`).
    Anonymous,
    /// A `containers-auth.json(5)` file.
    File(PathBuf),
    /// skopeo's own lookup: what `podman login` and `skopeo login` wrote.
    Default,
}

/// The containers policy file, found by the caller with [`crate::policy::find`]; `None` when there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyFile(
    /// Path of the file on this host.
    pub Option<PathBuf>,
);

/// Exponential back-off with jitter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in all, the first one counted; 0 is taken as 1.
    pub attempts: u32,
    /// The wait after the first failure; doubled after each further one.
    pub first_delay: Duration,
    /// No wait is longer than this.
    pub max_delay: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(30),
        }
    }
}

impl Retry {
    /// One attempt, no second one.
    pub fn never() -> Self {
        Self {
            attempts: 1,
            ..Self::default()
        }
    }
}
