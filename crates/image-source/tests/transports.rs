//! The same image through every transport.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod support;

use std::io::Read as _;

use image_source::{CopyReason, Encoding, Error, FailureKind, Source, SourceEvent};
use oci_manifest::Digest;
use support::images::{noise, tar_of};
use support::skopeo::{Bench, chain, layers, read, skopeo};
use support::transports::everywhere;

/// A layer's tar, decompressed if it is compressed.
fn tar_bytes(source: &dyn Source, index: usize) -> Vec<u8> {
    let bytes = read(source, &layers(source)[index]).unwrap();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut tar = Vec::new();
        flate2::read::MultiGzDecoder::new(bytes.as_slice())
            .read_to_end(&mut tar)
            .unwrap();
        return tar;
    }
    bytes
}

/// Each layer is what its descriptor and its diff_id say.
fn check_layers(transport: &str, source: &dyn Source) {
    let docker = ["docker-archive", "docker-daemon", "containers-storage"].contains(&transport);
    let encoding = if docker {
        Encoding::Sniff
    } else {
        Encoding::Declared
    };
    let layers = layers(source);
    assert_eq!(layers.len(), 2, "{transport}");
    for layer in &layers {
        let tar = tar_bytes(source, layer.index);
        assert_eq!(
            Digest::sha256_of(&tar),
            layer.diff_id.0,
            "{transport}: diff_id"
        );
        let bytes = read(source, layer).unwrap();
        assert_eq!(
            Digest::sha256_of(&bytes),
            layer.descriptor.digest,
            "{transport}: digest"
        );
        assert_eq!(
            bytes.len() as u64,
            layer.descriptor.size,
            "{transport}: size"
        );
        let blob = source.blob(layer).unwrap();
        assert_eq!(
            (blob.encoding, blob.digest_applies),
            (encoding, true),
            "{transport}"
        );
    }
}

#[test]
fn every_transport_gives_the_image() {
    let all = everywhere(300_000);
    for (transport, reference) in &all.references {
        all.bench.events.lock().unwrap().clear();
        let source = all
            .bench
            .open(reference)
            .unwrap_or_else(|error| panic!("{transport}: {}", chain(&error)));
        let config = source
            .config()
            .unwrap_or_else(|error| panic!("{transport}: {}", chain(&error)));
        assert_eq!(config.labels()["a"], "b", "{transport}");
        check_layers(transport, source.as_ref());
        if matches!(*transport, "oci" | "oci-archive" | "docker" | "dir") {
            assert_eq!(*source.manifest_digest(), all.image.digest, "{transport}");
        }
        let copied = matches!(*transport, "containers-storage" | "docker-daemon");
        let event = SourceEvent::Copying {
            reference: reference.clone(),
            reason: CopyReason::Transport,
        };
        assert_eq!(
            all.bench.events.lock().unwrap().contains(&event),
            copied,
            "{transport}"
        );
        // A docker archive's directory is for what skopeo unpacks.
        let private = copied || *transport == "docker-archive";
        assert_eq!(
            !all.bench.left_in_tmp().is_empty(),
            private,
            "{transport}: a copy lives as long as its source"
        );
        drop(source);
        assert!(
            all.bench.left_in_tmp().is_empty(),
            "{transport}: {:?}",
            all.bench.left_in_tmp()
        );
    }
    assert_eq!(all.bench.retries(), 0);
}

#[test]
fn a_docker_image_is_converted_and_keeps_its_digest() {
    let bench = Bench::new();
    let (layout, _) = support::images::simple(200_000);
    layout.write_dir(&bench.path("l"));
    let (oci, docker) = (
        format!("oci:{}:v1", bench.path("l").display()),
        bench.path("docker").display().to_string(),
    );
    skopeo([
        "copy",
        "-q",
        "--format",
        "v2s2",
        &oci,
        &format!("dir:{docker}"),
    ]);
    let original = std::fs::read(bench.path("docker/manifest.json")).unwrap();
    let source = bench.open(&format!("dir:{docker}")).unwrap();
    assert_eq!(*source.manifest_digest(), Digest::sha256_of(&original));
    assert!(
        source
            .manifest()
            .config()
            .media_type
            .starts_with("application/vnd.oci."),
        "as OCI"
    );
    assert_eq!(layers(source.as_ref()).len(), 2);
    for layer in layers(source.as_ref()) {
        assert_eq!(
            Digest::sha256_of(&read(source.as_ref(), &layer).unwrap()),
            layer.descriptor.digest
        );
    }
}

