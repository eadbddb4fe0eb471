//! From the source options and the environment to how a source is opened. The one place that reads the environment.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use image_source::{Auth, PolicyFile, Retry, SourceConfig};
use oci_manifest::Platform;

use crate::args::SourceArgs;

/// Where images that must be copied before they are read are put: large, and not in memory as `/tmp` may be.
const SPOOL: &str = "/var/tmp";

pub(crate) fn source_config(args: &SourceArgs) -> anyhow::Result<SourceConfig> {
    let root = Dir::open_ambient_dir("/", ambient_authority()).context("opening /")?;
    let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let spool = env("TMPDIR").map_or_else(|| PathBuf::from(SPOOL), PathBuf::from);
    let tmp = Dir::open_ambient_dir(&spool, ambient_authority()).with_context(|| {
        format!(
            "opening {} for temporary files ($TMPDIR names another directory)",
            spool.display()
        )
    })?;
    let auth = match (&args.authfile, args.auth_anonymous) {
        (Some(file), _) => Auth::File(absolute(file)?),
        (None, true) => Auth::Anonymous,
        (None, false) => image_source::auth::find(rustix::process::getuid().as_raw(), env, &root),
    };
    let policy = match &args.policy {
        Some(file) => PolicyFile(Some(absolute(file)?)),
        None => image_source::policy::find(env, &root)?,
    };
    Ok(SourceConfig {
        platform: args.platform.clone().unwrap_or_else(Platform::host),
        auth,
        cert_dir: args.cert_dir.as_deref().map(absolute).transpose()?,
        tls_verify: args.insecure_skip_tls_verification.then_some(false),
        policy,
        retry: Retry {
            attempts: args.retries.saturating_add(1),
            ..Retry::default()
        },
        stall_timeout: args.stall_timeout,
        skopeo: env("BOOTC_STORAGE_SKOPEO").map_or_else(|| PathBuf::from("skopeo"), PathBuf::from),
        tmp: Arc::new(tmp),
    })
}

/// Child processes may run elsewhere.
fn absolute(path: &std::path::Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("finding {}", path.display()))
}
