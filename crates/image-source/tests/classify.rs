//! What skopeo says, and what it means. The first part are messages of skopeo 1.9.3, provoked and copied.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use image_source::FailureKind::{
    Auth, Integrity, NotFound, Permanent, Policy, Transient, Unreachable,
};
use image_source::{FailureKind, classify};
use proptest::prelude::*;

const PROVOKED: &[(FailureKind, &str)] = &[
    (
        Transient,
        r#"pinging container registry 127.0.0.1:1: Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused"#,
    ),
    (
        Transient,
        r#"pinging container registry 127.0.0.1:36091: Get "https://127.0.0.1:36091/v2/": net/http: TLS handshake timeout"#,
    ),
    (
        Transient,
        "initializing source docker://127.0.0.1:18206/x:t: can't talk to a V1 container registry",
    ),
    (
        Transient,
        "reading manifest t in 127.0.0.1:18217/x: received unexpected HTTP status: 500 Internal Server Error",
    ),
    (
        Transient,
        "reading manifest t in 127.0.0.1:18219/x: received unexpected HTTP status: 502 Bad Gateway",
    ),
    (
        Transient,
        "Error fetching blob: invalid status code from registry 503 (Service Unavailable)",
    ),
    (
        Transient,
        "initializing source docker://127.0.0.1:18220/x:t: unexpected EOF",
    ),
    (
        Transient,
        r#"initializing source docker://127.0.0.1:18221/x:t: Get "http://127.0.0.1:18221/v2/x/manifests/t": EOF"#,
    ),
    (
        Transient,
        "writing blob: happened during read: unexpected EOF",
    ),
    (
        Auth,
        "reading manifest t in 127.0.0.1:18213/x: unauthorized: authentication required",
    ),
    (
        Auth,
        "initializing source docker://127.0.0.1:18214/x:t: reading manifest t in 127.0.0.1:18214/x: StatusCode: 403, ",
    ),
    (
        Auth,
        "reading config blob sha256:ae9c: unable to retrieve auth token: invalid username/password: unauthorized: authentication required",
    ),
    (
        Auth,
        "Error fetching blob: invalid status code from registry 403 (Forbidden)",
    ),
    (
        NotFound,
        "reading manifest t in 127.0.0.1:18215/x: StatusCode: 404, ",
    ),
    (
        NotFound,
        "reading manifest v2 in 127.0.0.1:5000/app: manifest unknown: manifest unknown",
    ),
    (
        NotFound,
        "Error fetching blob: invalid status code from registry 404 (Not Found)",
    ),
    (
        NotFound,
        "determining manifest MIME type for dir:/nonexist: open /nonexist/manifest.json: no such file or directory",
    ),
    (
        NotFound,
        r#"initializing source docker-archive:/nonexist.tar: opening file "/nonexist.tar": open /nonexist.tar: no such file or directory"#,
    ),
    (
        NotFound,
        r#"reference "[overlay@/a+/b]docker.io/library/nonexist:latest" does not resolve to an image ID: identifier is not an image"#,
    ),
    (
        NotFound,
        "choosing image instance: no image found in manifest list for architecture ppc64le, variant \"\", OS linux",
    ),
    (
        Integrity,
        "Download config.json digest sha256:cb27 does not match expected sha256:3567",
    ),
    (
        Integrity,
        "writing blob: happened during read: Digest did not match, expected sha256:1421, got sha256:79ed",
    ),
    (
        Integrity,
        "corrupted blob, expecting sha256:1421, got sha256:79ed",
    ),
    (
        Policy,
        "Source image rejected: Running image docker://x:v1 is rejected by policy.",
    ),
    (
        Permanent,
        "initializing image from source docker://127.0.0.1:18222/x:t: invalid character 'z' looking for beginning of value",
    ),
    (
        Permanent,
        r#"pinging container registry x: Get "https://x/v2/": http: server gave HTTP response to HTTPS client"#,
    ),
    (
        Unreachable,
        r#"pinging container registry no-such-host.invalid: Get "https://no-such-host.invalid/v2/": dial tcp: lookup no-such-host.invalid on 10.0.0.1:53: no such host"#,
    ),
    (
        Transient,
        r#"pinging container registry quay.io: Get "https://quay.io/v2/": dial tcp: lookup quay.io on 127.0.0.9:53: read udp 127.0.0.1:46779->127.0.0.9:53: read: connection refused"#,
    ),
    (
        Transient,
        r#"pinging container registry quay.io: Get "https://quay.io/v2/": dial tcp: lookup quay.io on 10.0.0.1:53: dial udp 10.0.0.1:53: connect: network is unreachable"#,
    ),
    (
        Transient,
        r#"pinging container registry 10.0.0.1: Get "https://10.0.0.1/v2/": dial tcp 10.0.0.1:443: connect: network is unreachable"#,
    ),
    (
        Permanent,
        "loading image from docker engine: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
    ),
];

/// Words of the Go library and of containers/image that were not provoked here.
const KNOWN: &[(FailureKind, &str)] = &[
    (
        Transient,
        "read tcp 10.0.0.1:1->10.0.0.2:443: read: connection reset by peer",
    ),
    (Transient, "dial tcp 10.0.0.2:443: i/o timeout"),
    (
        Transient,
        "net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)",
    ),
    (Transient, "context deadline exceeded"),
    (
        Transient,
        "dial tcp 10.0.0.2:443: connect: no route to host",
    ),
    (
        Transient,
        "dial tcp: lookup quay.io on 10.0.0.1:53: server misbehaving",
    ),
    (
        Transient,
        "dial tcp: lookup quay.io on 10.0.0.1:53: read udp 10.0.0.2:1->10.0.0.1:53: i/o timeout",
    ),
    (
        Transient,
        "dial tcp: lookup quay.io: Temporary failure in name resolution",
    ),
    (
        Transient,
        "toomanyrequests: You have reached your pull rate limit",
    ),
    (
        Transient,
        "received unexpected HTTP status: 429 Too Many Requests",
    ),
    (Transient, "stream error: stream ID 3; INTERNAL_ERROR"),
    (Auth, "requested access to the resource is denied"),
    (
        Policy,
        "Source image rejected: A signature was required, but no signature exists",
    ),
    (Permanent, "x509: certificate signed by unknown authority"),
    (Permanent, ""),
];

#[test]
fn messages_mean_what_they_say() {
    for (kind, message) in PROVOKED.iter().chain(KNOWN) {
        assert_eq!(classify(message), *kind, "{message}");
    }
}

#[test]
fn an_image_s_name_decides_nothing() {
    for name in [
        "manifest-unknown/unauthorized",
        "timeout/i/o",
        "denied:/503",
        "quay.io/eof:EOF",
    ] {
        let message = format!(
            "initializing source docker://{name}:t: reading manifest t in {name}: received unexpected HTTP status: 400 Bad"
        );
        assert_eq!(classify(&message), Permanent, "{message}");
        let quoted =
            format!(r#"Get "https://{name} unexpected EOF connection refused no such host": odd"#);
        assert_eq!(classify(&quoted), Permanent, "{quoted}");
    }
}

proptest! {
    #[test]
    fn any_text_is_sorted(text in "\\PC*") {
        classify(&text);
    }
}
