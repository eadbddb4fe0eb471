//! What a source says of an image, without its layers.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use oci_manifest::{Digest, Document, Manifest, parse_document};

use crate::program::{CREDENTIALS, last_words, not_run, run_plain};
use crate::{Access, BoundReference, Credentials, LookUp, Source};

/// What a source has under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Digest of the manifest, or of the index, that the name leads to.
    pub digest: Digest,
    /// The layers and the config for this machine, and what each takes in transfer.
    pub blobs: BTreeMap<Digest, u64>,
}

impl Found {
    /// What a source has: `digest` is that of what the name leads to, `manifest` that for this machine.
    #[must_use]
    pub fn new(digest: Digest, manifest: &Manifest) -> Self {
        let layers = manifest.layers().iter();
        let blobs = layers.chain([manifest.config()]);
        Self {
            digest,
            blobs: blobs.map(|one| (one.digest.clone(), one.size)).collect(),
        }
    }

    /// What they take together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.blobs.values().copied().fold(0, u64::saturating_add)
    }
}

/// Asks registries and other sources, through skopeo.
#[derive(Debug)]
pub struct Registry<'a> {
    credentials: &'a Credentials,
    access: &'a Access,
    /// podman's own variable, which skopeo takes as an option.
    registries_conf: Option<OsString>,
    stall: Duration,
}

impl<'a> Registry<'a> {
    /// Ask with these credentials. `registries_conf` is what the environment has as `CONTAINERS_REGISTRIES_CONF`: podman
    /// heeds it, skopeo has to be told. Who says nothing for as long as `stall` is not waited for.
    #[must_use]
    pub const fn new(
        credentials: &'a Credentials,
        access: &'a Access,
        registries_conf: Option<OsString>,
        stall: Duration,
    ) -> Self {
        Self {
            credentials,
            access,
            registries_conf,
            stall,
        }
    }

    fn manifest(&self, name: &str) -> Result<Vec<u8>, String> {
        let mut command = Command::new("skopeo");
        if let Some(path) = &self.registries_conf {
            command.arg("--registries-conf").arg(path);
        }
        command.args(["inspect", "--raw"]);
        if name.starts_with("docker://") {
            command.args(self.access.of_registry());
        }
        command.arg(name);
        command.env("REGISTRY_AUTH_FILE", CREDENTIALS.1);
        let file = self.credentials.file().map_err(|error| error.to_string())?;
        match run_plain(command, Some(Arc::new(file)), self.stall) {
            Ok(ended) if ended.success => Ok(ended.stdout),
            Ok(ended) => Err(last_words(&ended.stderr)),
            Err(error) => {
                Err(not_run("skopeo", "it asks registries about images", error).to_string())
            }
        }
    }
}

impl LookUp for Registry<'_> {
    /// In an OCI directory or archive, nothing is known of an image for several platforms: skopeo does not read there by
    /// digest.
    fn look_up(&self, reference: &BoundReference, source: &Source) -> Result<Found, String> {
        let bytes = self.manifest(&source.skopeo_name(&reference.to_string()))?;
        let digest = match reference.digest() {
            Some(digest) => digest.clone(),
            None => Digest::sha256_of(&bytes),
        };
        let manifest = match parse_document(&bytes).map_err(|error| error.to_string())? {
            Document::Manifest(manifest) => manifest,
            Document::Index(index) => {
                let chosen = index.select(&self.access.platform);
                let chosen = chosen.map_err(|error| error.to_string())?;
                let name = format!("{}@{}", reference.repository(), chosen.digest);
                let bytes = self.manifest(&source.skopeo_name(&name))?;
                Manifest::parse(&bytes).map_err(|error| error.to_string())?
            }
        };
        Ok(Found::new(digest, &manifest))
    }
}
