//! Manifests, indexes and configs.

use serde_json::json;
use test_images::{Image, Layout, MANIFEST_TYPE};

use crate::harness::{accepted, layer, refused_image, refused_layout};

fn image() -> Image {
    Image::of([layer("file usr/x")])
}

#[test]
fn row_51_unknown_media_type() {
    for media_type in [
        "application/vnd.example.layer",
        "text/plain",
        "application/vnd.oci.image.layer.v1.tar+xz",
    ] {
        let mut image = image();
        media_type.clone_into(&mut image.layers[0].media_type);
        refused_image(&image, &[media_type]);
    }
}

#[test]
fn row_52_foreign_media_type() {
    for media_type in [
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    ] {
        let mut image = image();
        media_type.clone_into(&mut image.layers[0].media_type);
        let image = image.edit_manifest(|manifest| {
            manifest["layers"][0]["urls"] = json!(["http://127.0.0.1:9/steal"]);
        });
        refused_image(&image, &[media_type]);
    }
}

#[test]
fn row_53_manifest_without_layers() {
    refused_image(&Image::new(), &["layers"]);
    let image = image().edit_manifest(|manifest| {
        manifest.as_object_mut().unwrap().remove("layers");
    });
    refused_image(&image, &["layers"]);
}

#[test]
fn row_55_other_architecture() {
    let other = image().platform("linux/s390x");
    refused_image(&other, &["s390x"]);
    let index = Layout::new().multi_arch("latest", &[&other.build()]);
    refused_layout(&index, &["s390x"]);
}

#[test]
fn row_cfg_config_without_history() {
    let pulled = accepted(&image().without_history());
    let name = pulled.json["image"].as_str().unwrap();
    pulled.repo.image("history", [name]).ok();
    // With fewer entries than layers, too.
    let two = Image::of([layer("file usr/x"), layer("file usr/y")]).edit_config(|config| {
        config["history"].as_array_mut().unwrap().truncate(1);
    });
    let pulled = accepted(&two);
    let name = pulled.json["image"].as_str().unwrap();
    pulled.repo.image("history", [name]).ok();
}

#[test]
fn row_big_json_manifest_over_4_mib() {
    refused_image(
        &image().padded_manifest(4 * 1024 * 1024),
        &["manifest", "4194304"],
    );
    let config = image().label("padding", &"x".repeat(4 * 1024 * 1024));
    refused_image(&config, &["config", "4194304"]);
    // A descriptor that lies about it.
    let built = image().padded_manifest(5 * 1024 * 1024).build();
    let layout = Layout::new().document("latest", MANIFEST_TYPE, &built.manifest);
    refused_layout(&layout, &["4194304"]);
}

#[test]
fn row_index_manifest_document_that_is_both() {
    refused_image(&image().also_an_index(), &["both"]);
    let both = image()
        .edit_manifest(|manifest| {
            manifest["manifests"] = json!([]);
            manifest["mediaType"] = json!("application/vnd.oci.image.index.v1+json");
        })
        .build();
    let layout = Layout::new().document("latest", test_images::INDEX_TYPE, &both.manifest);
    refused_layout(&layout, &[]);
    // Without a media type inside, the descriptor's word against the content.
    let silent = image().edit_manifest(|manifest| {
        manifest["manifests"] = json!([]);
        manifest.as_object_mut().unwrap().remove("mediaType");
    });
    refused_image(&silent, &["both"]);
}

#[test]
fn row_index_manifest_descriptor_and_document_disagree() {
    // CVE-2021-41190: the descriptor calls an index what is a manifest. All blobs are there.
    let built = image().build();
    let layout = Layout::new().image("right", &built).document(
        "latest",
        test_images::INDEX_TYPE,
        &built.manifest,
    );
    refused_layout(&layout, &["media type"]);
}
