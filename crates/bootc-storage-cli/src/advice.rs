//! After an error: what to do about it, in a line.

use std::error::Error as StdError;
use std::io;

use bootc_storage::Kind;
use bootc_storage::host::HostError;
use image_source::FailureKind;
use ostree_flatten::composefs;

use crate::bound_advice;
use crate::exit::kind_of;

/// The line after `hint:`, where there is something to do that the error does not say itself. `can_prune` tells whether
/// the repository holds something that a prune would free.
pub(crate) fn advice(
    error: &anyhow::Error,
    can_prune: impl FnOnce() -> bool,
) -> Option<&'static str> {
    if let Some(source) = error.chain().find_map(source_error) {
        return source_advice(source);
    }
    if let Some(bootc_storage::Error::Bound(bound)) = error.downcast_ref() {
        return bound_advice::of(bound);
    }
    if let Some(bootc_storage::Error::SpaceForAll(_)) = error.downcast_ref() {
        return can_prune().then_some("`bootc-storage host prune --dry-run` shows what can go");
    }
    if let Some(bootc_storage::Error::NotFound { .. }) = error.downcast_ref() {
        return Some("`bootc-storage image list` shows the images that are stored");
    }
    if error.chain().any(needs_libselinux) {
        return Some(match cfg!(feature = "libselinux") {
            true => "--selinux-engine libselinux has libselinux look up the labels",
            false => {
                "a program built with `--features libselinux` can pull it, with --selinux-engine libselinux"
            }
        });
    }
    let says_it_itself = error.chain().any(|cause| {
        matches!(
            cause.downcast_ref::<bootc_storage::Error>(),
            Some(bootc_storage::Error::RemoteCannotVerify { .. })
        ) || is_told_by_host(cause)
            || cause.downcast_ref::<crate::repository::Error>().is_some()
            // The object store's own words.
            || cause.to_string().contains("is written as root")
    });
    // A file that was named, not what is stored.
    let is_of_a_file = error.downcast_ref::<composefs::Error>().is_some();
    if says_it_itself || is_of_a_file {
        return None;
    }
    match kind_of(error) {
        Kind::Busy => Some("wait for the other program, or give a longer --lock-timeout"),
        Kind::Network => Some(AGAIN),
        Kind::NoSpace => {
            can_prune().then_some("`bootc-storage image prune --dry-run` shows what can go")
        }
        Kind::Corrupt => Some("`bootc-storage image check` shows what is damaged"),
        Kind::Unverified => Some("nothing of what failed was kept; tell who publishes the image"),
        Kind::Denied if is_read_only(error) => Some("the file system is mounted read-only"),
        Kind::Denied => Some("run it as the user that the files belong to"),
        _ => None,
    }
}

fn needs_libselinux(cause: &(dyn StdError + 'static)) -> bool {
    let boxed = cause.downcast_ref::<Box<selinux_label::Error>>();
    let error = boxed.map(AsRef::as_ref).or_else(|| cause.downcast_ref());
    matches!(error, Some(selinux_label::Error::UnsupportedRegex { .. }))
}

/// Errors about deployments name the next command, all but those that any program's locks and files can give.
fn is_told_by_host(cause: &(dyn StdError + 'static)) -> bool {
    match cause.downcast_ref::<bootc_storage::Error>() {
        Some(bootc_storage::Error::Host(error)) => !matches!(
            **error,
            HostError::Busy { .. } | HostError::Changed | HostError::Io { .. }
        ),
        _ => false,
    }
}

fn is_read_only(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|cause| cause.kind() == io::ErrorKind::ReadOnlyFilesystem)
    })
}

const AGAIN: &str = "layers that were finished are kept; run the same command again";

fn source_advice(source: &image_source::Error) -> Option<&'static str> {
    use image_source::Error as Source;
    match source {
        Source::Transport { kind, message, .. } => transport_advice(*kind, message),
        Source::Stalled { .. } => Some(
            "layers that were finished are kept; run it again, or give a longer --stall-timeout",
        ),
        Source::PolicyRejected { .. } => {
            Some("what the policy accepts: containers-policy.json(5); --policy names another file")
        }
        Source::PolicyAcceptsAnything { .. } => Some(
            "name keys in the policy, containers-policy.json(5), or ask for the image without ostree-image-signed:",
        ),
        Source::DigestMismatch { .. } | Source::SizeMismatch { .. } => {
            Some("nothing of what failed was kept; tell who publishes the image")
        }
        Source::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            Some("run it as a user who may read the image")
        }
        _ => None,
    }
}

