//! Which failures are worth another attempt, and how long to wait before it.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::Duration;

use crate::{Error, FailureKind, OnEvent, Retry, SourceEvent};

/// Sorts what skopeo says about a failure.
///
/// skopeo 1.19 and later mark transient errors themselves; for all others only the text tells. Quoted parts and
/// words with a slash (URLs, image names) are left out first, so that an image's name decides nothing.
pub fn classify(message: &str) -> FailureKind {
    let text = without_names(message);
    if let Some((kind, _)) = PHRASES
        .iter()
        .find(|(_, phrases)| phrases.iter().any(|p| text.contains(p)))
    {
        return *kind;
    }
    if text.ends_with(": eof") {
        return FailureKind::Transient;
    }
    match http_status(&text) {
        Some(401 | 403) => FailureKind::Auth,
        Some(404) => FailureKind::NotFound,
        Some(408 | 429 | 500..=599) => FailureKind::Transient,
        _ => FailureKind::Permanent,
    }
}

/// In the order in which they decide. All were said by skopeo 1.9.3, or are in its source.
const PHRASES: &[(FailureKind, &[&str])] = &[
    (
        FailureKind::Policy,
        &[
            "source image rejected",
            "rejected by policy",
            "signature was required",
        ],
    ),
    (
        FailureKind::Integrity,
        &[
            "corrupted blob",
            "did not match",
            "does not match",
            "digest mismatch",
            "size mismatch",
            "bytes in blob, got",
        ],
    ),
    (
        FailureKind::Auth,
        &[
            "unauthorized",
            "authentication required",
            "access denied",
            "denied:",
            "is denied",
        ],
    ),
    (
        FailureKind::NotFound,
        &[
            "manifest unknown",
            "name unknown",
            "blob unknown",
            "no such file or directory",
            "no image found in manifest list",
            "no image found in image index",
            "does not resolve to an image id",
            "does not exist",
        ],
    ),
    // The resolver's last word; one that gives none, or is not reached, says something else.
    (FailureKind::Unreachable, &["no such host"]),
    (
        FailureKind::Transient,
        &[
            "connection refused",
            "connection reset",
            "connection timed out",
            "broken pipe",
            "unexpected eof",
            "server closed idle connection",
            "http2: server sent goaway",
            "stream error",
            "i/o timeout",
            "handshake timeout",
            "timeout awaiting response headers",
            "client.timeout exceeded",
            "context deadline exceeded",
            "network is unreachable",
            "no route to host",
            "temporary failure in name resolution",
            "server misbehaving",
            "too many requests",
            "toomanyrequests",
            V1_PING,
        ],
    ),
];

/// What skopeo says when `/v2/` is answered with anything but 200 and 401, or not at all: a registry that is down, or a
/// server that is no registry.
const V1_PING: &str = "can't talk to a v1 container registry";

/// Says what skopeo does not: why it talks of a version 1.
pub(crate) fn explained(message: String) -> String {
    if message.to_lowercase().contains(V1_PING) {
        return format!(
            "{message} (it did not answer /v2/ as a registry does: it is down, or no registry)"
        );
    }
    message
}

/// The number in `… status: 503 Service Unavailable`, `… status code from registry 503 (Service Unavailable)` or
/// `StatusCode: 502, …`: the places in skopeo that report one use different words.
fn http_status(text: &str) -> Option<u16> {
    ["status: ", "status code from registry ", "statuscode: "]
        .iter()
        .find_map(|lead| {
            let (_, rest) = text.split_once(lead)?;
            rest.split(|c: char| !c.is_ascii_digit())
                .next()?
                .parse()
                .ok()
        })
}

/// Lower-cases the text and leaves out quoted parts and words that hold a slash or are a URL.
fn without_names(message: &str) -> String {
    let mut unquoted = String::with_capacity(message.len());
    for (i, part) in message.split('"').enumerate() {
        if i % 2 == 0 {
            unquoted.push_str(part);
        }
    }
    let lower = unquoted.to_lowercase();
    let kept: Vec<&str> = lower
        .split_whitespace()
        .filter(|word| !word.contains('/') || matches!(*word, "i/o" | "username/password:"))
        .collect();
    kept.join(" ")
}

