//! From the source options and the environment to how bound images are pulled.

use std::num::NonZeroUsize;

use anyhow::Context as _;
use bootc_storage::host::bound::BoundConfig;
use bootc_storage::pull::PullConfig;
use bound_images::{Access, Credentials};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use image_source::Auth;

use crate::args::{BoundSourceArgs, SourceArgs};
use crate::verbs::host::pull_config;

/// Each is a podman with its own connections and buffers.
const JOBS: NonZeroUsize = match NonZeroUsize::new(3) {
    Some(jobs) => jobs,
    None => NonZeroUsize::MIN,
};

/// As the host's own image is pulled: the same credentials, and as often tried again.
pub(crate) fn bound_config(
    pull: &PullConfig,
    from: &BoundSourceArgs,
) -> anyhow::Result<BoundConfig> {
    let credentials = match &pull.source.auth {
        Auth::File(path) => {
            let read = std::fs::read(path);
            Credentials::File(read.with_context(|| format!("reading {}", path.display()))?)
        }
        // podman runs as root, whose own logins do not count.
        Auth::Anonymous | Auth::Default => Credentials::None,
    };
    Ok(BoundConfig {
        run: machine_run()?,
        credentials,
        registries_conf: std::env::var_os("CONTAINERS_REGISTRIES_CONF"),
        sources: from.named(),
        access: Access {
            platform: pull.source.platform.clone(),
            ..Access::default()
        },
        source: pull.source.clone(),
        jobs: JOBS,
    })
}

/// The same, for verbs about bound images alone: options about a registry's certificates mean theirs. Beside a host's image
/// they mean that one's registry, and for bound images the machine's `registries.conf` decides.
pub(super) fn of_bound_images(
    source: &SourceArgs,
    from: &BoundSourceArgs,
) -> anyhow::Result<BoundConfig> {
    let mut config = bound_config(&pull_config(source)?, from)?;
    config.access.cert_dir.clone_from(&config.source.cert_dir);
    config.access.tls_verify = config.source.tls_verify;
    Ok(config)
}

/// `/run` of this machine, where podman finds the storage, whichever host's it is.
pub(crate) fn machine_run() -> anyhow::Result<Dir> {
    Dir::open_ambient_dir("/run", ambient_authority()).context("opening /run")
}
