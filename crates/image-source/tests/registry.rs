//! A real registry on loopback.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod support;

use image_source::{Auth, FailureKind};
use oci_manifest::{Digest, Platform};
use support::images::{Image, Layout, simple, tar_of};
use support::served::serve;
use support::skopeo::{Bench, chain, layers, processes_with, read, read_all};
use test_images::fault_proxy::Fault;
use test_images::registry::{Registry, write_authfile};

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
fn plain_http_is_refused_unless_allowed() {
    let mut served = serve(1000);
    served.bench.config.tls_verify = None;
    let error = served.bench.open(&served.reference()).unwrap_err();
    assert!(chain(&error).contains("HTTPS"), "{}", chain(&error));
    assert_eq!(served.bench.retries(), 0);
}
