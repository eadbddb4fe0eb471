//! Whether this skopeo's image proxy enforces a policy: some only seem to.
//!
//! skopeo 1.9.3 takes `--policy` on the proxy's command line and serves what the policy rejects. So it is tried: a tiny
//! image of our own must be served under a policy that accepts, and refused under one that rejects. Only both together
//! prove anything: a proxy that fails for another reason refuses, too.

use std::path::Path;

use oci_manifest::Digest;

use crate::private_dir::PrivateDir;
use crate::proxy::{Enforced, ProxySource, Target};
use crate::{Encoding, Error, OnEvent, Retry, SourceConfig};

const ACCEPT: &str = r#"{"default":[{"type":"insecureAcceptAnything"}]}"#;
const REJECT: &str = r#"{"default":[{"type":"reject"}]}"#;

/// Tries it, in some tenths of a second.
///
/// # Errors
/// When the trial image cannot be written, or skopeo is missing or too old.
pub(crate) fn proxy_enforces(config: &SourceConfig, on_event: &OnEvent) -> Result<bool, Error> {
    let private = PrivateDir::create(&config.tmp)?;
    let at = private.path();
    write_trial(&private).map_err(|source| Error::Io {
        action: "write the trial image in",
        path: at.display().to_string(),
        source,
    })?;
    let patient = SourceConfig {
        retry: Retry::never(),
        ..config.clone()
    };
    let served = |policy: &str| {
        let target = target(&at, policy);
        ProxySource::open(target, None, &patient, on_event).map(drop)
    };
    match served("accept.json") {
        Ok(()) => {}
        Err(error @ (Error::ToolMissing { .. } | Error::ToolTooOld { .. })) => return Err(error),
        // No proof then: `skopeo copy` decides, and says what is wrong.
        Err(_) => return Ok(false),
    }
    Ok(matches!(
        served("reject.json"),
        Err(Error::PolicyRejected { .. })
    ))
}

fn target(at: &Path, policy: &str) -> Target {
    let name = format!("oci:{}:trial", at.display());
    Target {
        shown: name.clone(),
        name,
        digest: None,
        encoding: Encoding::Declared,
        policy: Enforced::File(at.join(policy)),
        tmp: at.to_owned(),
    }
}

/// An image of one empty layer, and the two policies.
fn write_trial(private: &PrivateDir) -> std::io::Result<()> {
    let dir = private.dir();
    dir.create_dir_all("blobs/sha256")?;
    let put = |bytes: &[u8]| -> std::io::Result<(Digest, usize)> {
        let digest = Digest::sha256_of(bytes);
        dir.write(crate::select::file_of(&digest), bytes)?;
        Ok((digest, bytes.len()))
    };
    let (layer, layer_size) = put(&[0_u8; 1024])?;
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{layer}"]}}}}"#
    );
    let (config, config_size) = put(config.as_bytes())?;
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":{config_size}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer}","size":{layer_size}}}]}}"#
    );
    let (manifest, manifest_size) = put(manifest.as_bytes())?;
    dir.write(
        "index.json",
        format!(
            r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{manifest}","size":{manifest_size},"annotations":{{"org.opencontainers.image.ref.name":"trial"}}}}]}}"#
        ),
    )?;
    dir.write("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    dir.write("accept.json", ACCEPT)?;
    dir.write("reject.json", REJECT)
}
