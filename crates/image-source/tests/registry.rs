//! A real registry on loopback, and a proxy in front of it that breaks things.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod support;

use std::io::Read as _;
use std::time::{Duration, Instant};

use image_source::{Auth, Error, FailureKind, SourceEvent};
use oci_manifest::{Digest, Platform};
use support::fault_proxy::{Fault, FaultProxy};
use support::images::{Image, Layout, simple, tar_of};
use support::registry::{Registry, write_authfile};
use support::skopeo::{Bench, chain, layers, processes_with, read, read_all};

/// A registry with the image `app:v1`, a fault proxy in front of it, and a configuration.
struct Served {
    bench: Bench,
    image: Image,
    registry: Registry,
    proxy: FaultProxy,
}

fn serve(size: usize) -> Served {
    let bench = Bench::new();
    let (layout, image) = simple(size);
    layout.write_dir(&bench.path("layout"));
    let registry = Registry::start();
    registry.push(
        &format!("oci:{}:v1", bench.path("layout").display()),
        "app:v1",
        None,
    );
    let proxy = FaultProxy::start(&registry.address());
    Served {
        bench,
        image,
        registry,
        proxy,
    }
}

impl Served {
    fn reference(&self) -> String {
        format!("docker://{}/app:v1", self.proxy.address())
    }
}

#[test]
fn by_tag_and_by_digest() {
    let served = serve(400_000);
    let address = served.registry.address();
    for reference in [
        format!("docker://{address}/app:v1"),
        format!("{address}/app:v1"),
        format!("ostree-unverified-registry:{address}/app:v1"),
        format!("docker://{address}/app@{}", served.image.digest),
        format!("docker://{address}/app:other@{}", served.image.digest),
    ] {
        let source = served
            .bench
            .open(&reference)
            .unwrap_or_else(|error| panic!("{reference}: {}", chain(&error)));
        assert_eq!(
            *source.manifest_digest(),
            served.image.digest,
            "{reference}"
        );
        assert_eq!(source.index_digest(), None);
        assert_eq!(
            Digest::sha256_of(source.manifest().raw().as_bytes()),
            served.image.digest,
            "bytes unchanged"
        );
        assert_eq!(source.config().unwrap().labels()["a"], "b");
        assert_eq!(
            Digest::sha256_of(source.config().unwrap().raw().as_bytes()),
            served.image.config
        );
        assert_eq!(read_all(source.as_ref()), served.image.blobs);
    }
    assert_eq!(served.bench.retries(), 0);
}

#[test]
fn blobs_at_once_have_processes_of_their_own_which_are_used_again() {
    let served = serve(3_000_000);
    let source = served.bench.open(&served.reference()).unwrap();
    let layers = layers(source.as_ref());
    let port = served.proxy.address();
    let mine = || processes_with("experimental-image-proxy").len();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            for (layer, blob) in layers.iter().zip(&served.image.blobs) {
                let source = source.as_ref();
                scope.spawn(move || assert_eq!(read(source, layer).unwrap(), *blob));
            }
        }
    });
    // Each process fetches the manifest once when it opens the image: at most six ran, and the later reads ran none.
    let opened = served.proxy.requests("/manifests/");
    assert!(
        (2..=7).contains(&opened),
        "{opened} processes for {port}, {} now",
        mine()
    );
    for _ in 0..3 {
        read_all(source.as_ref());
    }
    assert_eq!(served.proxy.requests("/manifests/"), opened);
}

