//! `ostree-image-signed:`: the containers policy decides, on every transport.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod support;

use image_source::{CopyReason, Error, PolicyFile, SourceEvent};
use oci_manifest::{Digest, Platform};
use support::images::{Layout, simple, tar_of};
use support::skopeo::{Bench, chain, layers, read, skopeo};
use support::transports::everywhere;
use test_images::registry::Registry;

const REJECT: &str = r#"{"default":[{"type":"reject"}]}"#;
const ACCEPT_ANYTHING: &str = r#"{"default":[{"type":"insecureAcceptAnything"}]}"#;

fn accept_only(transport: &str) -> String {
    format!(
        r#"{{"default":[{{"type":"reject"}}],"transports":{{"{transport}":{{"":[{{"type":"insecureAcceptAnything"}}]}}}}}}"#
    )
}

fn reject_only(transport: &str) -> String {
    // A second requirement, so that the default is not the one that is refused outright.
    format!(
        r#"{{"default":[{{"type":"insecureAcceptAnything"}},{{"type":"insecureAcceptAnything"}}],"transports":{{"{transport}":{{"":[{{"type":"reject"}}]}}}}}}"#
    )
}

#[test]
fn a_rejecting_policy_rejects_on_every_transport() {
    let mut all = everywhere(20_000);
    for (transport, reference) in all.references.clone() {
        for policy in [REJECT.to_owned(), reject_only(transport)] {
            all.bench.config.policy = PolicyFile(Some(all.bench.write("policy.json", &policy)));
            let error = all
                .bench
                .open(&format!("ostree-image-signed:{reference}"))
                .expect_err(transport);
            assert!(
                matches!(&error, Error::PolicyRejected { .. }),
                "{transport}: {error:?}"
            );
            assert!(
                error.to_string().contains(&reference),
                "{transport}: {error}"
            );
            assert!(
                all.bench.left_in_tmp().is_empty(),
                "{transport}: {:?}",
                all.bench.left_in_tmp()
            );
        }
    }
    assert_eq!(all.bench.retries(), 0);
}

#[test]
fn a_policy_that_accepts_this_transport_lets_its_image_through_and_no_other() {
    let mut all = everywhere(20_000);
    let references = all.references.clone();
    for (transport, reference) in &references {
        all.bench.config.policy =
            PolicyFile(Some(all.bench.write("policy.json", accept_only(transport))));
        let source = all
            .bench
            .open(&format!("ostree-image-signed:{reference}"))
            .unwrap_or_else(|error| panic!("{transport}: {}", chain(&error)));
        assert_eq!(source.config().unwrap().labels()["a"], "b", "{transport}");
        for layer in layers(source.as_ref()) {
            let bytes = read(source.as_ref(), &layer).unwrap();
            assert_eq!(
                Digest::sha256_of(&bytes),
                layer.descriptor.digest,
                "{transport}"
            );
        }
        if matches!(*transport, "oci" | "oci-archive" | "docker" | "dir") {
            assert_eq!(
                *source.manifest_digest(),
                all.image.digest,
                "{transport}: the original's"
            );
        }
        drop(source);
        let (other_transport, other) = references
            .iter()
            .find(|(name, _)| name != transport)
            .unwrap();
        let error = all
            .bench
            .open(&format!("ostree-image-signed:{other}"))
            .expect_err(other_transport);
        assert!(
            matches!(error, Error::PolicyRejected { .. }),
            "{other_transport} under {transport}'s: {error:?}"
        );
    }
    assert!(all.bench.left_in_tmp().is_empty());
}

#[test]
fn without_signed_nobody_asks_for_a_policy() {
    let mut all = everywhere(1000);
    all.bench.config.policy = PolicyFile(None);
    for (transport, reference) in &all.references {
        assert!(all.bench.open(reference).is_ok(), "{transport}");
        let remote = format!("ostree-remote-image:fedora:{reference}");
        assert!(
            all.bench.open(&remote).is_ok(),
            "{transport}: the commit's signature is the importer's business"
        );
    }
}

#[test]
fn a_policy_that_cannot_verify_anything_is_refused_before_anything_is_fetched() {
    let mut bench = Bench::new();
    bench.config.skopeo = "/nonexistent/skopeo".into();
    let reference = "ostree-image-signed:docker://127.0.0.1:1/app:v1";
    assert!(matches!(
        bench.open(reference),
        Err(Error::PolicyMissing { .. })
    ));
    bench.config.policy = PolicyFile(Some("/nonexistent/policy.json".into()));
    assert!(matches!(bench.open(reference), Err(Error::Io { .. })));
    for (text, right) in [
        (
            ACCEPT_ANYTHING,
            (|e: &Error| matches!(e, Error::PolicyAcceptsAnything { .. })) as fn(&Error) -> bool,
        ),
        ("no json", |e| matches!(e, Error::PolicyInvalid { .. })),
    ] {
        bench.config.policy = PolicyFile(Some(bench.write("policy.json", text)));
        let error = bench.open(reference).unwrap_err();
        assert!(right(&error), "{error:?}");
    }
    bench.config.policy = PolicyFile(Some(bench.write("policy.json", REJECT)));
    let digest = Digest::sha256_of(b"x");
    let by_digest = format!("ostree-image-signed:oci:/nonexistent@{digest}");
    assert!(matches!(
        bench.open(&by_digest),
        Err(Error::UnverifiableReference { .. })
    ));
    assert!(matches!(
        bench.open(reference),
        Err(Error::ToolMissing { .. })
    ));
}

