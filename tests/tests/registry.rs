//! The program against a real registry on a loopback port, and against one that breaks. Needs docker-registry, skopeo and
//! htpasswd.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panic"
)]

use test_images::fault_proxy::{Fault, FaultProxy};
use test_images::registry::{Registry, write_authfile};
use test_images::{BlobData, Built, Digest, Image, Layer, Layout};
use whole_program_tests::{Mode, Place, Repo, Run};

/// An image whose second layer is large enough to be cut short.
fn image(version: &str) -> Built {
    let base = Layer::listing("dir usr/bin\nfile usr/bin/sh 0755 \"shell\"").unwrap();
    let upper = format!(
        "file usr/version \"{version}\"\nfile usr/big size=3000000 seed={}",
        version.len()
    );
    Image::of([base])
        .layer(Layer::listing(&upper).unwrap())
        .label("version", version)
        .build()
}

struct Served {
    registry: Registry,
    proxy: FaultProxy,
    built: Built,
}

/// `app:v1` in a registry, and a proxy in front of it.
fn serve() -> Served {
    let built = image("1");
    let place = Place::of(&Layout::new().image("v1", &built));
    let registry = Registry::start();
    registry.push(&place.tag("v1"), "app:v1", None);
    let proxy = FaultProxy::start(&registry.address());
    Served {
        registry,
        proxy,
        built,
    }
}

impl Served {
    fn image(&self) -> String {
        format!("docker://{}/app:v1", self.proxy.address())
    }

    /// Digest of the large layer.
    fn large(&self) -> &Digest {
        let large = |blob: &BlobData| match blob {
            BlobData::Memory(bytes) => bytes.len() > 1_000_000,
            BlobData::File(_) => false,
        };
        &self
            .built
            .blobs
            .iter()
            .find(|(_, blob)| large(blob))
            .unwrap()
            .0
    }

    /// Where the large layer's blob is asked for.
    fn large_blob(&self) -> String {
        format!("blobs/{}", self.large())
    }
}

fn pull(repo: &Repo, reference: &str, options: &[&str]) -> Run {
    let mut words = vec!["--json", "--insecure-skip-tls-verification", reference];
    words.extend_from_slice(options);
    repo.image("pull", words)
}

fn blob_refs(repo: &Repo) -> usize {
    repo.refs()
        .keys()
        .filter(|name| name.starts_with("ostree/container/blob/"))
        .count()
}

fn image_refs(repo: &Repo) -> usize {
    repo.refs()
        .keys()
        .filter(|name| name.starts_with("ostree/container/image/"))
        .count()
}