#[test]
fn an_index_gives_the_platform_that_was_asked_for() {
    let mut bench = Bench::new();
    let mut layout = Layout::new();
    let platforms = ["linux/amd64", "linux/arm64/v8", "linux/s390x"]
        .map(|text| text.parse::<Platform>().unwrap());
    let images: Vec<Image> = platforms
        .iter()
        .map(|platform| {
            let name = format!("for-{}", platform.architecture);
            layout.image(&[tar_of([(name.as_str(), name.as_bytes())])], platform)
        })
        .collect();
    let entries: Vec<_> = images
        .iter()
        .zip(&platforms)
        .map(|(image, platform)| image.entry_for(platform))
        .collect();
    let index = layout.index(&entries);
    let index_digest: Digest = index["digest"].as_str().unwrap().parse().unwrap();
    layout.tag(index, "v1");
    layout.write_dir(&bench.path("layout"));
    let registry = Registry::start();
    registry.push(
        &format!("oci:{}:v1", bench.path("layout").display()),
        "many:v1",
        None,
    );
    let address = registry.address();

    for (platform, image) in platforms.iter().zip(&images) {
        bench.config.platform = platform.clone();
        let by_tag = bench.open(&format!("docker://{address}/many:v1")).unwrap();
        assert_eq!(*by_tag.manifest_digest(), image.digest, "{platform}");
        assert_eq!(
            by_tag.config().unwrap().architecture(),
            platform.architecture
        );
        assert_eq!(read_all(by_tag.as_ref()), image.blobs);
        let by_digest = bench
            .open(&format!("docker://{address}/many@{index_digest}"))
            .unwrap();
        assert_eq!(*by_digest.manifest_digest(), image.digest);
        assert_eq!(by_digest.index_digest(), Some(&index_digest));
    }
    bench.config.platform = "linux/ppc64le".parse().unwrap();
    let error = bench
        .open(&format!("docker://{address}/many:v1"))
        .unwrap_err();
    assert_eq!(
        error.failure_kind(),
        Some(FailureKind::NotFound),
        "{}",
        chain(&error)
    );
    assert!(error.to_string().contains("ppc64le"), "{error}");
    let other = bench
        .open(&format!("docker://{address}/many@{}", images[0].digest))
        .unwrap();
    let error = chain(&other.config().unwrap_err());
    assert!(
        error.contains("ppc64le") && error.contains("amd64"),
        "row 55: {error}"
    );
}

#[test]
fn credentials_decide() {
    let mut bench = Bench::new();
    let (layout, image) = simple(1000);
    layout.write_dir(&bench.path("layout"));
    let registry = Registry::start_with_login("user", "secret");
    let address = registry.address();
    registry.push(
        &format!("oci:{}:v1", bench.path("layout").display()),
        "app:v1",
        Some(("user", "secret")),
    );
    let reference = format!("docker://{address}/app:v1");

    bench.config.auth = Auth::Anonymous;
    let error = bench.open(&reference).unwrap_err();
    assert_eq!(
        error.failure_kind(),
        Some(FailureKind::Auth),
        "{}",
        chain(&error)
    );

    let good = bench.path("good.json");
    write_authfile(&good, &address, "user", "secret");
    bench.config.auth = Auth::File(good);
    let source = bench.open(&reference).unwrap();
    assert_eq!(read_all(source.as_ref()), image.blobs);

    let bad = bench.path("bad.json");
    write_authfile(&bad, &address, "user", "wrong");
    bench.config.auth = Auth::File(bad);
    let error = bench.open(&reference).unwrap_err();
    assert_eq!(
        error.failure_kind(),
        Some(FailureKind::Auth),
        "{}",
        chain(&error)
    );
    assert!(
        !chain(&error).contains("wrong"),
        "no password in {}",
        chain(&error)
    );

    bench.config.auth = Auth::File("/nonexistent/auth.json".into());
    let error = chain(&bench.open(&reference).unwrap_err());
    assert!(error.contains("/nonexistent/auth.json"), "{error}");
    assert_eq!(bench.retries(), 0, "none of it is worth another attempt");
}

#[test]
fn what_is_not_there_is_not_asked_for_twice() {
    let served = serve(1000);
    let address = served.proxy.address();
    for name in [
        "app:v2",
        "nothing:v1",
        &format!("app@{}", Digest::sha256_of(b"absent")),
    ] {
        let error = served
            .bench
            .open(&format!("docker://{address}/{name}"))
            .unwrap_err();
        assert_eq!(
            error.failure_kind(),
            Some(FailureKind::NotFound),
            "{name}: {}",
            chain(&error)
        );
    }
    served.proxy.fail(
        &served.image.layers[0].to_string(),
        Fault::Status(404),
        usize::MAX,
    );
    let source = served.bench.open(&served.reference()).unwrap();
    let error = read(source.as_ref(), &layers(source.as_ref())[0]).unwrap_err();
    assert_eq!(
        error.failure_kind(),
        Some(FailureKind::NotFound),
        "{}",
        chain(&error)
    );
    assert!(
        error
            .to_string()
            .contains(&served.image.layers[0].to_string()),
        "names the blob: {error}"
    );
    assert_eq!(served.bench.retries(), 0);
}

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

#[test]
fn a_source_that_stalls_is_given_up_and_its_process_ended() {
    let mut served = serve(2_000_000);
    served.bench.config.stall_timeout = Duration::from_secs(2);
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

#[test]
fn plain_http_is_refused_unless_allowed() {
    let mut served = serve(1000);
    served.bench.config.tls_verify = None;
    let error = served.bench.open(&served.reference()).unwrap_err();
    assert!(chain(&error).contains("HTTPS"), "{}", chain(&error));
    assert_eq!(served.bench.retries(), 0);
}