#[test]
fn a_docker_image_behind_a_policy_keeps_its_digest() {
    let mut bench = Bench::new();
    let (layout, _) = simple(100_000);
    layout.write_dir(&bench.path("l"));
    let docker = bench.path("docker").display().to_string();
    let oci = format!("oci:{}:v1", bench.path("l").display());
    skopeo([
        "copy",
        "-q",
        "--format",
        "v2s2",
        &oci,
        &format!("dir:{docker}"),
    ]);
    let original = Digest::sha256_of(&std::fs::read(bench.path("docker/manifest.json")).unwrap());
    bench.config.policy = PolicyFile(Some(bench.write("policy.json", accept_only("dir"))));
    let source = bench
        .open(&format!("ostree-image-signed:dir:{docker}"))
        .unwrap();
    assert_eq!(*source.manifest_digest(), original);
    for layer in layers(source.as_ref()) {
        assert_eq!(
            Digest::sha256_of(&read(source.as_ref(), &layer).unwrap()),
            layer.descriptor.digest
        );
    }
}

#[test]
fn what_skopeo_s_proxy_does_with_a_policy_is_found_out_and_told() {
    let mut all = everywhere(1000);
    all.bench.config.policy = PolicyFile(Some(all.bench.write("policy.json", accept_only("oci"))));
    let oci = all.references[0].1.clone();
    drop(
        all.bench
            .open(&format!("ostree-image-signed:{oci}"))
            .unwrap(),
    );
    let copying = SourceEvent::Copying {
        reference: oci,
        reason: CopyReason::Policy,
    };
    let copied = all.bench.events.lock().unwrap().contains(&copying);
    // The proxy itself is asked whether it serves what a policy rejects.
    all.bench.write("policy.json", REJECT);
    let serves = proxy_serves_rejected(&all.bench);
    assert_eq!(
        copied, serves,
        "copied exactly where the proxy does not enforce"
    );
}

/// Opens a registry image the unverified way with a script that gives the proxy a rejecting policy.
fn proxy_serves_rejected(bench: &Bench) -> bool {
    let mut other = Bench::new();
    let (layout, _) = simple(10);
    layout.write_dir(&other.path("l"));
    let dir = format!("dir:{}", other.path("d").display());
    skopeo([
        "copy",
        "-q",
        &format!("oci:{}:v1", other.path("l").display()),
        &dir,
    ]);
    let policy = bench.path("policy.json");
    let script = format!(
        "#!/bin/sh\nexec skopeo --policy {} \"$@\"\n",
        policy.display()
    );
    other.config.skopeo = other.script("with-policy", &script);
    other.open(&dir).is_ok()
}

#[test]
fn an_image_of_an_index_behind_a_policy_knows_its_index() {
    let mut bench = Bench::new();
    let mut layout = Layout::new();
    let platforms = ["linux/amd64", "linux/arm64/v8"].map(|text| text.parse().unwrap());
    let images = platforms.each_ref().map(|platform: &Platform| {
        let content = platform.to_string();
        layout.image(&[tar_of([("for", content.as_bytes())])], platform)
    });
    let entries = [0, 1].map(|i| images[i].entry_for(&platforms[i]));
    let index = layout.index(&entries);
    let digest = index["digest"].as_str().unwrap().to_owned();
    layout.tag(index, "v1");
    layout.write_dir(&bench.path("l"));
    let registry = Registry::start();
    registry.push(
        &format!("oci:{}:v1", bench.path("l").display()),
        "many:v1",
        None,
    );
    bench.config.policy = PolicyFile(Some(bench.write("policy.json", accept_only("docker"))));
    for (platform, image) in platforms.iter().zip(&images) {
        bench.config.platform = platform.clone();
        let name = format!("{}/many@{digest}", registry.address());
        let source = bench
            .open(&format!("ostree-image-signed:docker://{name}"))
            .unwrap_or_else(|error| panic!("{}", chain(&error)));
        assert_eq!(*source.manifest_digest(), image.digest);
        assert_eq!(source.index_digest().unwrap().to_string(), digest);
        assert_eq!(
            source.config().unwrap().architecture(),
            platform.architecture
        );
    }
}