fn error_kind(run: &Run) -> String {
    run.json()["error"]["kind"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn by_tag_and_by_digest_and_from_a_directory_it_is_the_same_commit() {
    let served = serve();
    let by_digest = format!(
        "docker://{}/app@{}",
        served.proxy.address(),
        served.built.manifest_digest
    );
    let place = Place::of(&Layout::new().image("v1", &served.built));
    let commits: Vec<String> = [
        (served.image(), true),
        (by_digest, true),
        (place.tag("v1"), false),
    ]
    .iter()
    .map(|(reference, _)| {
        let repo = Repo::new(Mode::BareUser);
        let json = pull(&repo, reference, &[]).ok().json();
        repo.check_clean();
        json["mergeCommit"].as_str().unwrap().to_owned()
    })
    .collect();
    assert_eq!(commits[0], commits[1]);
    assert_eq!(commits[0], commits[2]);
}

#[test]
fn nothing_new_costs_one_manifest_request_and_no_blob() {
    let served = serve();
    let repo = Repo::new(Mode::BareUser);
    let _pulled = pull(&repo, &served.image(), &[]).ok();
    let (manifests, blobs) = (
        served.proxy.requests("/manifests/"),
        served.proxy.requests("/blobs/"),
    );
    let again = pull(&repo, &served.image(), &["--unchanged-exit-77"]);
    assert_eq!(again.code, Some(77), "{again}");
    assert_eq!(served.proxy.requests("/manifests/") - manifests, 1);
    assert_eq!(served.proxy.requests("/blobs/") - blobs, 0);
}

#[test]
fn login_required_wrong_and_right() {
    let place = Place::of(&Layout::new().image("v1", &image("1")));
    let registry = Registry::start_with_login("reader", "secret");
    registry.push(&place.tag("v1"), "app:v1", Some(("reader", "secret")));
    let reference = format!("docker://{}/app:v1", registry.address());
    let repo = Repo::new(Mode::BareUser);
    let authfile = |name: &str, password: &str| {
        let file = repo.beside().join(name);
        write_authfile(&file, &registry.address(), "reader", password);
        file.display().to_string()
    };
    let anonymous = pull(&repo, &reference, &["--auth-anonymous"]).failed();
    assert_eq!(
        (anonymous.code, error_kind(&anonymous)),
        (Some(10), "denied".into()),
        "{anonymous}"
    );
    let wrong = pull(
        &repo,
        &reference,
        &["--authfile", &authfile("wrong", "guess")],
    )
    .failed();
    assert_eq!(
        (wrong.code, error_kind(&wrong)),
        (Some(10), "denied".into()),
        "{wrong}"
    );
    assert!(!wrong.stderr.contains("guess"), "{wrong}");
    assert!(repo.refs().is_empty());
    let _pulled = pull(
        &repo,
        &reference,
        &["--authfile", &authfile("right", "secret")],
    )
    .ok();
    assert_eq!(image_refs(&repo), 1);
}

#[test]
fn a_missing_tag_is_not_found_and_not_tried_again() {
    let served = serve();
    let repo = Repo::new(Mode::BareUser);
    let absent = format!("docker://{}/app:absent", served.proxy.address());
    let run = pull(&repo, &absent, &[]).failed();
    assert_eq!(
        (run.code, error_kind(&run)),
        (Some(3), "not-found".into()),
        "{run}"
    );
    assert!(run.stderr.contains("absent"), "{run}");
}

/// Row 01 of the bad inputs, over the wire: wrong content fails again and again, and the other layer is kept.
#[test]
fn a_blob_of_wrong_content_fails_twice_and_has_no_ref() {
    let served = serve();
    served.proxy.fail(&served.large_blob(), Fault::Flip, 100);
    let repo = Repo::new(Mode::BareUser);
    for _ in 0..2 {
        let run = pull(&repo, &served.image(), &["--retries", "1"]).failed();
        assert_eq!(
            (run.code, error_kind(&run)),
            (Some(4), "unverified".into()),
            "{run}"
        );
        let digest = served.large().to_string();
        assert!(run.stderr.contains(&digest), "{run}");
        assert!(!run.stderr.contains("roken pipe"), "{run}");
        assert_eq!(image_refs(&repo), 0);
        assert!(repo.layer_commit(served.large()).is_none());
        repo.check_clean();
    }
}

#[test]
fn a_blob_cut_short_is_fetched_again() {
    let served = serve();
    served
        .proxy
        .fail(&served.large_blob(), Fault::CutAfter(1_000_000), 2);
    let repo = Repo::new(Mode::BareUser);
    let run = pull(&repo, &served.image(), &[]).ok();
    assert_eq!(image_refs(&repo), 1, "{run}");
    repo.check_clean();
}

#[test]
fn a_blob_that_is_always_cut_short_is_a_network_error_and_what_was_finished_is_kept() {
    let served = serve();
    served
        .proxy
        .fail(&served.large_blob(), Fault::CutAfter(1_000_000), 1000);
    let repo = Repo::new(Mode::BareUser);
    let run = pull(&repo, &served.image(), &["--retries", "0", "--jobs", "1"]).failed();
    assert_eq!(
        (run.code, error_kind(&run)),
        (Some(7), "network".into()),
        "{run}"
    );
    assert_eq!(image_refs(&repo), 0);
    assert!(repo.layer_commit(served.large()).is_none());
    assert!(blob_refs(&repo) <= 1);
    repo.check_clean();
}

#[test]
fn a_server_that_stalls_is_given_up_after_the_timeout() {
    let served = serve();
    served
        .proxy
        .fail(&served.large_blob(), Fault::StallAfter(500_000), 1000);
    let repo = Repo::new(Mode::BareUser);
    let run = pull(
        &repo,
        &served.image(),
        &["--retries", "0", "--stall-timeout", "2"],
    )
    .failed();
    assert_eq!(
        (run.code, error_kind(&run)),
        (Some(7), "network".into()),
        "{run}"
    );
    assert!(run.stderr.contains("stalled"), "{run}");
    repo.check_clean();
}

#[test]
fn too_many_requests_is_waited_out() {
    let served = serve();
    served
        .proxy
        .fail(&served.large_blob(), Fault::Status(429), 1);
    let repo = Repo::new(Mode::BareUser);
    let run = pull(&repo, &served.image(), &[]).ok();
    assert_eq!(image_refs(&repo), 1, "{run}");
}

#[test]
fn a_registry_that_is_gone_is_a_network_error() {
    let served = serve();
    let reference = format!("docker://{}/app:v1", served.registry.address());
    drop(served.registry);
    let repo = Repo::new(Mode::BareUser);
    let run = pull(&repo, &reference, &["--retries", "0"]).failed();
    assert_eq!(
        (run.code, error_kind(&run)),
        (Some(7), "network".into()),
        "{run}"
    );
}

#[test]
fn a_name_that_no_host_has_is_a_network_error() {
    let repo = Repo::new(Mode::BareUser);
    let reference = "docker://nobody.invalid/app:v1";
    let run = pull(&repo, reference, &["--retries", "1"]).failed();
    assert_eq!(
        (run.code, error_kind(&run)),
        (Some(7), "network".into()),
        "{run}"
    );
}
