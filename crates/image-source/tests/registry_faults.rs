//! A registry that breaks: what is tried again, and what is said in the end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod support;

use image_source::{FailureKind, SourceEvent};
use support::served::serve;
use support::skopeo::{Bench, chain, layers, read, read_all};
use test_images::fault_proxy::Fault;

#[test]
fn a_registry_that_is_down_is_tried_again_and_said() {
    let bench = Bench::new();
    let error = bench.open("docker://127.0.0.1:1/app:v1").unwrap_err();
    assert_eq!(error.failure_kind(), Some(FailureKind::Transient));
    assert!(error.to_string().contains("connection refused"), "{error}");
    assert_eq!(bench.retries(), 2);
}

#[test]
fn what_may_pass_is_tried_again_when_opening() {
    let served = serve(1000);
    for fault in [
        Fault::Status(503),
        Fault::Status(500),
        Fault::Close,
        Fault::CutAfter(20),
    ] {
        let before = served.bench.retries();
        served.proxy.fail("/manifests/v1", fault, 1);
        let source = served
            .bench
            .open(&served.reference())
            .unwrap_or_else(|e| panic!("{fault:?}: {}", chain(&e)));
        assert_eq!(*source.manifest_digest(), served.image.digest);
        assert_eq!(served.bench.retries(), before + 1, "{fault:?}");
        served
            .proxy
            .fail(&served.image.config.to_string(), fault, 1);
        assert!(source.config().is_ok(), "{fault:?}");
    }
    served.proxy.fail("/manifests/v1", Fault::Status(503), 3);
    let error = served.bench.open(&served.reference()).unwrap_err();
    assert_eq!(error.failure_kind(), Some(FailureKind::Transient));
    assert!(error.to_string().contains("503"), "{error}");
}

#[test]
fn a_registry_that_answers_429_then_works() {
    let served = serve(1000);
    // skopeo itself waits two seconds and asks again.
    served.proxy.fail("/manifests/v1", Fault::Status(429), 1);
    let source = served.bench.open(&served.reference()).unwrap();
    served
        .proxy
        .fail(&served.image.layers[0].to_string(), Fault::Status(429), 1);
    assert_eq!(read_all(source.as_ref()), served.image.blobs);
}

#[test]
fn a_blob_cut_short_goes_on_where_it_was() {
    let served = serve(2_000_000);
    let blob = served.image.layers[0].to_string();
    let source = served.bench.open(&served.reference()).unwrap();
    let all = layers(source.as_ref());
    served.proxy.fail(&blob, Fault::CutAfter(700_000), 1);
    served.proxy.fail(&blob, Fault::CutAfter(1_500_000), 1);
    assert_eq!(
        read(source.as_ref(), &all[0]).unwrap(),
        served.image.blobs[0]
    );
    assert_eq!(served.bench.retries(), 2);
    let events = served.bench.events.lock().unwrap();
    let what: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            SourceEvent::Retrying {
                what,
                attempt,
                error,
                ..
            } => Some((what.clone(), *attempt, error.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(
        (what[0].0.as_str(), what[0].1, what[1].1),
        (blob.as_str(), 1, 2)
    );
    assert!(
        what[0].2.contains("unexpected EOF"),
        "the true error, not a broken pipe: {}",
        what[0].2
    );
}

#[test]
fn a_blob_that_is_always_cut_short_fails_with_the_true_error() {
    let served = serve(2_000_000);
    let source = served.bench.open(&served.reference()).unwrap();
    let all = layers(source.as_ref());
    served.proxy.fail(
        &served.image.layers[0].to_string(),
        Fault::CutAfter(100_000),
        usize::MAX,
    );
    let error = read(source.as_ref(), &all[0]).unwrap_err();
    assert_eq!(error.failure_kind(), Some(FailureKind::Transient));
    assert!(error.to_string().contains("unexpected EOF"), "{error}");
    assert_eq!(served.bench.retries(), 2);
    // Other blobs are not touched by it.
    assert_eq!(
        read(source.as_ref(), &all[1]).unwrap(),
        served.image.blobs[1]
    );
}

#[test]
fn a_blob_of_wrong_content_fails_each_time_and_at_its_end() {
    let served = serve(500_000);
    let source = served.bench.open(&served.reference()).unwrap();
    let all = layers(source.as_ref());
    served
        .proxy
        .fail(&served.image.layers[0].to_string(), Fault::Flip, usize::MAX);
    for _ in 0..2 {
        let error = read(source.as_ref(), &all[0]).unwrap_err();
        assert_eq!(
            error.failure_kind(),
            Some(FailureKind::Integrity),
            "{}",
            chain(&error)
        );
    }
    assert_eq!(served.bench.retries(), 0);

    // Also where the manifest does not say it: the config, and the manifest named by digest.
    served
        .proxy
        .fail(&served.image.config.to_string(), Fault::Flip, 1);
    assert!(
        served
            .bench
            .open(&served.reference())
            .unwrap()
            .config()
            .is_err()
    );
    served.proxy.fail("/manifests/sha256", Fault::Flip, 1);
    let by_digest = format!(
        "docker://{}/app@{}",
        served.proxy.address(),
        served.image.digest
    );
    assert!(served.bench.open(&by_digest).is_err());
}
