//! A private copy of an image, made by `skopeo copy`, which is read in the image's place.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cap_std::fs::Dir;
use oci_manifest::ImageReference;

use crate::command::{self, Policy, RunError};
use crate::private_dir::PrivateDir;
use crate::retry::{self, classify};
use crate::{CopyReason, Error, FailureKind, OnEvent, SourceConfig, SourceEvent, docker_archive};

/// The copy's place in the private directory, a `dir:` of skopeo's.
pub(crate) const IMAGE: &str = "image";
/// The place of skopeo's temporary files.
pub(crate) const TMP: &str = "tmp";
/// Events about the growing copy come no oftener.
const EVENT_EVERY: Duration = Duration::from_millis(200);

/// Copies the image into a private directory, under `policy` when there is one. Transfers are repeated as configured.
///
/// # Errors
/// [`Error::PolicyRejected`] when the policy refuses; nothing is left behind then.
pub(crate) fn copy(
    image: &ImageReference,
    policy: Option<&Path>,
    reason: CopyReason,
    config: &SourceConfig,
    on_event: &OnEvent,
) -> Result<Arc<PrivateDir>, Error> {
    on_event(SourceEvent::Copying {
        reference: image.to_string(),
        reason,
    });
    let from = docker_archive::prepare(image, config, on_event)?;
    retry::run(&config.retry, on_event, "image", || {
        copy_once(image, &from.name, policy, config, on_event)
    })
    .map(Arc::new)
}

fn copy_once(
    image: &ImageReference,
    from: &str,
    policy: Option<&Path>,
    config: &SourceConfig,
    on_event: &OnEvent,
) -> Result<PrivateDir, Error> {
    let private = PrivateDir::create(&config.tmp)?;
    let to = private.path().join(IMAGE);
    let tmp = private.path().join(TMP);
    for name in [IMAGE, TMP] {
        private.dir().create_dir(name).map_err(|source| Error::Io {
            action: "create",
            path: private.path().join(name).display().to_string(),
            source,
        })?;
    }
    let with = policy.map_or(Policy::None, Policy::File);
    let mut command = command::copy(config, with, from, &to, &tmp);
    let mut told = Instant::now();
    let measure = || {
        let bytes = bytes_in(private.dir());
        if told.elapsed() >= EVENT_EVERY {
            told = Instant::now();
            on_event(SourceEvent::CopyProgress { bytes });
        }
        bytes
    };
    let shown = image.to_string();
    let ended =
        command::run(&mut command, config.stall_timeout, measure).map_err(|error| match error {
            RunError::Start(source) => command::start_error(config, &shown, source),
            RunError::Stalled => Error::Stalled {
                what: "the copy".to_owned(),
                image: shown.clone(),
                timeout: config.stall_timeout,
            },
        })?;
    if ended.success {
        return Ok(private);
    }
    let message = retry::explained(command::last_words(&ended.stderr));
    let kind = classify(&message);
    Err(match (kind, policy) {
        (FailureKind::Policy, Some(policy)) => Error::PolicyRejected {
            policy: policy.to_owned(),
            image: shown,
            message,
        },
        // Not skopeo's log format: it did not get as far as the image.
        (FailureKind::Permanent, _) if !ended.stderr.contains("level=fatal") => Error::ToolFailed {
            program: config.skopeo.clone(),
            args: command::args_of(&command),
            status: ended.status,
            stderr: message,
        },
        _ => Error::Transport {
            what: "image".to_owned(),
            image: shown,
            kind,
            message,
        },
    })
}

/// Bytes in a directory's files, temporary directories of skopeo's included.
fn bytes_in(dir: &Dir) -> u64 {
    let Ok(entries) = dir.entries() else { return 0 };
    entries
        .flatten()
        .filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            if metadata.is_dir() {
                entry.open_dir().ok().map(|dir| bytes_in(&dir))
            } else {
                Some(metadata.len())
            }
        })
        .fold(0, u64::saturating_add)
}