#[test]
fn what_is_not_there_is_named() {
    let bench = Bench::new();
    let storage = format!(
        "[vfs@{}+{}]",
        bench.path("s").display(),
        bench.path("r").display()
    );
    for reference in [
        "dir:/nonexistent/image".to_owned(),
        "docker-archive:/nonexistent/image.tar".to_owned(),
        format!("containers-storage:{storage}localhost/none:v1"),
    ] {
        let error = bench.open(&reference).unwrap_err();
        assert_eq!(
            error.failure_kind(),
            Some(FailureKind::NotFound),
            "{}",
            chain(&error)
        );
        assert!(bench.left_in_tmp().is_empty());
    }
    assert_eq!(bench.retries(), 0);
}

#[test]
fn a_damaged_dir_is_found() {
    let all = everywhere(50_000);
    let file = all.bench.path("dir").join(all.image.layers[0].hex());
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let source = all
        .bench
        .open(&format!("dir:{}", all.bench.path("dir").display()))
        .unwrap();
    let error = read(source.as_ref(), &layers(source.as_ref())[0]).unwrap_err();
    assert_eq!(
        error.failure_kind(),
        Some(FailureKind::Integrity),
        "{}",
        chain(&error)
    );
    std::fs::remove_file(&file).unwrap();
    let error = read(source.as_ref(), &layers(source.as_ref())[0]).unwrap_err();
    assert_eq!(
        error.failure_kind(),
        Some(FailureKind::NotFound),
        "{}",
        chain(&error)
    );
}

#[test]
fn a_layer_larger_than_all_buffers_comes_through_the_proxy_whole() {
    let bench = Bench::new();
    let mut layout = support::images::Layout::new();
    let big = noise(3, 40 << 20);
    let image = layout.image(
        &[tar_of([("big", big.as_slice())])],
        &oci_manifest::Platform::host(),
    );
    layout.tag(image.entry(), "v1");
    layout.write_dir(&bench.path("l"));
    let dir = format!("dir:{}", bench.path("d").display());
    skopeo([
        "copy",
        "-q",
        &format!("oci:{}:v1", bench.path("l").display()),
        &dir,
    ]);
    let source = bench.open(&dir).unwrap();
    assert!(read(source.as_ref(), &layers(source.as_ref())[0]).unwrap() == image.blobs[0]);
}

#[test]
fn an_error_of_a_reader_is_ours() {
    let all = everywhere(1000);
    let file = all.bench.path("dir").join(all.image.layers[0].hex());
    let source = all
        .bench
        .open(&format!("dir:{}", all.bench.path("dir").display()))
        .unwrap();
    let layer = &layers(source.as_ref())[0];
    std::fs::write(&file, "short").unwrap();
    let mut blob = source.blob(layer).unwrap();
    let error = blob.reader.read_to_end(&mut Vec::new()).unwrap_err();
    assert!(
        error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Error>())
            .is_some(),
        "{error:?}"
    );
    assert!(
        blob.reader.read(&mut [0]).is_err(),
        "an error is not followed by an end"
    );
}

#[test]
fn a_compressed_docker_archive_leaves_nothing_behind() {
    let all = everywhere(500_000);
    let archive = std::fs::read(all.bench.path("docker.tar")).unwrap();
    let gzipped = all
        .bench
        .write("docker.tar.gz", support::images::gzip(&archive));
    let source = all
        .bench
        .open(&format!("docker-archive:{}", gzipped.display()))
        .unwrap();
    for layer in layers(source.as_ref()) {
        assert_eq!(
            Digest::sha256_of(&tar_bytes(source.as_ref(), layer.index)),
            layer.diff_id.0
        );
    }
    drop(source);
    assert!(all.bench.left_in_tmp().is_empty());
}

#[test]
fn a_file_that_ends_too_early_is_not_tried_again() {
    let all = everywhere(50_000);
    let archive = std::fs::read(all.bench.path("docker.tar")).unwrap();
    for length in [2, archive.len() / 2] {
        let cut = all.bench.write("cut.tar", &archive[..length]);
        let source = all.bench.open(&format!("docker-archive:{}", cut.display()));
        let read = source.and_then(|source| {
            source.config()?;
            read(source.as_ref(), &layers(source.as_ref())[0])
        });
        let error = read.unwrap_err();
        let said = chain(&error);
        assert_eq!(error.failure_kind(), Some(FailureKind::Permanent), "{said}");
        assert_eq!(all.bench.retries(), 0, "{said}");
    }
}