/// Runs `attempt` until it succeeds, fails in a way not worth repeating, or the attempts are used up.
///
/// # Errors
/// The last attempt's.
pub(crate) fn run<T>(
    retry: &Retry,
    on_event: &OnEvent,
    what: &str,
    mut attempt: impl FnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    let mut budget = Budget::new(retry);
    loop {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(error) => budget.spend(error, on_event, what)?,
        }
    }
}

/// The attempts left for one transfer.
#[derive(Debug)]
pub(crate) struct Budget {
    retry: Retry,
    failed: u32,
}

impl Budget {
    pub(crate) fn new(retry: &Retry) -> Self {
        Self {
            retry: retry.clone(),
            failed: 0,
        }
    }

    /// Waits before the next attempt, or gives the error back when there is to be none.
    pub(crate) fn spend(
        &mut self,
        error: Error,
        on_event: &OnEvent,
        what: &str,
    ) -> Result<(), Error> {
        self.failed = self.failed.saturating_add(1);
        if !error.is_retryable() || self.failed >= self.retry.attempts.max(1) {
            return Err(error);
        }
        let delay = delay(&self.retry, self.failed, random());
        on_event(SourceEvent::Retrying {
            what: what.to_owned(),
            attempt: self.failed,
            attempts: self.retry.attempts,
            delay,
            error: error.to_string(),
        });
        std::thread::sleep(delay);
        Ok(())
    }
}

/// The wait after the `failed`th failure (from 1): between half and all of the doubled delay, so that many hosts
/// that failed together do not return together.
fn delay(retry: &Retry, failed: u32, random: u64) -> Duration {
    let doubled = 2_u32.saturating_pow(failed.saturating_sub(1).min(30));
    let full = retry
        .first_delay
        .saturating_mul(doubled)
        .min(retry.max_delay);
    let half = full / 2;
    let span = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX);
    half + Duration::from_nanos(random.checked_rem(span.saturating_add(1)).unwrap_or(0))
}

/// Random bits good enough for jitter: std seeds each thread's hasher keys from the system.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn delays_double_up_to_the_limit_and_jitter_by_half() {
        let retry = Retry {
            attempts: 9,
            first_delay: Duration::from_millis(100),
            max_delay: Duration::from_millis(500),
        };
        for (failed, full) in [(1, 100), (2, 200), (3, 400), (4, 500), (60, 500)] {
            let full = Duration::from_millis(full);
            assert_eq!(
                delay(&retry, failed, 0),
                full / 2,
                "shortest after {failed}"
            );
            for random in [1, 77, u64::MAX, u64::MAX / 3] {
                let wait = delay(&retry, failed, random);
                assert!(wait >= full / 2 && wait <= full, "{wait:?} after {failed}");
            }
        }
        let none = Retry {
            first_delay: Duration::ZERO,
            ..retry
        };
        assert_eq!(delay(&none, 3, 12345), Duration::ZERO);
    }

    fn transport(kind: FailureKind) -> Error {
        Error::Transport {
            what: "x".into(),
            image: "y".into(),
            kind,
            message: "z".into(),
        }
    }

    #[test]
    fn only_what_may_pass_is_repeated_and_only_so_often() {
        let events = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&events);
        let on_event: OnEvent = Arc::new(move |event| sink.lock().unwrap().push(event));
        let retry = Retry {
            attempts: 3,
            first_delay: Duration::ZERO,
            max_delay: Duration::ZERO,
        };

        for (kind, calls) in [
            (FailureKind::Transient, 3),
            (FailureKind::Unreachable, 1),
            (FailureKind::Auth, 1),
            (FailureKind::NotFound, 1),
            (FailureKind::Policy, 1),
            (FailureKind::Integrity, 1),
            (FailureKind::Permanent, 1),
        ] {
            let mut called = 0;
            let result: Result<(), Error> = run(&retry, &on_event, "x", || {
                called += 1;
                Err(transport(kind))
            });
            assert!(result.is_err());
            assert_eq!(called, calls, "{kind:?}");
        }
        assert_eq!(
            events.lock().unwrap().len(),
            2,
            "one event for each repetition"
        );

        let mut called = 0;
        let third = run(&retry, &on_event, "x", || {
            called += 1;
            if called < 3 {
                Err(transport(FailureKind::Transient))
            } else {
                Ok(called)
            }
        });
        assert!(matches!(third, Ok(3)));
    }
}
