//! A registry that goes silent, and readers that go away: no process is left over.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod support;

use std::io::Read as _;
use std::time::{Duration, Instant};

use image_source::Error;
use support::served::serve;
use support::skopeo::{Bench, layers, processes_with, read};
use test_images::fault_proxy::Fault;

fn gone_soon(marker: &str) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !processes_with(marker).is_empty() {
        assert!(
            Instant::now() < deadline,
            "still there: {:?}",
            processes_with(marker)
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_source_that_stalls_is_given_up_and_its_process_ended() {
    let mut served = serve(2_000_000);
    served.bench.config.stall_timeout = Duration::from_secs(2);
    served.bench.config.retry.attempts = 2;
    let blob = served.image.layers[0].to_string();
    // A name that only this test's processes have on their command line.
    let marker = served.bench.path("certs");
    std::fs::create_dir(&marker).unwrap();
    served.bench.config.cert_dir = Some(marker.clone());
    let marker = marker.display().to_string();

    let source = served.bench.open(&served.reference()).unwrap();
    let all = layers(source.as_ref());
    served.proxy.fail(&blob, Fault::StallAfter(300_000), 1);
    assert_eq!(
        read(source.as_ref(), &all[0]).unwrap(),
        served.image.blobs[0],
        "the second attempt works"
    );
    assert_eq!(served.bench.retries(), 1);

    served
        .proxy
        .fail(&blob, Fault::StallAfter(300_000), usize::MAX);
    let start = Instant::now();
    let error = read(source.as_ref(), &all[0]).unwrap_err();
    assert!(matches!(&error, Error::Stalled { .. }), "{error:?}");
    assert!(error.to_string().contains(&blob), "{error}");
    assert!(
        start.elapsed() < Duration::from_secs(40),
        "{:?}",
        start.elapsed()
    );

    served.proxy.fail("/v2/", Fault::StallAfter(0), usize::MAX);
    assert!(matches!(
        served.bench.open(&served.reference()),
        Err(Error::Stalled { .. })
    ));
    drop(source);
    gone_soon(&marker);
}

#[test]
fn a_blob_that_nobody_wants_any_more_ends_its_process() {
    let served = serve(4_000_000);
    let marker = served.bench.path("certs");
    std::fs::create_dir(&marker).unwrap();
    let mut bench = Bench::new();
    bench.config.cert_dir = Some(marker.clone());
    let source = bench.open(&served.reference()).unwrap();
    let all = layers(source.as_ref());
    served.proxy.fail(
        &served.image.layers[0].to_string(),
        Fault::StallAfter(200_000),
        1,
    );
    for _ in 0..2 {
        // The first stalls, the second is behind with reading.
        let mut blob = source.blob(&all[0]).unwrap();
        blob.reader.read_exact(&mut [0; 1000]).unwrap();
    }
    drop(source);
    gone_soon(&marker.display().to_string());
}

#[test]
fn a_slow_reader_is_no_stall() {
    let mut served = serve(4_000_000);
    served.bench.config.stall_timeout = Duration::from_secs(3);
    let source = served.bench.open(&served.reference()).unwrap();
    let mut blob = source.blob(&layers(source.as_ref())[0]).unwrap();
    let mut bytes = vec![0; 1000];
    blob.reader.read_exact(&mut bytes).unwrap();
    std::thread::sleep(Duration::from_millis(4500));
    blob.reader.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, served.image.blobs[0]);
    assert_eq!(served.bench.retries(), 0);
}
