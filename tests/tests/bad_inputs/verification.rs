//! Digests, sizes, `diff_ids`: nothing that disagrees with them gets a ref.

use test_images::{Digest, Image, Layer, Layout, Packing};
use whole_program_tests::{Mode, Place, Repo};

use crate::harness::{
    accepted_layers, layer, refused, refused_image, refused_layer, refused_single,
};

#[test]
fn row_01_blob_bytes_do_not_match_the_digest() {
    let mut liar = layer("file usr/x \"evil\"");
    liar.digest = Digest::sha256_of(b"another blob");
    refused_layer(
        &Image::of([layer("file usr/good \"1\""), liar]),
        1,
        &["digest"],
    );
}

#[test]
fn row_01_the_right_blob_is_pulled_after_the_wrong_one() {
    let good = layer("file usr/x \"good\"");
    let evil = layer("file usr/x \"evil\"");
    let image = Image::of([good.clone()]).build();
    let layout = Layout::new().image("latest", &image);
    let repo = Repo::new(Mode::BareUser);
    // The same descriptor, the bytes another layer's of the same size.
    let mut padded = evil.blob().unwrap();
    padded.resize(good.blob().unwrap().len(), 0);
    let wrong = layout
        .clone()
        .blob(&good.digest, test_images::BlobData::Memory(padded.into()));
    let place = Place::of(&wrong);
    for _ in 0..2 {
        refused(&repo, &place.latest(), &["digest"]);
        assert_eq!(repo.layer_commit(&good.digest), None);
    }
    layout.write_dir(&place.path()).unwrap();
    let tree = repo.pulled(&place.latest());
    assert_eq!(tree.at("/usr/x").size, 4);
    assert_eq!(
        repo.ostree(["cat", &repo.layer_commit(&good.digest).unwrap(), "/usr/x"]),
        "good"
    );
}

#[test]
fn row_01_blob_larger_or_smaller_than_the_descriptor_says() {
    for change in [-1_i64, 1] {
        let mut liar = layer("file usr/x \"1\"");
        liar.size = liar.size.checked_add_signed(change).unwrap();
        refused_single(liar, &["bytes"]);
    }
}

#[test]
fn row_02_diff_id_in_the_config_is_wrong() {
    let mut liar = layer("file usr/x \"1\"");
    liar.diff_id = Digest::sha256_of(b"another tar");
    refused_single(liar, &["diff_id"]);
}

#[test]
fn row_02b_wrong_diff_id_is_no_way_to_another_images_layer() {
    // The second image claims the diff_id of the first one's layer for a blob of its own.
    let victim = layer("file usr/x \"victim\"");
    let mut claimant = layer("file usr/x \"claimant\"");
    claimant.diff_id = victim.diff_id.clone();
    let layout = Layout::new()
        .image("victim", &Image::of([victim]).build())
        .image("claimant", &Image::of([claimant.clone()]).build());
    let place = Place::of(&layout);
    let repo = Repo::new(Mode::BareUser);
    repo.pull(&place.tag("victim")).ok();
    let run = repo.pull(&place.tag("claimant"));
    // Reuse by a diff_id that we verified ourselves is allowed: then the victim's content is what the config
    // asks for. What must never be: the claimant's bytes under the victim's diff_id.
    if run.code == Some(0) {
        let commit = run.json()["mergeCommit"].as_str().unwrap().to_owned();
        assert_eq!(repo.ostree(["cat", &commit, "/usr/x"]), "victim");
    } else {
        assert_eq!(repo.layer_commit(&claimant.digest), None);
    }
    repo.check_clean();
}

#[test]
fn row_02b_a_diff_id_that_another_image_only_claimed_is_no_key() {
    // The first image lies about its layer; the second one has the layer that the diff_id truly names.
    let honest = layer("file usr/x \"honest\"");
    let mut liar = layer("file usr/x \"liar\"");
    liar.diff_id = honest.diff_id.clone();
    let recompressed = Layer::new(
        &test_images::Listing::parse("file usr/x \"honest\"")
            .unwrap()
            .to_tar(test_images::tar::Dialect::Pax)
            .unwrap(),
        Packing::ZSTD,
    );
    assert_eq!(recompressed.diff_id, honest.diff_id);
    let layout = Layout::new()
        .image("liar", &Image::of([liar]).build())
        .image("honest", &Image::of([recompressed]).build());
    let place = Place::of(&layout);
    let repo = Repo::new(Mode::BareUser);
    refused(&repo, &place.tag("liar"), &["diff_id"]);
    let json = repo.pull(&place.tag("honest")).ok().json();
    assert_eq!(json["layersReused"], 0);
    let commit = json["mergeCommit"].as_str().unwrap();
    assert_eq!(repo.ostree(["cat", commit, "/usr/x"]), "honest");
}

#[test]
fn row_03_fewer_diff_ids_than_layers() {
    let image = Image::of([layer("file usr/a"), layer("file usr/b")]).fewer_diff_ids(1);
    refused_image(&image, &["diff_id"]);
    let image = Image::of([layer("file usr/a")]).fewer_diff_ids(1);
    refused_image(&image, &["diff_id"]);
}

#[test]
fn row_49_empty_layer_and_zero_bytes() {
    let empty_tar = layer("");
    let zero_bytes = Layer::new(b"", Packing::None);
    let zero_bytes_packed = Layer::new(b"", Packing::GZIP);
    let pulled = accepted_layers([
        layer("file usr/x"),
        empty_tar,
        zero_bytes,
        zero_bytes_packed,
    ]);
    assert_eq!(pulled.tree.paths(), ["/", "/usr", "/usr/x"]);
    let root = pulled.tree.at("/");
    assert_eq!((root.mode, root.uid, root.gid), (0o755, 0, 0));
}

#[test]
fn row_50_same_layer_twice_with_a_whiteout_between() {
    let adds = layer("file usr/x \"1\"\nfile usr/y \"1\"");
    let removes = layer("whiteout usr/x\nwhiteout usr/y");
    let pulled = accepted_layers([adds.clone(), removes.clone(), adds.clone()]);
    assert_eq!(pulled.tree.paths(), ["/", "/usr", "/usr/x", "/usr/y"]);
    let pulled = accepted_layers([adds.clone(), removes.clone(), adds, removes]);
    assert_eq!(pulled.tree.paths(), ["/", "/usr"]);
}
