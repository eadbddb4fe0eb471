//! Manifests, indexes and configs.

use serde_json::json;
use test_images::{BlobData, INDEX_TYPE, Image, Layout, MANIFEST_TYPE};
use whole_program_tests::{Mode, Place, Repo};

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
    let layout = Layout::new().document("latest", INDEX_TYPE, &both.manifest);
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
    let layout =
        Layout::new()
            .image("right", &built)
            .document("latest", INDEX_TYPE, &built.manifest);
    refused_layout(&layout, &["media type"]);
}

#[test]
fn a_config_that_is_not_its_descriptors_is_refused() {
    // What the manifest names as the config, with other bytes under the digest, or with another size.
    let built = image().build();
    let other = image().label("evil", "1").build();
    let layout = Layout::new()
        .image("latest", &built)
        .blob(&built.config_digest, BlobData::Memory(other.config.into()));
    refused_layout(&layout, &["config"]);
    let sized = image().edit_manifest(|manifest| manifest["config"]["size"] = json!(3));
    refused_image(&sized, &["config"]);
    let missing = Layout::new()
        .image("latest", &built)
        .without_blob(&built.config_digest);
    refused_layout(&missing, &[built.config_digest.hex()]);
}

#[test]
fn a_manifest_that_is_not_its_descriptors_is_refused() {
    let built = image().build();
    let other = image().label("evil", "1").build();
    let layout = Layout::new().image("latest", &built).blob(
        &built.manifest_digest,
        BlobData::Memory(other.manifest.into()),
    );
    refused_layout(&layout, &["digest"]);
}

#[test]
fn a_missing_layer_is_named_and_the_others_stay() {
    // One after the other, the large one first: it is done when the missing one fails.
    let image = Image::of([layer("file usr/x size=100000 seed=1"), layer("file usr/y")]);
    let built = image.build();
    let missing = &image.layers[1].digest;
    let place = Place::of(&Layout::new().image("latest", &built).without_blob(missing));
    let repo = Repo::new(Mode::BareUser);
    let failed = repo
        .image("pull", ["--jobs", "1", &place.latest()])
        .failed();
    assert!(failed.stderr.contains(missing.hex()), "{failed}");
    assert_eq!(repo.layer_commit(missing), None);
    // The image completes once the blob is there, and the first layer is not stored again.
    Layout::new()
        .image("latest", &built)
        .write_dir(&place.path())
        .unwrap();
    let json = repo.pull(&place.latest()).ok().json();
    assert_eq!(json["layersReused"], 1);
}

#[test]
fn documents_that_are_no_images_are_refused() {
    for document in [
        json!({}),
        json!([]),
        json!({"schemaVersion": 1, "name": "old", "fsLayers": []}),
        json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.artifact.manifest.v1+json", "blobs": []}),
    ] {
        let bytes = document.to_string().into_bytes();
        refused_layout(
            &Layout::new().document("latest", MANIFEST_TYPE, &bytes),
            &[],
        );
    }
    let artifact = image().edit_manifest(|manifest| {
        manifest["config"]["mediaType"] = json!("application/vnd.oci.empty.v1+json");
    });
    refused_image(&artifact, &["config"]);
    // An index within an index is not followed for ever.
    let inner = Layout::new().multi_arch("inner", &[&image().build()]);
    let digest = inner.digest("inner").unwrap();
    let outer = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [{
        "mediaType": INDEX_TYPE, "digest": digest.to_string(), "size": 1,
    }]});
    let layout = inner.document("latest", INDEX_TYPE, outer.to_string().as_bytes());
    refused_layout(&layout, &[]);
}