/// The words are those of skopeo and of Go's libraries: good enough for a hint, and for nothing else.
fn transport_advice(kind: FailureKind, message: &str) -> Option<&'static str> {
    let says = |words: &str| message.contains(words);
    if says("server gave HTTP response to HTTPS client")
        || says("first record does not look like a TLS handshake")
    {
        return Some(
            "the registry speaks plain HTTP: if that is right, give --insecure-skip-tls-verification",
        );
    }
    if says("x509:") || says("tls: ") {
        return Some("--cert-dir names the registry's certificates");
    }
    if says("no such host") {
        return Some(
            "is the registry's name right (an image in a directory is oci:DIR), and does this machine have a network?",
        );
    }
    if says("pinging container registry") && says("invalid status code") {
        return Some("what answers there is no container registry: are host and port right?");
    }
    if says("connection refused") {
        return Some(
            "is the registry up, and its port right? Layers that were finished are kept; run the same command again",
        );
    }
    match kind {
        FailureKind::Auth => Some(
            "name credentials with --authfile; root's are read from /etc/ostree/auth.json, not from a login",
        ),
        FailureKind::NotFound => Some("are the image's name and tag right?"),
        FailureKind::Transient => Some(AGAIN),
        FailureKind::Integrity => {
            Some("nothing of what failed was kept; tell who publishes the image")
        }
        _ => None,
    }
}

/// The source's error in one link of a chain: as it is, boxed, or inside a reader's error.
fn source_error<'e>(cause: &'e (dyn StdError + 'static)) -> Option<&'e image_source::Error> {
    if let Some(boxed) = cause.downcast_ref::<Box<image_source::Error>>() {
        return Some(boxed);
    }
    if let Some(io) = cause.downcast_ref::<io::Error>() {
        return source_error(io.get_ref()?);
    }
    cause.downcast_ref()
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;
    use image_source::{Error, FailureKind};

    use super::{AGAIN, advice};

    fn transport(kind: FailureKind, message: &str) -> anyhow::Error {
        let source = Box::new(Error::Transport {
            what: "the manifest".to_owned(),
            image: "docker://localhost/os:v1".to_owned(),
            kind,
            message: message.to_owned(),
        });
        bootc_storage::Error::Source {
            reference: "docker://localhost/os:v1".to_owned(),
            source,
        }
        .into()
    }

    #[test]
    fn a_hint_fits_the_cause() {
        let plain =
            "Get \"https://localhost/v2/\": http: server gave HTTP response to HTTPS client";
        for (kind, message, word) in [
            (
                FailureKind::Permanent,
                plain,
                "--insecure-skip-tls-verification",
            ),
            (
                FailureKind::Permanent,
                "x509: unknown authority",
                "--cert-dir",
            ),
            (FailureKind::Auth, "unauthorized", "--authfile"),
            (
                FailureKind::Permanent,
                "Get \"https://localhost/v2/\": tls: first record does not look like a TLS handshake",
                "--insecure-skip-tls-verification",
            ),
            (
                FailureKind::Unreachable,
                "dial tcp: lookup x: no such host",
                "oci:DIR",
            ),
            (
                FailureKind::NotFound,
                "pinging container registry x: invalid status code from registry 404 (Not Found)",
                "no container registry",
            ),
            (FailureKind::Transient, "connection refused", "port"),
            (FailureKind::Transient, "unexpected EOF", AGAIN),
            (FailureKind::NotFound, "manifest unknown", "tag"),
        ] {
            let hint = advice(&transport(kind, message), || true);
            assert!(
                hint.is_some_and(|hint| hint.contains(word)),
                "{message}: {hint:?}"
            );
        }
    }

    #[test]
    fn a_layers_reader_carries_the_sources_error() {
        let source = std::io::Error::other(Error::NoImage {
            path: "/x".to_owned(),
        });
        let error = anyhow::Error::from(ostree_layer::Error::Blob { source }).context("layer 1");
        assert!(error.chain().find_map(super::source_error).is_some());
        assert_eq!(advice(&error, || true), None);
    }

    #[test]
    fn what_says_itself_what_to_do_has_no_hint() {
        let error = bootc_storage::Error::RemoteCannotVerify {
            reason: "the image has no ostree base",
        };
        assert_eq!(advice(&error.into(), || true), None);
        let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let denied = Err::<(), _>(denied).context("opening /x").unwrap_err();
        assert!(advice(&denied, || true).is_some_and(|hint| hint.contains("user")));
    }

    #[test]
    fn a_check_of_what_is_stored_is_no_advice_for_a_file() {
        let error = ostree_flatten::composefs::read_image(b"no image").unwrap_err();
        let error = anyhow::Error::from(error).context("reading os.cfs");
        assert_eq!(advice(&error, || true), None);
    }

    #[test]
    fn prune_is_advised_only_where_it_helps() {
        let full = || anyhow::Error::from(std::io::Error::from(std::io::ErrorKind::StorageFull));
        assert_eq!(advice(&full(), || false), None);
        assert!(advice(&full(), || true).is_some_and(|hint| hint.contains("prune")));
    }
}
