//! skopeo that is missing, old, broken, or dies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod support;

use std::time::{Duration, Instant};

use image_source::Error;
use support::skopeo::{Bench, chain, processes_with};

const REGISTRY: &str = "docker://127.0.0.1:1/app:v1";
const STORAGE: &str = "containers-storage:localhost/app:v1";

#[test]
fn missing() {
    let mut bench = Bench::new();
    bench.config.skopeo = "/nonexistent/skopeo".into();
    for reference in [REGISTRY, STORAGE] {
        let error = bench.open(reference).unwrap_err();
        assert!(
            matches!(
                &error,
                Error::ToolMissing {
                    package: "skopeo",
                    ..
                }
            ),
            "{error:?}"
        );
        let text = error.to_string();
        assert!(
            text.contains("/nonexistent/skopeo is not installed"),
            "{text}"
        );
        assert!(
            text.contains(reference) && text.contains("install the package skopeo"),
            "{text}"
        );
    }
}

#[test]
fn ends_with_an_error() {
    let mut bench = Bench::new();
    bench.config.skopeo = bench.script(
        "broken",
        "#!/bin/sh\necho some words >&2\necho the cause >&2\nexit 7\n",
    );
    for reference in [REGISTRY, STORAGE] {
        let error = bench.open(reference).unwrap_err();
        let Error::ToolFailed {
            program,
            args,
            status,
            stderr,
        } = &error
        else {
            panic!("{error:?}")
        };
        assert_eq!(*program, bench.config.skopeo);
        assert!(status.contains('7'), "{status}");
        assert!(stderr.contains("the cause"), "{stderr}");
        assert!(
            args.iter()
                .any(|arg| arg == "experimental-image-proxy" || arg == "copy"),
            "{args:?}"
        );
        assert!(error.to_string().contains("the cause"), "{error}");
    }
    assert_eq!(bench.retries(), 0);
}

#[test]
fn too_old_for_the_proxy() {
    let mut bench = Bench::new();
    bench.config.skopeo = bench.script(
        "old",
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo skopeo version 1.2.3; exit 0; fi\n\
         echo 'Error: unknown command \"experimental-image-proxy\" for \"skopeo\"' >&2\nexit 1\n",
    );
    let error = bench.open(REGISTRY).unwrap_err();
    assert!(matches!(&error, Error::ToolTooOld { .. }), "{error:?}");
    assert!(
        error.to_string().contains("skopeo version 1.2.3"),
        "{error}"
    );
}

#[test]
fn hangs() {
    let mut bench = Bench::new();
    bench.config.stall_timeout = Duration::from_millis(600);
    bench.config.retry.attempts = 1;
    // The name is only this test's: its processes can be told from others.
    bench.config.skopeo = bench.script(
        "hanging-skopeo",
        "#!/bin/sh\nwhile true; do sleep 0.1; done\n",
    );
    let marker = bench.path("hanging-skopeo").display().to_string();
    for reference in [REGISTRY, STORAGE] {
        let start = Instant::now();
        let error = bench.open(reference).unwrap_err();
        assert!(matches!(&error, Error::Stalled { .. }), "{error:?}");
        assert!(start.elapsed() < Duration::from_secs(15));
        let deadline = Instant::now() + Duration::from_secs(5);
        while !processes_with(&marker).is_empty() {
            assert!(Instant::now() < deadline, "{:?}", processes_with(&marker));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    assert!(bench.left_in_tmp().is_empty());
}

#[test]
fn dies_in_the_middle() {
    let mut bench = Bench::new();
    let (layout, _) = support::images::simple(1000);
    layout.write_dir(&bench.path("l"));
    let dir = format!("dir:{}", bench.path("d").display());
    support::skopeo::skopeo([
        "copy",
        "-q",
        &format!("oci:{}:v1", bench.path("l").display()),
        &dir,
    ]);
    // Ends itself a second after its start, whatever it is asked meanwhile. Its last words come later than the end of
    // its socket, as they do on a busy machine.
    bench.config.skopeo = bench.script(
        "dying",
        "#!/bin/sh\n(sleep 1; kill -9 $$; sleep 1.5; echo last words >&2) &\nexec skopeo \"$@\"\n",
    );
    let source = bench.open(&dir).unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    let error = source.config().unwrap_err();
    assert!(
        matches!(&error, Error::ToolFailed { .. }),
        "{}",
        chain(&error)
    );
    assert!(
        error.to_string().contains("signal: 9") && error.to_string().contains("last words"),
        "{error}"
    );
    assert!(source.config().is_ok(), "the next one starts a new process");
}

#[test]
fn credentials_and_policy_reach_the_program_as_paths() {
    let mut bench = Bench::new();
    let auth = bench.write(
        "auth.json",
        r#"{"auths":{"127.0.0.1:1":{"auth":"dTpzZWNyZXQ="}}}"#,
    );
    bench.config.auth = image_source::Auth::File(auth.clone());
    bench.config.skopeo = bench.script("talking", "#!/bin/sh\necho \"$@\" >&2\nexit 1\n");
    let text = chain(&bench.open(STORAGE).unwrap_err());
    assert!(
        text.contains(&format!("--src-authfile {}", auth.display())),
        "{text}"
    );
    assert!(
        text.contains("--insecure-policy") && text.contains("--override-arch"),
        "{text}"
    );
    assert!(!text.contains("dTpzZWNyZXQ"), "{text}");
}
