//! From the source options and the environment to how bound images are pulled.

use std::num::NonZeroUsize;

use anyhow::Context as _;
use bootc_storage::host::bound::BoundConfig;
use bootc_storage::pull::PullConfig;
use bound_images::Credentials;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use image_source::Auth;

use crate::args::BoundSourceArgs;

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
        source: pull.source.clone(),
        jobs: JOBS,
    })
}

/// `/run` of this machine, where podman finds the storage, whichever host's it is.
pub(crate) fn machine_run() -> anyhow::Result<Dir> {
    Dir::open_ambient_dir("/run", ambient_authority()).context("opening /run")
}
