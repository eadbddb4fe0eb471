//! From the proxy client's errors to ours.

use std::io;

use containers_image_proxy::{Error as ClientError, GetBlobError};

use crate::command::{self, Policy};
use crate::retry::{classify, explained};
use crate::{Error, FailureKind, SourceConfig};

use super::Target;

/// The protocol that the client needs at least, and the skopeo that brought it.
const NEEDED: &str = "image proxy protocol 0.2.3 (skopeo 1.5)";

/// Whether the process itself is gone: then the client's error is about the socket, and the cause is elsewhere.
pub(super) fn is_dead(error: &ClientError) -> bool {
    matches!(error, ClientError::Io(_) | ClientError::SerDe(_))
}

/// An error while the process was started.
pub(super) fn at_start(
    error: ClientError,
    target: &Target,
    config: &SourceConfig,
    policy: Policy<'_>,
) -> Error {
    match error {
        ClientError::SkopeoSpawnError(source) => {
            command::start_error(config, &target.shown, source)
        }
        error @ ClientError::ProxyTooOld { .. } => in_use(error, "the image", target, config),
        error => command::why_no_proxy(config, policy, &target.shown)
            .unwrap_or_else(|| in_use(error, "the image", target, config)),
    }
}

/// An error in a request.
pub(super) fn in_use(
    error: ClientError,
    what: &str,
    target: &Target,
    config: &SourceConfig,
) -> Error {
    let transport = |kind, message: String| {
        let message = explained(message);
        // "unexpected EOF" of a connection may pass, that of a file will not.
        let kind = match kind {
            FailureKind::Transient if target.is_of_files() => FailureKind::Permanent,
            kind => kind,
        };
        if let (FailureKind::Policy, Some(policy)) = (kind, target.policy.path()) {
            return Error::PolicyRejected {
                policy: policy.to_owned(),
                image: target.shown.clone(),
                message,
            };
        }
        Error::Transport {
            what: what.to_owned(),
            image: target.shown.clone(),
            kind,
            message,
        }
    };
    match error {
        ClientError::SkopeoSpawnError(source) => {
            command::start_error(config, &target.shown, source)
        }
        ClientError::ProxyTooOld { found_version, .. } => Error::ToolTooOld {
            program: config.skopeo.clone(),
            found: format!("(image proxy protocol {found_version})"),
            needed_for: target.shown.clone(),
            needed: NEEDED.to_owned(),
        },
        ClientError::RequestInitiationFailure { error, .. } => {
            transport(classify(&error), error.into())
        }
        ClientError::RequestReturned(error) => transport(classify(&error), error.into()),
        ClientError::RetryableRequestFailure { error, .. } => {
            transport(retryable(&error), error.into())
        }
        ClientError::BlobError(GetBlobError::Retryable(error)) => {
            transport(retryable(&error), error.into())
        }
        ClientError::BlobError(GetBlobError::Other(error)) => {
            transport(classify(&error), error.into())
        }
        error => {
            let text = error.to_string();
            match text.split_once("skopeo proxy unexpectedly exited during request method ") {
                Some((_, ending)) => exited(ending, config),
                None => transport(classify(&text), text),
            }
        }
    }
}

/// skopeo says that it may pass; but what is surely for ever stays so.
fn retryable(message: &str) -> FailureKind {
    match classify(message) {
        FailureKind::Permanent => FailureKind::Transient,
        kind => kind,
    }
}

/// `METHOD: STATUS`, and stderr on the lines after it.
fn exited(ending: &str, config: &SourceConfig) -> Error {
    let (first, stderr) = ending.split_once('\n').unwrap_or((ending, ""));
    let status = first.split_once(": ").map_or(first, |(_, status)| status);
    Error::ToolFailed {
        program: config.skopeo.clone(),
        args: vec!["experimental-image-proxy".to_owned()],
        status: status.to_owned(),
        stderr: command::last_words(stderr),
    }
}

/// A read from the data pipe failed.
pub(super) fn reading(source: io::Error, what: &str, target: &Target) -> Error {
    Error::Io {
        action: "read",
        path: format!("{what} of {}", target.shown),
        source,
    }
}
