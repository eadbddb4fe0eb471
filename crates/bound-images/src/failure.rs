//! What podman and skopeo say when a pull fails.

use crate::PullFailure;

/// In the order in which they decide.
const PHRASES: &[(PullFailure, &[&str])] = &[
    (
        PullFailure::NoSpace,
        &["no space left on device", "disk quota exceeded"],
    ),
    (
        PullFailure::Unverified,
        &[
            "source image rejected",
            "rejected by policy",
            "signature was required",
            "corrupted blob",
            "did not match",
            "does not match",
            "digest mismatch",
        ],
    ),
    (
        PullFailure::Denied,
        &[
            "unauthorized",
            "authentication required",
            "access denied",
            "denied:",
            "invalid username/password",
            "403 (forbidden)",
        ],
    ),
    (
        PullFailure::NotFound,
        &[
            "manifest unknown",
            "name unknown",
            "image not known",
            "no descriptor found for reference",
            "does not resolve to an image id",
            "identifier is not an image",
            "no image found in manifest list",
            "no image found in image index",
            "no such file or directory",
            "no such host",
        ],
    ),
    (
        PullFailure::Transient,
        &[
            "connection refused",
            "connection reset",
            "connection timed out",
            "broken pipe",
            "unexpected eof",
            ": eof",
            "goaway",
            "stream error",
            "i/o timeout",
            "handshake timeout",
            "timeout awaiting response headers",
            "client.timeout exceeded",
            "deadline exceeded",
            "network is unreachable",
            "no route to host",
            "temporary failure in name resolution",
            "server misbehaving",
            "too many requests",
            "toomanyrequests",
            "internal server error",
            "bad gateway",
            "service unavailable",
            "gateway timeout",
        ],
    ),
];

/// What would be done about it. Words with a slash are addresses and names of images, which decide nothing, except for
/// the few that are meant.
pub(crate) fn classify(message: &str) -> PullFailure {
    let lower = message.to_lowercase();
    let kept: Vec<&str> = lower
        .split_whitespace()
        .filter(|word| !word.contains('/') || matches!(*word, "i/o" | "username/password:"))
        .collect();
    let text = kept.join(" ");
    // What lacks is a file of this machine's configuration, not the image.
    if lower.contains("/etc/containers/") && text.contains("no such file or directory") {
        return PullFailure::Other;
    }
    PHRASES
        .iter()
        .find(|(_, phrases)| phrases.iter().any(|phrase| text.contains(phrase)))
        .map_or(PullFailure::Other, |(kind, _)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_known_by_what_is_said() {
        // As podman 4.3.1 and skopeo 1.9.3 say them.
        let check = |message: &str, kind| assert_eq!(classify(message), kind, "{message}");
        check(
            "initializing source docker://127.0.0.1:5777/nope:v1: reading manifest v1 in 127.0.0.1:5777/nope: manifest unknown: manifest unknown",
            PullFailure::NotFound,
        );
        check(
            "initializing source docker://127.0.0.1:5778/a:v1: pinging container registry 127.0.0.1:5778: Get \"https://127.0.0.1:5778/v2/\": dial tcp 127.0.0.1:5778: connect: connection refused",
            PullFailure::Transient,
        );
        check(
            "initializing source oci:/tmp/lay:nope: no descriptor found for reference \"nope\"",
            PullFailure::NotFound,
        );
        check(
            "initializing source docker://127.0.0.1:5/manifest-unknown/denied:v1: reading manifest: received unexpected HTTP status: 503 Service Unavailable",
            PullFailure::Transient,
        );
        check(
            "writing blob: storing blob: write /var/tmp/storage1/1: no space left on device",
            PullFailure::NoSpace,
        );
        check(
            "reading manifest v1 in 127.0.0.1:5/app: unauthorized: authentication required",
            PullFailure::Denied,
        );
        check(
            "creating copy: open /etc/containers/policy.json: no such file or directory",
            PullFailure::Other,
        );
        check("something else", PullFailure::Other);
    }
}
